"""Relative scores of two runs: the difference of two ratios of totals, with clusters and bounds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfreward_eval.harness.comparing.compare import compare_runs, load_run
from selfreward_eval.harness.comparing.records import Comparison, Contrast
from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item, Measurement, Sample, Status
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.stats.means import cluster_values, mean_interval
from selfreward_eval.harness.stats.ratio import ratio_values
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.harness.testing.dummy_model import DummyModel

Pair = tuple[float, float] | None
"""(candidate, reference) of one item, or None where there are no scores."""


class Marked(Task):
    """Items whose scores are given: pictures are drawn and not looked at."""

    info = TaskInfo("marked", "1", "Marks", "none", images_per_item=1)
    metrics = (Metric("candidate", (1.0, 10.0), macro=False, reference="reference"),)

    def __init__(self, pairs: Sequence[Pair], clusters: Sequence[str] | None = None) -> None:
        self.pairs, self.clusters = pairs, clusters

    def items(self) -> list[Item]:
        names = self.clusters or [""] * len(self.pairs)
        return [Item(f"{k}", f"draw {k}", "odd" if k % 2 else "even", names[k]) for k in range(len(names))]

    def measure(self, items: Sequence[Item], samples: Sequence[Sample], images: Any) -> list[Measurement]:
        return [self._measured(self.pairs[int(sample.item_id)]) for sample in samples]

    def _measured(self, pair: Pair) -> Measurement:
        if pair is None:
            return Measurement(Status.JUDGE_PARSE_ERROR, reason="no scores")
        return Measurement(Status.SUCCESS, {"candidate": pair[0], "reference": pair[1]})

    def instruments(self) -> dict[str, dict[str, Any]]:
        return {}


def compared(
    folder: Path, before: Sequence[Pair], after: Sequence[Pair], clusters: Sequence[str] | None = None
) -> Comparison:
    folders = [
        run(DummyModel(name), [Marked(pairs, clusters)], folder).folder
        for name, pairs in (("a", before), ("b", after))
    ]
    return compare_runs(*map(load_run, folders))


def overall(comparison: Comparison) -> Contrast:
    score = comparison.tasks["marked"].relative
    assert score is not None
    return score.overall


def drawn(n: int, seed: int) -> list[Pair]:
    rng = np.random.default_rng(seed)
    scores = np.clip(np.round(rng.normal((6, 8), 1.5, (n, 2))), 1, 10)
    return [(float(candidate), float(reference)) for candidate, reference in scores]


def ratio(pairs: Sequence[Pair]) -> float:
    kept = [pair for pair in pairs if pair is not None]
    return 100 * sum(pair[0] for pair in kept) / sum(pair[1] for pair in kept)


def test_it_is_the_difference_of_two_ratios_of_totals(tmp_path: Path) -> None:
    before, after = drawn(12, 0), drawn(12, 1)
    found = overall(compared(tmp_path, before, after))
    assert (found.a, found.b) == (pytest.approx(ratio(before)), pytest.approx(ratio(after)))
    assert found.effect == pytest.approx(ratio(after) - ratio(before))


def test_categories_have_their_own(tmp_path: Path) -> None:
    before, after = drawn(12, 0), drawn(12, 1)
    score = compared(tmp_path, before, after).tasks["marked"].relative
    assert score is not None
    assert score.name == "100 x candidate / reference"
    assert score.categories["odd"].effect == pytest.approx(ratio(after[1::2]) - ratio(before[1::2]))


def test_the_error_is_that_of_linearised_ratios_over_clusters(tmp_path: Path) -> None:
    before, after = drawn(60, 0), drawn(60, 1)
    clusters = [f"picture {k // 3}" for k in range(60)]
    found = overall(compared(tmp_path, before, after, clusters))
    lines = [ratio_values(*zip(*pairs, strict=True)) for pairs in (before, after)]
    gaps = [b - a for a, b in zip(*lines, strict=True)]
    assert found.se == pytest.approx(mean_interval(cluster_values(gaps, clusters)).se)
    assert (found.n_items, found.n_units) == (60, 20)
    assert "linearised item by item; 20 clusters of items are few" in found.why


def test_the_same_answers_do_not_differ(tmp_path: Path) -> None:
    pairs = drawn(12, 0)
    found = overall(compared(tmp_path, pairs, pairs))
    assert (found.effect, found.verdict) == (0.0, "no evidence of a difference")


def test_a_loss_is_the_gain_the_other_way_round(tmp_path: Path) -> None:
    before, after = drawn(30, 0), drawn(30, 1)
    there = overall(compared(tmp_path / "there", before, after))
    back = overall(compared(tmp_path / "back", after, before))
    assert (back.effect, back.p) == (pytest.approx(-there.effect), there.p)  # type: ignore[operator]
    assert (back.low, back.high) == (pytest.approx(-there.high), pytest.approx(-there.low))  # type: ignore[operator]


def test_a_better_reference_alone_is_a_worse_relative_score(tmp_path: Path) -> None:
    before: list[Pair] = [(6.0, 6.0 + k % 2) for k in range(60)]
    after: list[Pair] = [(6.0, 8.0 + k % 2) for k in range(60)]
    comparison = compared(tmp_path, before, after)
    assert comparison.tasks["marked"].overall.effect == 0
    assert overall(comparison).verdict == "B is worse than A"


# Failures


def test_only_items_scored_in_both_runs_count_and_bounds_answer_for_the_rest(tmp_path: Path) -> None:
    before, after = drawn(12, 0), drawn(12, 1)
    lost: list[Pair] = [None, *after[1:]]
    found = overall(compared(tmp_path, before, lost))
    assert found.a == pytest.approx(ratio(before[1:]))
    assert (found.n_items, found.coverage) == (11, pytest.approx(11 / 12))
    assert found.bound_low == pytest.approx(ratio([(1.0, 10.0), *after[1:]]) - ratio(before))
    assert found.bound_high == pytest.approx(ratio([(10.0, 1.0), *after[1:]]) - ratio(before))


def test_with_nothing_scored_in_both_there_is_no_number(tmp_path: Path) -> None:
    pairs = drawn(4, 0)
    found = overall(compared(tmp_path, [*pairs[:2], None, None], [None, None, *pairs[2:]]))
    assert (found.effect, found.a, found.low) == (None, None, None)
    assert found.verdict == "cannot be compared: no sample is scored in both arms"


@pytest.mark.parametrize("seed", range(5))
def test_the_bounds_hold_the_difference_of_the_full_runs(tmp_path: Path, seed: int) -> None:
    before, after = drawn(12, seed), drawn(12, seed + 100)
    gone = np.random.default_rng(seed).random((2, 12)) < 0.2
    cut: list[list[Pair]] = [
        [None if lost else pair for pair, lost in zip(pairs, row, strict=True)]
        for pairs, row in zip((before, after), gone, strict=True)
    ]
    found = overall(compared(tmp_path, cut[0], cut[1]))
    assert found.bound_low is not None
    assert found.bound_high is not None
    assert found.bound_low <= ratio(after) - ratio(before) <= found.bound_high


def test_a_success_without_a_reference_is_an_error(tmp_path: Path) -> None:
    comparison = [run(DummyModel(name), [Marked(drawn(4, 0))], tmp_path).folder for name in "ab"]
    (path,) = comparison[0].glob("samples_*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[1]["metrics"].remove("reference")
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(InputError, match=r"success with reference = None"):
        compare_runs(*map(load_run, comparison))


# What it is not


def test_a_task_without_a_reference_has_none_and_its_file_does_not_name_it(tmp_path: Path) -> None:
    class Plain(Marked):
        metrics = (Metric("candidate", (1.0, 10.0), macro=False),)

    folders = [run(DummyModel(name), [Plain(drawn(4, 0))], tmp_path).folder for name in "ab"]
    comparison = compare_runs(*map(load_run, folders))
    assert comparison.tasks["marked"].relative is None
    assert "relative" not in comparison.to_json()["tasks"]["marked"]


def test_it_belongs_to_no_family(tmp_path: Path) -> None:
    comparison = compared(tmp_path, drawn(12, 0), drawn(12, 1))
    assert overall(comparison).p_adjusted is None
    assert [family.members for family in comparison.families] == [("marked",)]


@pytest.mark.slow
def test_the_interval_covers_the_true_difference_as_often_as_it_says() -> None:
    """24 pictures with three questions each that resemble each other, judged in two runs; nominal 95 %."""
    from selfreward_eval.harness.comparing.contrast import difference_test

    rng = np.random.default_rng(1)
    runs, covered = 400, 0
    clusters = np.repeat(np.arange(24), 3).astype(str).tolist()
    for _ in range(runs):
        hard = np.repeat(rng.normal(0, 1, 24), 3)
        lines = []
        for mean in (5.6, 6.4):
            score = mean + hard + rng.normal(0, 1, 72)
            base = 8 + 0.5 * hard + 0.5 * rng.normal(0, 1, 72)
            lines.append(ratio_values(score, base))
        gaps = [b - a for a, b in zip(*lines, strict=True)]
        found = difference_test({"": gaps}, m=1, binary=False, width=None, clusters={"": clusters}).result
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 100 * 0.8 / 8 <= found.high
    assert 0.92 <= covered / runs <= 0.98
