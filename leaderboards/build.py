"""From run folders to a site: read, group, rank, write.

>>> built = build_leaderboard([Path("results/a"), Path("results/b")], Path("site"))  # doctest: +SKIP
>>> built.written.made  # doctest: +SKIP
('index.html', ...)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.leaderboards.board import Board, make_board
from selfreward_eval.leaderboards.entries import Entry
from selfreward_eval.leaderboards.gathering import gather, run_folders
from selfreward_eval.leaderboards.grouping import group_runs
from selfreward_eval.leaderboards.importing import Imported
from selfreward_eval.leaderboards.rendering import assets, look, render
from selfreward_eval.leaderboards.reported import load_protocols, load_published
from selfreward_eval.leaderboards.reported_view import protocols_of_task, reported_json, reported_page
from selfreward_eval.leaderboards.scripts import boards_script, cards_script, pairs_script
from selfreward_eval.leaderboards.site import Site, Written
from selfreward_eval.leaderboards.tables import boards_csv, boards_json, boards_markdown
from selfreward_eval.leaderboards.training_records import training_extracts
from selfreward_eval.leaderboards.training_view import TrainedPages
from selfreward_eval.leaderboards.views import (
    board_page,
    board_title,
    compare_page,
    index_page,
    model_page,
    page_of,
)

if TYPE_CHECKING:
    from selfreward_eval.harness.runs.run import Progress

__all__ = ["PICTURES", "TITLE", "Built", "build_leaderboard"]

TITLE = "Leaderboard"

STEP = "runs"
"""What progress is shown of."""

PICTURES = 12
"""Items per task whose first picture a model's page shows."""


@dataclass(frozen=True)
class Built:
    """What a build made.

    Attributes:
        folder: of the site; ``index.html`` in it is the first page.
        boards: in the order of the first page.
        runs: how many stand on them.
        read: how many of these were read now; the others came from the cache.
        written: what changed on the disk.
        trained: how many of the runs show a training record on their page.
    """

    folder: Path
    boards: tuple[Board, ...]
    runs: int
    read: int
    written: Written
    trained: int = 0


def build_leaderboard(
    runs: Sequence[Path],
    out: Path,
    *,
    cache: Path | None = None,
    pictures: int = PICTURES,
    own_settings: bool = False,
    imported: Sequence[Imported] = (),
    trainings: Sequence[Path] = (),
    title: str = TITLE,
    processes: int = 1,
    progress: Progress | None = None,
) -> Built:
    """Writes the site of these runs, or brings it up to date.

    Args:
        runs: run folders, or folders of run folders.
        out: of the site.
        cache: of what was read; ``<out>.cache`` by default. It may be deleted at any time.
        pictures: items per task whose first picture is shown, 0 for none.
        own_settings: let models with different generation settings stand in one table, which says so.
        imported: rows of result files, shown apart.
        trainings: folders of training runs, or folders that hold some, whose records are shown on the pages
            of their weights. The training run that a run lies in is found without being named.
        title: of the first page.
        processes: how many read runs side by side; changes speed only.
        progress: told how many runs there are and about each that is ready.

    Raises:
        UsageError: no runs, the same run twice, or a folder ``out`` that holds something else.
        InputError: a run or a training record that cannot be read.
    """
    if pictures < 0:
        raise UsageError(f"--pictures {pictures}: give 0 or more")
    folders = run_folders(runs)
    if not folders:
        raise UsageError("a leaderboard needs at least one run; give run folders")
    trained = training_extracts(folders, trainings)
    site = Site(out, look())
    if progress is not None:
        progress.start(STEP, len(folders), 0)
    kept = cache or out.resolve().with_name(f"{out.resolve().name}.cache")
    gathered = gather(
        folders,
        out,
        kept,
        pictures=pictures,
        processes=processes,
        done=lambda: progress.advance(STEP, 1) if progress is not None else None,
    )
    groups = group_runs(gathered.entries, own_settings=own_settings)
    boards = [make_board(group, own_settings=own_settings, cache=kept) for group in groups]
    shown = TrainedPages(trained, gathered.entries, boards)
    _write_pages(site, boards, gathered.entries, imported, title, shown)
    written = site.finish(_pictures(gathered.entries))
    return Built(out, tuple(boards), len(gathered.entries), gathered.read, written, shown.count)


def _write_pages(
    site: Site,
    boards: Sequence[Board],
    entries: Sequence[Entry],
    imported: Sequence[Imported],
    title: str,
    trained: TrainedPages,
) -> None:
    protocols, published = load_protocols(), load_published()
    homes: dict[str, list[dict[str, str]]] = {}

    def page(name: str, template: str, view: dict[str, Any]) -> None:
        site.add(name, view, partial(render, template, _root(name), view))

    for name, content in assets().items():
        site.add_text(name, content)
    page("index.html", "index", index_page(title, boards))
    for board in boards:
        related = protocols_of_task(protocols, board.task)
        for table in board.tables:
            page(page_of(board, table), "board", board_page(board, table, boards, related))
        site.add_text(f"data/pairs/{board.slug}.js", pairs_script(board))
        for entry in board.entries:
            home = {"title": board_title(board), "page": page_of(board, board.overall)}
            homes.setdefault(entry.slug, []).append(home)
    for entry in entries:
        own = homes.get(entry.slug, [])
        # Of hundreds of models even the view takes a while: it follows from the entry.
        makings = [entry.digest, own, trained.makings(entry)]
        site.add(f"models/{entry.slug}.html", makings, partial(_model_page, entry, own, trained))
        site.add(f"data/models/{entry.slug}.js", [entry.digest], partial(cards_script, entry))
    page("compare.html", "compare", compare_page(boards))
    site.add_text("data/boards.js", boards_script(boards))
    page("reported.html", "reported", reported_page(protocols, published, imported))
    site.add_text("reported.json", reported_json(protocols, published, imported))
    site.add_text("leaderboard.json", boards_json(boards))
    site.add_text("leaderboard.csv", boards_csv(boards))
    site.add_text("leaderboard.md", boards_markdown(boards))


def _root(name: str) -> str:
    """The way from a page to the site's own folder."""
    return "../" * name.count("/")


def _model_page(entry: Entry, homes: Sequence[dict[str, str]], trained: TrainedPages) -> str:
    view = {**model_page(entry, homes), "training": trained.view(entry)}
    return render("model", _root(f"models/{entry.slug}.html"), view)


def _pictures(entries: Sequence[Entry]) -> set[str]:
    cards = [card for entry in entries for task in entry.tasks.values() for card in task.cards]
    return {card["picture"]["file"] for card in cards if card.get("picture") and "file" in card["picture"]}
