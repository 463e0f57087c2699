"""From what a model said to lm-eval's own numbers, sample by sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Measurement, Sample, Status
from selfreward_eval.tasks.lm_eval.task import LmEvalTask


def measured(task: LmEvalTask, text: str, number: int = 0) -> Measurement:
    item = task.items()[number]
    (found,) = task.measure([item], [Sample(item.id, 0, 0, text=text)], [])
    return found


def likelihoods(red: float, green: float, blue: float) -> str:
    rows = [[" red", red, False], [" green", green, False], [" blue", blue, False]]
    return json.dumps(rows)


def test_the_likeliest_text_is_the_choice(folder: Path) -> None:
    task = LmEvalTask("colours_choose", str(folder))
    right, wrong = measured(task, likelihoods(-1, -2, -3)), measured(task, likelihoods(-2, -1, -3))
    assert right.values == {"acc": 1.0}
    assert wrong.values == {"acc": 0.0}
    assert right.evidence["target"] == 0
    assert right.reason == 'acc 1: log-likelihoods " red" -1, " green" -2, " blue" -3, target 0'
    assert right.evidence["filtered"]["none"][1] == [-2.0, False]


def test_what_is_no_number_is_kept_for_the_aggregate(folder: Path) -> None:
    found = measured(LmEvalTask("colours_choose", str(folder)), likelihoods(-2, -1, -3))
    assert found.evidence["raw"] == {"f1": [0, 1]}


def test_every_filter_has_its_number(folder: Path) -> None:
    task = LmEvalTask("colours_say", str(folder))
    assert task.metrics[0].name == "exact_match@whole"
    assert measured(task, "red, I think").values == {"exact_match@whole": 0.0, "exact_match@first-word": 1.0}
    chosen = LmEvalTask("colours_say", str(folder), metric="exact_match@first-word")
    assert chosen.metrics[0].name == "exact_match@first-word"


def test_a_metric_that_is_no_mean_is_refused_with_those_that_are(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"'f1' is no mean over documents .* it has acc"):
        LmEvalTask("colours_choose", str(folder), metric="f1")


def test_a_task_without_a_mean_is_refused(folder: Path) -> None:
    path = folder / "colours_choose.yaml"
    path.write_text(
        path.read_text()
        .replace("metric: acc", "metric: mcc")
        .replace("aggregation: mean", "aggregation: mcc")
    )
    with pytest.raises(UsageError, match=r"no metric that is a mean over documents \(it has mcc, f1\)"):
        LmEvalTask("colours_choose", str(folder))


def own_results(folder: Path, **arguments: Any) -> LmEvalTask:
    path = folder / "colours_choose.yaml"
    text = path.read_text().replace(
        "num_fewshot: 0", "num_fewshot: 0\nprocess_results: !function helpers.scored"
    )
    path.write_text(text)
    return LmEvalTask("colours_choose", str(folder), **arguments)


GREEDY = json.dumps([[" red", -1.0, True], [" green", -2.0, False], [" blue", -3.0, False]])


def test_a_task_may_measure_in_its_own_way(folder: Path) -> None:
    found = measured(own_results(folder), GREEDY)
    assert found.values == {"acc": 1.0, "points": 40.0}
    assert found.evidence["raw"] == {"colours": ["red", "x"]}


def test_a_number_outside_its_range_is_no_number(folder: Path) -> None:
    task = own_results(folder, metric="points")
    found = measured(task, GREEDY)
    assert found.status is Status.MEASUREMENT_ERROR
    assert "points = 40 is outside 0 to 1; give the metric's range with --task-args low" in found.reason


def test_a_range_can_be_given(folder: Path) -> None:
    task = own_results(folder, metric="points", high=40)
    assert task.metrics[0].range == (0.0, 40.0)
    assert measured(task, GREEDY).values["points"] == 40.0


def test_a_number_that_lm_eval_does_not_give_is_an_error_of_the_sample(folder: Path) -> None:
    found = measured(own_results(folder, metric="stars"), GREEDY)
    assert found.status is Status.MEASUREMENT_ERROR
    assert "no number 'stars', only acc, points, colours" in found.reason
