"""Running a model on a task: batches change nothing, and a failure is a status, never a number."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL.Image import Image

from selfreward_eval.harness.errors import MissingCapability, SelfRewardError, UsageError
from selfreward_eval.harness.records import Item, Measurement, Sample
from selfreward_eval.harness.runs.giving_up import GIVE_UP
from selfreward_eval.harness.runs.run import Finished, run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

NAME = "shapes_geneval"


def draw(model: Any, out: Path, *, limit: int = 6, batch_size: int = 7, **options: Any) -> Finished:
    return run(model, [ShapesGenEval()], out, limit=limit, batch_size=batch_size, **options)


def lines(finished: Finished) -> list[dict[str, Any]]:
    """The sample lines without their timing, in file order."""
    (path,) = finished.folder.glob("samples_*.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "timing"} for row in rows]


def pictures(finished: Finished) -> dict[str, bytes]:
    found = finished.folder.glob("images/**/*")
    return {str(path.relative_to(finished.folder)): path.read_bytes() for path in found if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One run of 6 items x 4 pictures that nothing disturbs."""
    return draw(DummyModel(), tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("batch_size", [1, 64])
def test_the_batch_size_changes_speed_only(whole: Finished, tmp_path: Path, batch_size: int) -> None:
    other = draw(DummyModel(), tmp_path, batch_size=batch_size)
    assert len(pictures(whole)) == 24
    assert pictures(other) == pictures(whole)
    assert lines(other) == lines(whole)
    assert other.scores == whole.scores


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_batches_of_failures_change_nothing_either(tmp_path: Path, batch_size: int) -> None:
    """The first prompt fails: alone in its batch, or together with others."""
    model = DummyModel(fail="picture of a circle", missing=" and ")
    one = draw(model, tmp_path / "one", batch_size=batch_size)
    other = draw(DummyModel(fail="picture of a circle", missing=" and "), tmp_path / "other")
    assert lines(one) == lines(other)
    assert pictures(one) == pictures(other)
    assert one.scores == other.scores
    assert len(set(model.drawn)) == len(model.drawn) == one.drawn
    assert one.scores[NAME].failures == {"generation_error": 12, "missing_image": 4}


def test_another_run_seed_draws_other_pictures(whole: Finished, tmp_path: Path) -> None:
    other = draw(DummyModel(), tmp_path, seed=1)
    assert not set(pictures(other)) & set(pictures(whole))


def test_nothing_is_done_again_in_a_finished_run(tmp_path: Path) -> None:
    first = draw(DummyModel(), tmp_path)
    assert (first.drawn, first.reused) == (24, 0)
    model = DummyModel()
    again = draw(model, tmp_path)
    assert (again.drawn, again.reused, model.drawn) == (0, 24, [])
    assert again.results_path == first.results_path
    assert again.scores == first.scores


def results_of(finished: Finished) -> dict[str, Any]:
    assert finished.results_path is not None
    results: dict[str, Any] = json.loads(finished.results_path.read_text())
    return results


def test_the_time_of_every_sitting_counts(tmp_path: Path) -> None:
    first = results_of(draw(DummyModel(seconds=0.01), tmp_path))
    again = results_of(draw(DummyModel(), tmp_path))
    assert float(first["total_evaluation_time_seconds"]) > 24 * 0.01
    assert again["total_evaluation_time_seconds"] == first["total_evaluation_time_seconds"]


def test_a_prompt_that_fails_is_a_generation_error(tmp_path: Path) -> None:
    finished = draw(DummyModel(fail="a picture of two"), tmp_path)
    failed = [line for line in lines(finished) if line["status"] != "success"]
    assert {(line["status"], line["image"], line["doc"]["tag"]) for line in failed} == {
        ("generation_error", None, "counting")
    }
    assert failed[0]["reason"].startswith("RuntimeError: asked to fail for 'a picture of two")
    assert "accuracy" not in failed[0]
    assert finished.scores[NAME].failures == {"generation_error": 4}
    assert finished.drawn == 20


def test_a_picture_that_does_not_come_is_missing(tmp_path: Path) -> None:
    finished = draw(DummyModel(missing="a picture of two"), tmp_path)
    failed = [line for line in lines(finished) if line["status"] != "success"]
    assert {line["status"] for line in failed} == {"missing_image"}
    assert "no picture for prompt" in failed[0]["reason"]
    assert finished.scores[NAME].failures == {"missing_image": 4}


def test_failures_lower_coverage_and_open_bounds(tmp_path: Path) -> None:
    """One of two counting items fails: the value is the other's alone."""
    whole = draw(DummyModel(), tmp_path / "whole", limit=12).scores[NAME]
    scores = draw(DummyModel(fail="a picture of two"), tmp_path / "less", limit=12).scores[NAME]
    counting = scores.categories["counting"]
    assert (counting.n_items, counting.n_expected, counting.n_scored, counting.coverage) == (1, 8, 4, 0.5)
    assert (counting.value, counting.bound_low, counting.bound_high) == (0.0, 0.0, 0.5)
    assert (scores.overall.n_failed, scores.overall.coverage) == (4, 44 / 48)
    assert scores.overall.bound_high - scores.overall.bound_low == pytest.approx(0.5 / 6)  # type: ignore[operator]
    assert (whole.overall.coverage, whole.overall.bound_low) == (1.0, None)


def test_a_category_that_fails_whole_leaves_no_number(tmp_path: Path) -> None:
    finished = draw(DummyModel(fail="a picture of two"), tmp_path)
    scores = finished.scores[NAME]
    assert scores.categories["counting"].value is scores.overall.value is None
    assert (scores.overall.n_scored, scores.overall.coverage) == (20, 20 / 24)
    results = results_of(finished)["results"]
    assert not [key for key in (*results[NAME], *results[f"{NAME}_counting"]) if key.startswith("accuracy")]
    assert "accuracy,none" in results[f"{NAME}_colors"]


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_a_model_that_draws_nothing_stops_at_once_and_leaves_no_record(
    tmp_path: Path, batch_size: int
) -> None:
    with pytest.raises(
        SelfRewardError, match=r"failed on each of the first \d+ samples; the first, 'a pic"
    ) as caught:
        draw(DummyModel(fail="a"), tmp_path, batch_size=batch_size, limit=24)
    assert "\n" not in str(caught.value)
    assert "RuntimeError: asked to fail" in str(caught.value)
    assert not list(tmp_path.glob("*/samples_*.jsonl"))


def test_it_stops_after_few_samples_even_one_by_one(tmp_path: Path) -> None:
    with pytest.raises(SelfRewardError, match=f"the first {GIVE_UP} samples"):
        draw(DummyModel(fail="a"), tmp_path, batch_size=1, limit=24)


def test_a_few_samples_that_all_fail_stop_it_too(tmp_path: Path) -> None:
    with pytest.raises(SelfRewardError, match="the first 4 samples"):
        draw(DummyModel(fail="a"), tmp_path, batch_size=1, limit=1)


def test_an_error_made_for_users_is_not_swallowed(tmp_path: Path) -> None:
    class Refusing(DummyModel):
        def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image | None]:
            raise UsageError("no such device")

    with pytest.raises(UsageError, match="no such device"):
        draw(Refusing(), tmp_path)


def test_a_model_that_cannot_draw_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    class Reader:
        def identity(self) -> dict[str, Any]:
            return {"name": "reader"}

        def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[str]:
            return ["yes"] * len(images)

    with pytest.raises(
        MissingCapability, match=r"'shapes_geneval' needs .* 'generate'; reader offers: answer"
    ):
        draw(Reader(), tmp_path)
    assert not list(tmp_path.iterdir())


class Short(DummyModel):
    """Returns fewer pictures than it was asked for, unless it was one."""

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image | None]:
        return super().generate(prompts, seeds)[: max(1, len(prompts) - 1)]


def test_a_model_that_returns_too_few_is_asked_one_by_one(whole: Finished, tmp_path: Path) -> None:
    assert pictures(draw(Short(), tmp_path)) == pictures(whole)


class Picky(ShapesGenEval):
    """Cannot measure the second picture of an item."""

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        if any(sample.index == 1 for sample in samples):
            raise RuntimeError("cannot read it")
        return super().measure(items, samples, images)


def test_a_picture_that_cannot_be_measured_costs_one_status(whole: Finished, tmp_path: Path) -> None:
    finished = run(DummyModel(), [Picky()], tmp_path, limit=6, batch_size=7)
    by_index: Mapping[bool, list[Any]] = {True: [], False: []}
    for line, good in zip(lines(finished), lines(whole), strict=True):
        by_index[line["image_idx"] == 1].append((line, good))
    assert all(line == good for line, good in by_index[False])
    assert {line["status"] for line, _ in by_index[True]} == {"measurement_error"}
    assert {line["reason"] for line, _ in by_index[True]} == {"RuntimeError: cannot read it"}
    assert pictures(finished) == pictures(whole)


def test_progress_is_told_every_sample_once(tmp_path: Path) -> None:
    class Counter:
        def __init__(self) -> None:
            self.told: list[Any] = []

        def start(self, task: str, total: int, done: int) -> None:
            self.told.append((task, total, done))

        def advance(self, task: str, count: int) -> None:
            self.told.append(count)

    counter = Counter()
    draw(DummyModel(fail="picture of a circle"), tmp_path, progress=counter)
    assert counter.told == [(NAME, 24, 0), 7, 7, 7, 3]


def test_two_tasks_share_a_folder(tmp_path: Path) -> None:
    class Second(ShapesGenEval):
        info = type(ShapesGenEval.info)("second", "1", "Another", "none", images_per_item=1)

    finished = run(DummyModel(), [ShapesGenEval(), Second()], tmp_path, limit=6)
    assert {path.name.split("_2")[0] for path in finished.folder.glob("samples_*")} == {
        "samples_shapes_geneval",
        "samples_second",
    }
    assert finished.scores["second"].overall.n_expected == 6
