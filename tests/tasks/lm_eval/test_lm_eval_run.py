"""A guard against forgetting from beginning to end: run, resume, compare, and lm-eval's own numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.comparing.comparable import shared_tasks
from selfreward_eval.harness.comparing.compare import compare_runs
from selfreward_eval.harness.errors import MissingCapability, NotComparable, UsageError
from selfreward_eval.harness.records import Status
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import Finished, run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.lm_eval.task import LmEvalTask

Kinds = Mapping[str, Callable[..., Any]]

CHOOSE = "lm_eval:colours_choose"


def task(folder: Path, name: str = "colours_choose", **arguments: Any) -> LmEvalTask:
    return LmEvalTask(name, str(folder), **arguments)


def lines(finished: Finished) -> list[dict[str, Any]]:
    (path,) = finished.folder.glob("samples_*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_task_of_lm_eval_leaves_the_same_records_as_any_other(
    folder: Path, tmp_path: Path, kinds: Kinds
) -> None:
    finished = run(kinds["looker"](confused=["red"]), [task(folder)], tmp_path / "out")
    scores = finished.scores[CHOOSE]
    assert (scores.metric, scores.overall.value) == ("acc", pytest.approx(10 / 12))
    assert scores.categories["plain"].value == 1.0
    assert scores.categories["hard"].value == pytest.approx(2 / 3)
    assert (scores.overall.n_items, scores.overall.df) == (12, 5.0)
    record = load_run(finished.folder).records[CHOOSE][0]
    assert json.loads(str(record.sample.text))[0] == [" red", -0.25, True]
    assert (finished.folder / str(record.sample.image)).is_file()


def test_answers_are_generated_and_filtered(folder: Path, tmp_path: Path, kinds: Kinds) -> None:
    finished = run(kinds["looker"](["blue"]), [task(folder, "colours_say")], tmp_path / "out")
    extra = finished.scores["lm_eval:colours_say"].extra
    assert extra == {"exact_match,whole": 0.0, "exact_match,first-word": pytest.approx(10 / 12)}
    assert lines(finished)[0]["text"] == "red, I think"


def test_text_alone_goes_to_the_language_side(folder: Path, tmp_path: Path, kinds: Kinds) -> None:
    finished = run(kinds["reader"](), [task(folder, "words")], tmp_path / "out")
    assert finished.scores["lm_eval:words"].overall.value == 1.0
    assert lines(finished)[0]["image"] is None


def test_a_model_without_a_language_side_is_refused_by_name(
    folder: Path, tmp_path: Path, kinds: Kinds
) -> None:
    with pytest.raises(
        MissingCapability, match=r"'lm_eval:words' needs .*'completion_logprobs'; looker offers"
    ):
        run(kinds["looker"](), [task(folder, "words")], tmp_path / "out")


def test_a_model_that_only_draws_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingCapability, match="'text_logprobs'; dummy offers: generate"):
        run(DummyModel(), [task(folder)], tmp_path / "out")


@pytest.mark.parametrize("name", ["colours_choose", "colours_say"])
def test_in_any_batch_the_same(name: str, folder: Path, tmp_path: Path, kinds: Kinds) -> None:
    def said(batch_size: int) -> list[Any]:
        model = kinds["looker"](confused=["red", "green"])
        finished = run(model, [task(folder, name)], tmp_path / str(batch_size), batch_size=batch_size)
        return [(line["prompt_id"], line["text"], line["evidence"]) for line in lines(finished)]

    assert said(1) == said(5) == said(32)


def test_a_picture_that_fails_costs_its_own_samples(folder: Path, tmp_path: Path, kinds: Kinds) -> None:
    finished = run(kinds["looker"](fails="green"), [task(folder)], tmp_path / "out")
    scores = finished.scores[CHOOSE]
    assert scores.failures == {"generation_error": 4}
    assert (scores.overall.value, scores.overall.bound_low) == (1.0, pytest.approx(8 / 12))
    failed = [line for line in lines(finished) if line["status"] == Status.GENERATION_ERROR]
    assert {line["reason"] for line in failed} == {"RuntimeError: blind to green"}


def test_a_guard_is_compared_item_by_item(folder: Path, tmp_path: Path, kinds: Kinds) -> None:
    before = run(kinds["looker"](name="before"), [task(folder)], tmp_path)
    after = run(kinds["looker"](["red", "blue"], name="after"), [task(folder)], tmp_path)
    a, b = load_run(before.folder), load_run(after.folder)
    assert shared_tasks(a, b) == [CHOOSE]
    found = compare_runs(a, b).tasks[CHOOSE].overall
    assert found.effect == pytest.approx(-4 / 12)


def test_runs_under_other_settings_are_not_compared(folder: Path, tmp_path: Path, kinds: Kinds) -> None:
    before = run(kinds["looker"](name="before"), [task(folder)], tmp_path)
    path = folder / "colours_choose.yaml"
    path.write_text(path.read_text().replace("what colour", "which colour"))
    after = run(kinds["looker"](name="after"), [task(folder)], tmp_path)
    with pytest.raises(NotComparable, match="items_sha256"):
        compare_runs(load_run(before.folder), load_run(after.folder))


def test_what_was_said_is_not_asked_again(folder: Path, tmp_path: Path, kinds: Kinds) -> None:
    run(kinds["looker"](), [task(folder)], tmp_path)
    assert run(kinds["looker"](), [task(folder)], tmp_path).reused == 12


def test_a_longer_answer_than_the_model_gives_is_refused_with_the_way_out(
    folder: Path, tmp_path: Path, kinds: Kinds
) -> None:
    asked = task(folder, "colours_say", gen_kwargs={"max_gen_toks": 100})
    with pytest.raises(UsageError, match=r"'colours_say' allows answers of 100 tokens.*max_gen_toks=64"):
        run(kinds["looker"](), [asked], tmp_path)


@pytest.mark.parametrize(("weighted", "macro"), [("true", False), ("false", True)])
def test_a_groups_tasks_are_its_categories(
    weighted: str, macro: bool, folder: Path, tmp_path: Path, kinds: Kinds
) -> None:
    """Twelve documents in one task, four in the other: weighted by size or not are two numbers."""
    again = folder / "colours_again.yaml"
    few = folder / "few.jsonl"
    few.write_text("".join((folder / "colours.jsonl").read_text().splitlines(keepends=True)[:4]))
    again.write_text(again.read_text().replace(str(folder / "colours.jsonl"), str(few)))
    (folder / "group.yaml").write_text(
        "group: all_colours\ntask: [colours_choose, colours_again]\n"
        f"aggregate_metric_list: [{{metric: acc, weight_by_size: {weighted}}}]\nmetadata: {{version: 3.0}}\n"
    )
    finished = run(kinds["looker"](["red"]), [task(folder, "all_colours")], tmp_path)
    scores = finished.scores["lm_eval:all_colours"]
    assert (scores.version, scores.macro) == ("3.0", macro)
    assert scores.categories["colours_choose"].value == pytest.approx(10 / 12)
    assert scores.categories["colours_again"].value == pytest.approx(3 / 4)
    assert scores.overall.value == pytest.approx((10 / 12 + 3 / 4) / 2 if macro else 13 / 16)
