"""Cuts upstream's files, four pictures pasted into one per prompt, into pictures that ``folder`` reads.

    python -m selfreward_eval.tasks.dpg_bench.grids GRIDS PICTURES
    selfreward-eval run --model folder --model-args path=PICTURES,layout=ids --tasks dpg_bench

Upstream is told the side of one picture and never checks it, so that a wrong one reads parts of the first
picture or black windows. Here a file must be a square of two by two pictures.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from selfreward_eval.harness.errors import InputError, SelfRewardError, UsageError
from selfreward_eval.harness.user_files.pictures import Unreadable, read_rgb
from selfreward_eval.tasks.dpg_bench.scoring import windows

PICTURES = 4


def split_grids(grids: Path, target: Path) -> int:
    """Writes ``<id>_0.png`` to ``<id>_3.png`` for every picture file ``<id>.*`` in ``grids``.

    Args:
        grids: folder of files with four pictures each, by rows.
        target: created; must hold nothing yet.

    Returns:
        How many files were cut.

    Raises:
        InputError: no such folder or nothing in it, a file that is no picture or no square of even side, two
            files of one id, or a target that is not empty.
    """
    if not grids.is_dir():
        raise InputError(f"there is no folder {grids}; give the one that holds the files of four pictures")
    files = sorted(path for path in grids.iterdir() if path.is_file() and not path.name.startswith("."))
    if not files:
        raise InputError(f"{grids} holds no files; give the folder of files of four pictures")
    if target.exists() and any(target.iterdir()):
        raise InputError(f"{target} is not empty; give another folder for the pictures")
    target.mkdir(parents=True, exist_ok=True)
    for file in files:
        try:
            with file.open("rb") as source:
                image = read_rgb(source)
        except (Unreadable, OSError) as error:
            raise InputError(f"{file} is no picture ({error}); move it elsewhere") from error
        width, height = image.size
        if width != height or width % 2:
            raise InputError(
                f"{file} has {width} x {height} pixels, which is no square of two by two pictures"
            )
        # Upstream's item id ends at the first dot.
        name = file.name.split(".")[0]
        for index, window in enumerate(windows(width // 2, PICTURES)):
            path = target / f"{name}_{index}.png"
            if path.exists():
                raise InputError(f"{grids} holds two files for the item {name!r}; remove one")
            image.crop(window).save(path)
    return len(files)


def main(arguments: Sequence[str]) -> int:
    """The command; the exit code of an error is 2."""
    try:
        if len(arguments) != 2:
            raise UsageError("give two folders: that of the files of four pictures, and one for the pictures")
        count = split_grids(Path(arguments[0]), Path(arguments[1]))
    except SelfRewardError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{count} files cut into {count * PICTURES} pictures in {arguments[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
