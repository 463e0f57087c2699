"""Writes the pages: reads folders, embeds pictures, renders, and puts one file in place."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.files import write_page
from selfreward_eval.harness.report.cards import filters, wanted_picture, with_picture
from selfreward_eval.harness.report.pages import OUTSIDE, REPORT_NAME, left_out_text
from selfreward_eval.harness.report.pictures import BUDGET, Wanted, embed_all
from selfreward_eval.harness.runs.reader import read_manifest, read_results
from selfreward_eval.harness.runs.scores import TaskScores
from selfreward_eval.trainers.report.learning import learning_view
from selfreward_eval.trainers.report.methods import (
    imbalance_words,
    interval_words,
    method_view,
    methods_view,
    pool_words,
)
from selfreward_eval.trainers.report.reading import load_training
from selfreward_eval.trainers.report.rendering import render
from selfreward_eval.trainers.report.selection import CHOICES, leading
from selfreward_eval.trainers.report.view import training_view

if TYPE_CHECKING:
    from selfreward_eval.harness.comparing.claims import PooledComparison

__all__ = ["write_method_page", "write_methods_page", "write_training_page"]


def write_training_page(folder: Path, *, budget: int = BUDGET) -> Path:
    """Writes ``report.html`` of one training run.

    Args:
        folder: holds ``training.json``, ``log.jsonl`` and, inside or as the record says, both run folders.
        budget: bytes of picture data that the page may hold; what does not fit is announced on it.

    Returns:
        Where the page lies.

    Raises:
        InputError: the folder holds no readable training run.
        OSError: the page cannot be written.
    """
    training = load_training(folder)
    view = training_view(training)
    sides = (("a", training.before.folder), ("b", training.after.folder))
    pictures = embed_all(
        [one for pair in view["pairs"] for one in _wanted(pair, sides) if one is not None], budget
    )
    cards = [
        {**pair, **{side: _shown(pair[side], run, pictures) for side, run in sides}}
        for pair in view["pairs"]
        if all(one is None or one in pictures for one in _wanted(pair, sides))
    ]
    offer = filters([{**card, "verdict": card["choice"]} for card in cards], CHOICES)
    left_out = left_out_text(len(view["pairs"]), len(cards), "chosen pairs", budget)
    html = render("training", view=view, cards=cards, offer=offer, left_out=left_out, leading=leading(cards))
    return _write(folder / REPORT_NAME, html)


Sides = Sequence[tuple[str, Path]]


def _wanted(pair: Mapping[str, Any], sides: Sides) -> list[Wanted | None]:
    """The pictures of a pair; None for one that is not there."""
    return [wanted_picture(run, pair[side]) for side, run in sides if pair[side]]


def _shown(
    card: Mapping[str, Any] | None, run: Path, pictures: Mapping[Wanted, dict[str, Any]]
) -> dict[str, Any] | None:
    """A half with its picture, or with what is wrong with it; None where nothing is recorded."""
    if card is None:
        return None
    wanted = wanted_picture(run, card)
    if wanted is None:
        return with_picture(card, OUTSIDE if card["image"] else None)
    return with_picture(card, pictures[wanted])


def write_method_page(folders: Sequence[Path], pooled: PooledComparison, output: Path) -> Path:
    """Writes the page of one method that was trained with several seeds.

    Args:
        folders: of the training runs.
        pooled: of their runs before and after.
        output: path of the page; links to the training runs' own pages are relative to it.

    Returns:
        ``output``.

    Raises:
        UsageError: no folder.
        InputError: a folder holds no readable training run.
        OSError: the page cannot be written.
    """
    if not folders:
        raise UsageError("the page of a method needs at least one training run")
    trainings = [load_training(folder) for folder in folders]
    links = [_link(folder / REPORT_NAME, output) for folder in folders]
    view = method_view(trainings, links, pooled, _ranges([pooled]))
    return _write(output, render("method", view=view))


def write_methods_page(
    claims: Mapping[str, PooledComparison],
    output: Path,
    *,
    guards: Collection[str] = (),
    baseline: str = "",
    against: Mapping[str, PooledComparison] | None = None,
    drawn: Mapping[str, int] | None = None,
    curves: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """Writes the page of several methods side by side.

    Args:
        claims: method -> what its runs say against those before.
        output: path of the page.
        guards: tasks that must not get worse; they are kept or lost, not helped or hurt.
        baseline: the method that the others have to beat.
        against: method -> what its runs say against those of the baseline.
        drawn: method -> pictures that a run of it drew to learn from.
        curves: method -> its learning curve, for methods that have one.

    Returns:
        ``output``.

    Raises:
        UsageError: no method.
        NotComparable: a task is not the same in two methods.
        InputError: a run that a method names is not where it was.
        OSError: the page cannot be written.
    """
    if not any(pooled.tasks for pooled in claims.values()):
        raise UsageError("the page of methods needs at least one method with a compared task")
    view = methods_view(claims, _ranges(claims.values()), guards, drawn)
    view["learning"] = learning_view(curves or {}, _ranges(claims.values()))
    view["baseline"] = None
    if against:
        view["baseline"] = {
            "name": baseline,
            **methods_view(against, _ranges(against.values())),
            "pooling": [*pool_words(against), *imbalance_words(against), *interval_words(against)],
        }
    return _write(output, render("methods", view=view))


def _link(page: Path, output: Path) -> str:
    """The way from one page to another as an address; empty where that page is not written yet."""
    if not page.is_file():
        return ""
    way = Path(os.path.relpath(page.resolve(), output.parent.resolve())).as_posix()
    return quote(way if way.startswith(".") else f"./{way}")


def _ranges(comparisons: Iterable[PooledComparison]) -> dict[str, tuple[float, float]]:
    """Task -> range of its metric, from the results of a run that did it."""
    ranges: dict[str, tuple[float, float]] = {}
    for pooled in comparisons:
        if all(task in ranges for task in pooled.tasks):
            continue
        folder = Path(pooled.a[0].folder)
        blocks = read_results(folder, read_manifest(folder))["selfreward"]["tasks"]
        ranges |= {task: TaskScores.from_json(blocks[task]).range for task in pooled.tasks}
    return ranges


def _write(path: Path, html: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    # A page can be drawn again at any time, so it need not wait for the disk.
    write_page(path, html)
    return path
