"""Runs of models that do not draw the same picture again: told, and paired by prompt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from selfreward_eval.harness.comparing.compare import compare_runs
from selfreward_eval.harness.comparing.pairing import PairedItem
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.runs.reader import load_run

MakeRun = Callable[..., Path]
BEFORE = {"one": [[1.0, None], [0.0, 0.0], [1.0, 1.0]]}
AFTER = {"one": [[None, 1.0], [1.0, 1.0], [1.0, 1.0]]}


def identity(reproducible: bool | None) -> dict[str, bool]:
    return {} if reproducible is None else {"model.reproducible": reproducible}


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        (None, None, ""),
        (True, None, ""),
        (None, False, "B does not draw the same picture for the same seed again"),
        (False, False, "A and B do not draw the same picture for the same seed again"),
    ],
)
def test_the_comparison_says_which_arm_does_not_repeat_itself(
    make_run: MakeRun, a: bool | None, b: bool | None, told: str
) -> None:
    before = load_run(make_run("before", BEFORE, identity=identity(a)))
    after = load_run(make_run("after", AFTER, identity=identity(b)))
    comparison = compare_runs(before, after)
    assert comparison.pairing.startswith(told)
    assert bool(comparison.pairing) == bool(told)
    assert ("pairing" in comparison.to_json()) == bool(told)


def test_samples_are_matched_by_prompt_where_seeds_say_nothing(make_run: MakeRun) -> None:
    """Of the first item one sample is scored in each run, but not of the same index."""
    paired = {}
    for reproducible in (True, False):
        before = load_run(make_run(f"before-{reproducible}", BEFORE))
        after = load_run(make_run(f"after-{reproducible}", AFTER, identity=identity(reproducible)))
        overall = compare_runs(before, after).tasks["toy"].overall
        paired[reproducible] = (overall.n_items, overall.coverage)
    assert paired == {True: (2, 4 / 6), False: (3, 5 / 6)}


def test_without_seeds_what_each_run_scored_is_matched_in_order() -> None:
    item = Item("x", "draw", "one")
    values = ((1.0, None, 0.5), (None, 0.25, 0.75))
    assert PairedItem(item, values).scored == [(0.5, 0.75)]
    assert PairedItem(item, values, by_seed=False).scored == [(1.0, 0.25), (0.5, 0.75)]


def test_the_command_and_the_page_say_it(
    make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from selfreward_eval.cli.comparison_text import show
    from selfreward_eval.harness.report.comparison_view import comparison_view

    before = load_run(make_run("before", BEFORE))
    after = load_run(make_run("after", AFTER, identity=identity(False)))
    comparison = compare_runs(before, after)
    show(comparison)
    assert "paired by prompt and not by seed" in capsys.readouterr().out
    view = comparison_view(comparison, before, after)
    assert view["only_in_one"] == [comparison.pairing]
    assert view["by_seed"] is False
