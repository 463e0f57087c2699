"""What it would take: the numbers promised are those that decide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.gating.evidence import TaskRuns, gather
from selfreward_eval.harness.gating.findings import SampleSize
from selfreward_eval.harness.gating.policy import Kind, Rule
from selfreward_eval.harness.gating.sample_size import sample_size_needed, spread_in
from selfreward_eval.harness.power.pilots import spreads_of_pair
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.stats.power import power


@pytest.fixture
def evidence(make_run: Callable[..., Path], arms: Callable[..., Any]) -> Callable[..., Any]:
    def collect(loss: float, kind: Kind, number: float, **options: Any) -> Any:
        before, after = arms(loss, **options)
        task_runs = TaskRuns("toy", load_run(make_run("base", before)), load_run(make_run("after", after)))
        return gather(Rule("r", "toy", None, kind, number, 0.99, None, 1), task_runs)

    return collect


def test_the_spread_is_that_of_a_pilot_pair(make_run: Callable[..., Path], arms: Callable[..., Any]) -> None:
    before, after = arms(0.1)
    runs = load_run(make_run("base", before)), load_run(make_run("after", after))
    found = spread_in(gather(Rule("r", "toy", None, Kind.MARGIN, 0.1, 0.99, None, 1), TaskRuns("toy", *runs)))
    pilot, *_ = spreads_of_pair(*runs, "toy")
    assert found is not None
    assert (found.sd, found.units, found.df) == pytest.approx((pilot.sd, pilot.units, pilot.df))
    assert (found.omega2, found.noise) == pytest.approx((pilot.omega2, pilot.noise))


def test_the_items_promised_have_the_wanted_power(evidence: Callable[..., Any]) -> None:
    found = evidence(0.0, Kind.MARGIN, 0.02, items=40)
    needs, spread = sample_size_needed(found, alpha=0.05, power=0.8), spread_in(found)
    assert needs.assuming == "the candidate is as good as the base"
    assert needs.items is not None
    assert spread is not None
    assert (
        power(0.02, spread.sd, needs.items, sided=1) >= 0.8 > power(0.02, spread.sd, needs.items - 1, sided=1)
    )


def test_where_an_unchanged_model_would_have_passed_what_was_seen_is_supposed(
    evidence: Callable[..., Any],
) -> None:
    needs = sample_size_needed(evidence(0.09, Kind.MARGIN, 0.1), alpha=0.05, power=0.8)
    assert needs.assuming.startswith("the true difference is the one seen, and then")
    assert (needs.items or 0) > 300


def test_a_gain_that_is_not_there_is_said_to_fail(evidence: Callable[..., Any]) -> None:
    assert sample_size_needed(evidence(0.03, Kind.IMPROVE, 0.0), alpha=0.05, power=0.8).assuming.endswith(
        "then FAIL"
    )


def test_a_floor_is_planned_by_the_candidate_alone(evidence: Callable[..., Any]) -> None:
    needs = sample_size_needed(evidence(0.0, Kind.FLOOR, 0.48), alpha=0.05, power=0.8)
    assert needs.assuming.startswith("the true score is the one seen")


def test_where_nothing_varies_more_of_the_same_would_do(
    make_run: Callable[..., Path], arms: Callable[..., Any]
) -> None:
    before, _ = arms(0.0, items=10)
    task_runs = TaskRuns("toy", load_run(make_run("base", before)), load_run(make_run("same", before)))
    found = gather(Rule("r", "toy", None, Kind.MARGIN, 0.05, 0.99, None, 1), task_runs)
    assert sample_size_needed(found, alpha=0.05, power=0.8) == SampleSize(
        59, None, "further items do not vary either"
    )
