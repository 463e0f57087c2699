"""Writes pages: reads a run folder, embeds its pictures, renders, and puts one file in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.files import write_page
from selfreward_eval.harness.report.cards import embedding_order, filters, wanted_picture, with_picture
from selfreward_eval.harness.report.lazy import EAGER, blocks_of, linked
from selfreward_eval.harness.report.pictures import BUDGET, Wanted, embed_all
from selfreward_eval.harness.report.rendering import render_page

if TYPE_CHECKING:
    from selfreward_eval.harness.comparing.compare import Comparison, Run

REPORT_NAME = "report.html"
"""A run's page inside its folder, unless another path is given."""

NO_ROOM = {"problem": "No room on this page; the picture lies in the run folder"}

OUTSIDE = {"problem": "Its record points outside the run folder"}

Card = Mapping[str, Any]


def write_run_page(run_folder: Path, path: Path | None = None, *, budget: int = BUDGET) -> Path:
    """Writes the page of one run, unless the run's own page is there and nothing has changed since.

    Args:
        run_folder: holds ``run.json``, results, sample lines and pictures.
        path: of the page; ``report.html`` in the run folder by default.
        budget: bytes of picture data that the page may hold. Of up to :data:`~.lazy.EAGER` samples, those
            that do not fit are left out, which the page says; of more, their files are shown.

    Returns:
        Where the page lies.

    Raises:
        InputError: the folder holds no readable run.
        OSError: the page cannot be written.
    """
    from selfreward_eval.harness.report.run_view import run_view
    from selfreward_eval.harness.report.unchanged import is_unchanged, note_state, state_of
    from selfreward_eval.harness.runs.reader import load_run

    page = path or run_folder / REPORT_NAME
    # A folder that cannot be listed is load_run's to name.
    state = state_of(run_folder, budget) if path is None and run_folder.is_dir() else None
    if state is not None and is_unchanged(page, state):
        return page
    run = load_run(run_folder)
    view = run_view(run.manifest, run.scores, run.records, [file.name for file in run.torn])
    room = _Room([(run.folder, card) for card in embedding_order(view["cards"])], budget)
    if len(view["cards"]) > EAGER:
        cards, left_out, beside = _all_shown(run.folder, page, view["cards"], room, budget)
        laid_out: dict[str, Any] = {"cards": [], "blocks": blocks_of(cards), "beside": beside}
    else:
        cards = [room.shown(run.folder, card) for card in view["cards"] if room.holds(run.folder, card)]
        left_out = left_out_text(len(view["cards"]), len(cards), "pictures", budget)
        laid_out = {"cards": cards, "blocks": [], "beside": False}
    _write(page, render_page("run.jinja", view=view, offer=filters(cards), left_out=left_out, **laid_out))
    if state is not None:
        note_state(page, state)
    return page


def _all_shown(
    folder: Path, page: Path, cards: Sequence[Card], room: _Room, budget: int
) -> tuple[list[dict[str, Any]], str, bool]:
    """Every card; those whose picture found no room show its file, where the page lies beside it.

    Returns:
        The cards, what the page says of such pictures, and whether it shows files.
    """
    beside = page.resolve().parent == folder.resolve()
    outside = 0
    shown = []
    for card in cards:
        if room.holds(folder, card):
            shown.append(room.shown(folder, card))
            continue
        outside += 1
        shown.append(with_picture(card, linked(folder, card) if beside else NO_ROOM))
    if not outside:
        return shown, "", False
    told = (
        f"{outside:,} of {len(cards):,} pictures are not inside this file, which would be too large to open "
        f"with ease ({budget / 1e6:.0f} MB of pictures at most). "
    )
    if beside:
        told += "They are shown from images/ beside it, as they are there when you look."
    else:
        told += "They lie in the run folder, under images/; the page that is written there shows them."
    return shown, told, beside


def write_comparison_page(
    comparison: Comparison, run_a: Run, run_b: Run, path: Path, *, budget: int = BUDGET
) -> Path:
    """Writes the page of one comparison.

    Args:
        comparison: of the two runs.
        run_a: the run before.
        run_b: the run after.
        path: of the page; its folder is made where it is missing.
        budget: as in :func:`write_run_page`; a pair is shown whole or not at all.

    Returns:
        ``path``.

    Raises:
        OSError: the page cannot be written.
    """
    from selfreward_eval.harness.report.comparison_view import comparison_view
    from selfreward_eval.harness.report.pairs import PAIR_VERDICTS

    view = comparison_view(comparison, run_a, run_b)
    folders = (("a", run_a.folder), ("b", run_b.folder))
    room = _Room(
        [
            (folder, pair[side])
            for pair in embedding_order(view["pairs"])
            for side, folder in folders
            if pair[side]
        ],
        budget,
    )
    pairs = [
        {**pair, **{side: room.shown(folder, pair[side]) if pair[side] else None for side, folder in folders}}
        for pair in view["pairs"]
        if all(room.holds(folder, pair[side]) for side, folder in folders if pair[side])
    ]
    left_out = left_out_text(len(view["pairs"]), len(pairs), "pairs", budget)
    offer = filters(pairs, PAIR_VERDICTS)
    return _write(
        path, render_page("comparison.jinja", view=view, cards=pairs, offer=offer, left_out=left_out)
    )


class _Room:
    """The pictures that found room on a page, of (run folder, card), the first ones first."""

    def __init__(self, cards: Sequence[tuple[Path, Card]], budget: int) -> None:
        self._wanted: dict[tuple[str, str], Wanted | None] = {}
        wanted = [self._of(folder, card) for folder, card in cards]
        self.pictures = embed_all([one for one in wanted if one is not None], budget)

    def _of(self, folder: Path, card: Card) -> Wanted | None:
        key = (str(folder), str(card["image"]))
        if key not in self._wanted:
            self._wanted[key] = wanted_picture(folder, card)
        return self._wanted[key]

    def holds(self, folder: Path, card: Card) -> bool:
        """Whether a card can be shown: its picture is here, or it has none."""
        wanted = self._of(folder, card)
        return wanted is None or wanted in self.pictures

    def shown(self, folder: Path, card: Card) -> dict[str, Any]:
        """The card with its picture, or with what is wrong with it."""
        wanted = self._of(folder, card)
        if wanted is None:
            return with_picture(card, OUTSIDE if card["image"] else None)
        return with_picture(card, self.pictures[wanted])


def left_out_text(total: int, shown: int, noun: str, budget: int) -> str:
    """Says how many cards a full page leaves out and why; empty where all are shown.

    >>> left_out_text(10, 10, "pictures", 22_000_000)
    ''
    """
    if total == shown:
        return ""
    return (
        f"{shown:,} of {total:,} {noun} are on this page: with more, the file would be too large to open "
        f"with ease ({budget / 1e6:.0f} MB of pictures at most). The first sample of every item comes first. "
        "The numbers above count all of them; the other pictures lie in the run folder, under images/."
    )


def _write(path: Path, html: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_page(path, html)
    return path
