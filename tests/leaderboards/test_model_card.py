"""A model card that others wrote, with our results in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.leaderboards.export.hugging_face import model_index
from selfreward_eval.leaderboards.export.model_card import (
    Change,
    merge_entries,
    merge_results,
    safe_yaml,
    with_results,
)

CARD = """---
# kept by hand
license: mit
language: no   # Norwegian
model-index:
- name: Their name
  results:
  - task: {type: text-generation}
    dataset: {name: Other, type: other}
    metrics:
    - {type: accuracy, value: 0.5, verified: true}

tags: [a, b]
---
# Their title

Their text.
"""


def result(value: float, *, metric: str = "correct", dataset: str = "toy", revision: str = "1") -> Any:
    return {
        "task": {"type": "text-to-image"},
        "dataset": {"name": dataset, "type": dataset, "revision": revision},
        "metrics": [{"type": metric, "value": value, "name": "a note"}],
    }


def index(*results: Any) -> dict[str, Any]:
    return {"model-index": [{"name": "ours", "results": list(results)}]}


def metadata(card: str) -> Any:
    return yaml.safe_load(card.split("---\n")[1])


def test_the_rest_of_a_card_stays_byte_for_byte() -> None:
    card, changes = with_results(CARD, index(result(0.75)), "x")
    assert changes == []
    head, tail = CARD.split("model-index:")[0], CARD[CARD.index("tags:") :]
    assert card.startswith(head)
    assert card.endswith(tail)
    (entry,) = metadata(card)["model-index"]
    assert entry["name"] == "Their name"
    assert [one["dataset"]["name"] for one in entry["results"]] == ["Other", "toy"]
    assert entry["results"][0]["metrics"][0]["verified"] is True


def test_the_hub_s_own_reader_takes_the_card(make_run: Callable[..., Path]) -> None:
    from huggingface_hub import ModelCard

    run = load_run(make_run("a", {"one": [[1, 0], [1, 1]]}))
    card = ModelCard(with_results("", model_index(run), "a")[0])
    # Its class does not declare what it reads.
    data: Any = card.data
    assert data.model_name == "a"
    assert [one.metric_value for one in data.eval_results] == [0.75, 0.75]
    assert card.text.strip() == "# a"


def test_a_second_push_changes_nothing() -> None:
    once, _ = with_results(CARD, index(result(0.75)), "x")
    assert with_results(once, index(result(0.75)), "x") == (once, [])


def test_a_value_that_is_replaced_is_reported() -> None:
    once, _ = with_results(CARD, index(result(0.75)), "x")
    twice, changes = with_results(once, index(result(0.8)), "x")
    assert changes == [Change("README.md, toy, correct", 0.75, 0.8)]
    assert [one["metrics"][0]["value"] for one in metadata(twice)["model-index"][0]["results"]] == [0.5, 0.8]


@pytest.mark.parametrize("other", [{"revision": "2"}, {"metric": "f1"}, {"dataset": "toy2"}])
def test_another_version_metric_or_benchmark_is_another_result(other: dict[str, str]) -> None:
    merged, changes = merge_results(
        index(result(0.1, **other))["model-index"], index(result(0.2))["model-index"]
    )
    assert len(merged[0]["results"]) == 2
    assert changes == []


def test_other_metrics_of_a_replaced_result_stay() -> None:
    both = result(0.1)
    both["metrics"].append({"type": "f1", "value": 0.3})
    merged, changes = merge_results(index(both)["model-index"], index(result(0.2))["model-index"])
    values = [(one["type"], one["value"]) for r in merged[0]["results"] for one in r["metrics"]]
    assert values == [("f1", 0.3), ("correct", 0.2)]
    assert [change.before for change in changes] == [0.1]


def test_a_card_s_line_ends_stay() -> None:
    card, _ = with_results(CARD.replace("\n", "\r\n"), index(result(0.75)), "x")
    assert "\n" not in card.replace("\r\n", "")


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ("---\n- a\n---\n", "is no mapping"),
        ("---\na: [\n---\n", "does not parse"),
        ("---\n{license: mit}\n---\n", "cannot be edited"),
        ("---\nmodel-index: 3\n---\n", "another layout"),
        ("---\nmodel-index: [{name: a}]\n---\n", "another layout"),
        ("---\na: &x [1]\nb: *x\n---\n", "uses aliases"),
    ],
)
def test_a_card_that_cannot_be_edited_is_left_alone(card: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        with_results(card, index(result(0.75)), "x")


def test_entries_of_other_benchmarks_stay_in_a_results_file() -> None:
    def entry(task: str, value: float) -> dict[str, Any]:
        return {"dataset": {"id": "org/b", "task_id": task}, "value": value}

    old = [entry("other", 0.1), entry("default", 0.2)]
    merged, changes = merge_entries(old, [entry("default", 0.3)], "f.yaml")
    assert merged == [entry("other", 0.1), entry("default", 0.3)]
    assert [str(change) for change in changes] == ["f.yaml, org/b:default: 0.2 -> 0.3"]
    with pytest.raises(InputError, match=r"f\.yaml has another layout"):
        merge_entries({"a": 1}, [entry("default", 0.3)], "f.yaml")


def test_yaml_of_the_hub_gives_no_objects() -> None:
    with pytest.raises(InputError, match="does not parse"):
        safe_yaml("!!python/object/apply:os.getcwd []", "README.md")
