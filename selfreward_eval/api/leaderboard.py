"""A static site from many runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from selfreward_eval.api.objects import PathLike
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.leaderboards import build
from selfreward_eval.leaderboards.build import PICTURES, TITLE, Built
from selfreward_eval.leaderboards.importing import load_imported

if TYPE_CHECKING:
    from selfreward_eval.harness.runs.run import Progress

__all__ = ["build_leaderboard"]


def build_leaderboard(
    runs: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    cache: PathLike | None = None,
    pictures: int = PICTURES,
    own_settings: bool = False,
    imported: Sequence[PathLike] = (),
    trainings: Sequence[PathLike] = (),
    title: str = TITLE,
    processes: int = 1,
    progress: Progress | None = None,
) -> Built:
    """Builds a static site from runs: tables with intervals, ranks and tie groups, pictures, comparisons.

    Only comparable runs share a table. The same runs give the same bytes.

    Args:
        runs: run folders, or folders that hold some; one or several.
        out: folder of the site.
        cache: folder for what was read; ``<out>.cache`` by default. It may be deleted at any time.
        pictures: items per task whose first picture is shown, 0 for none.
        own_settings: let models with different generation settings share a table, which says so.
        imported: files of rows that ``leaderboard import`` wrote, shown apart.
        trainings: folders of training runs, or folders that hold some: their records are shown on the pages
            of their weights. The training run that a run lies in is found without being named.
        title: of the first page.
        processes: how many read runs side by side; changes speed only.
        progress: told how many runs there are and about each that is ready.

    Raises:
        UsageError: no runs, the same run twice, or a folder ``out`` that holds something else.
        InputError: a run, a training record or a file that cannot be read.
    """
    several = runs if isinstance(runs, Sequence) and not isinstance(runs, str) else [runs]
    if isinstance(imported, str):
        raise UsageError(f"imported is a list of files; write imported=[{imported!r}]")
    if isinstance(trainings, str):
        raise UsageError(f"trainings is a list of folders; write trainings=[{trainings!r}]")
    return build.build_leaderboard(
        [Path(one) for one in several],
        Path(out),
        cache=None if cache is None else Path(cache),
        pictures=pictures,
        own_settings=own_settings,
        imported=[row for path in imported for row in load_imported(Path(path))],
        trainings=[Path(one) for one in trainings],
        title=title,
        processes=processes,
        progress=progress,
    )
