"""Pictures in the terminal as they are drawn, four of every task and arm, between the bars of progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from selfreward_eval.cli.progress import BarProgress

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.console import Console
    from rich.text import Text

    from selfreward_eval.harness.records import SampleRecord

__all__ = ["DrawingProgress", "half_blocks"]

SHOWN = 4
"""Pictures of a task."""

FIRST = 32
"""They are chosen from so many samples, the first ones: the same prompts and seeds in both arms."""

PLACES = ("evaluation-*/*/samples_*.jsonl", "*/samples_*.jsonl")
"""Where the samples of an arm are: of a training run's evaluations, or of a run of its own."""

SIDE = 24
"""Columns of a picture; a line of text is two rows of pixels."""


class DrawingProgress(BarProgress):
    """Bars, and pictures once a task has some; without colours only the bars.

    Args:
        folders: name of an arm -> folder in which its run folders appear, see :data:`PLACES`.
        console: to write to; standard error by default.
    """

    def __init__(self, folders: Mapping[str, Path], console: Console | None = None) -> None:
        super().__init__(console)
        self._folders, self._seen = dict(folders), set[Path]()
        self._looking = Lock()

    def start(self, task: str, total: int, done: int) -> None:
        self._look(at_least=1)
        super().start(task, total, done)

    def advance(self, task: str, count: int) -> None:
        super().advance(task, count)
        self._look(at_least=FIRST)

    def _look(self, at_least: int) -> None:
        """Shows pictures of every task that has so many samples and was not shown yet."""
        if not self._console.is_terminal or self._console.color_system is None:
            return
        from selfreward_eval.harness.errors import InputError
        from selfreward_eval.harness.runs.reader import read_samples

        with self._looking:  # Two runs that go on at once tell of their samples from two threads.
            for arm, folder in self._folders.items():
                for path in sorted(one for place in PLACES for one in folder.glob(place)):
                    if path in self._seen:
                        continue
                    try:
                        records = read_samples(path).records[:FIRST]
                    except (InputError, OSError):  # It is being written; whoever reads all of it will tell.
                        continue
                    if len(records) >= at_least:
                        self._seen.add(path)
                        self._show(arm, path, records)

    def _show(self, arm: str, path: Path, records: Sequence[SampleRecord]) -> None:
        from rich.table import Table
        from rich.text import Text

        from selfreward_eval.harness.user_files.pictures import Unreadable, read_rgb_file

        drawn = [one for one in records if one.sample.image is not None and one.sample.text is None]
        firsts = list({one.item.id: one for one in reversed(drawn)}.values())[::-1]
        fitting = min(SHOWN, max(1, (self._console.width + 2) // (SIDE + 2)))
        grid = Table.grid(padding=(0, 2, 0, 0))
        pictures, words = [], []
        binary = {number for record in drawn for number in _numbers(record)} <= {0.0, 1.0}
        for record in firsts[:: max(1, -(-len(firsts) // fitting))]:
            try:
                picture = read_rgb_file(path.parent / str(record.sample.image))
            except (OSError, Unreadable):
                continue
            grid.add_column(width=SIDE)
            pictures.append(half_blocks(picture))
            words.append(Text(f"{_verdict(record, binary)} {record.item.text}"))
        if pictures:
            task = path.stem.removeprefix("samples_").rpartition("_")[0]
            grid.add_row(*pictures)
            grid.add_row(*words)
            self._console.print(f"\n{task}, {arm}:", highlight=False, markup=False)
            self._console.print(grid)


def half_blocks(picture: Image) -> Text:
    """A picture as coloured half blocks, :data:`SIDE` columns wide."""
    from PIL import Image as PillowImage
    from rich.text import Text

    small = picture.convert("RGB").resize((SIDE, SIDE), PillowImage.Resampling.BOX)
    text = Text()
    for y in range(0, SIDE, 2):
        for x in range(SIDE):
            upper, lower = (small.getpixel((x, row)) for row in (y, y + 1))
            text.append("▀", style=f"{_colour(upper)} on {_colour(lower)}")
        text.append("\n" if y + 2 < SIDE else "")
    return text


def _colour(pixel: Any) -> str:
    red, green, blue = pixel
    return f"#{red:02x}{green:02x}{blue:02x}"


def _numbers(record: SampleRecord) -> list[float]:
    """The headline number of a measurement, which is its first one; empty where it has none."""
    return [float(value) for value in record.measurement.values.values()][:1]


def _verdict(record: SampleRecord, binary: bool) -> str:
    """A sign where numbers say right or wrong, else the number."""
    for value in _numbers(record):
        return ("✓" if value else "✗") if binary else f"{value:.2f}"
    return "?"
