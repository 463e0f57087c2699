"""Weights along a training run, measured like before and after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.small_training import Bar, Interrupted, job

from selfreward_eval.harness.comparing.compare import compare_runs
from selfreward_eval.harness.errors import InputError, RunFolderError, UsageError
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.trainers.jobs import TrainingJob
from selfreward_eval.trainers.loop import train
from selfreward_eval.trainers.points import Points
from selfreward_eval.trainers.record import TrainingRecord, read
from selfreward_eval.trainers.settings import Settings

ROUNDS = {"rounds": 3, "steps": 2, "prompts": 4, "candidates": 2, "ema": 0.5}
"""Three rounds of eight pictures."""


def small(folder: Path, **changes: Any) -> TrainingJob:
    made = {"settings": ROUNDS, "limit": 4, "points": Points(at=(10, 24)), "scales": (2.0,), "development": 2}
    return job(folder, **(made | changes))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a point within and one at its end; nothing interrupted it."""
    folder = tmp_path_factory.mktemp("whole")
    train(small(folder))
    return folder


@pytest.fixture
def record(whole: Path) -> TrainingRecord:
    return read(whole / "run")


def test_a_point_is_the_first_end_of_a_round_at_or_after_its_number(record: TrainingRecord) -> None:
    told = [(one["asked"], one["pictures"], one["rounds"], one["steps"]) for one in record.points]
    assert told == [(0, 0, 0, 0), (10, 16, 2, 4), (24, 24, 3, 6)]


def test_a_point_is_compared_with_the_measurement_before_on_the_same_items(
    whole: Path, record: TrainingRecord
) -> None:
    before, point = (
        load_run(whole / "run" / folder) for folder in (record.before.folder, record.points[1]["folder"])
    )
    comparison = compare_runs(before, point)
    for name, task in comparison.tasks.items():
        told = record.points[1]["tasks"][name]
        assert told["difference"]["effect"] == task.overall.effect
        assert told["score"]["value"] == point.scores[name].overall.value
        assert task.overall.n_items == 4


def test_the_end_of_the_run_is_measured_once(record: TrainingRecord) -> None:
    last = record.points[-1]
    assert last["folder"] == record.after.folder
    for name, task in record.comparison["tasks"].items():
        assert last["tasks"][name]["difference"]["effect"] == task["overall"]["effect"]


def test_a_point_tells_what_it_cost_and_what_it_was_rewarded(record: TrainingRecord) -> None:
    spent = [one["cpu_seconds"] for one in record.points]
    assert record.cpu_seconds == spent[2]
    assert spent[0] == 0 < spent[1] < spent[2]
    assert [one["judgements"] for one in record.points] == [0, 16, 24]
    assert record.points[1]["reward"] == record.rounds[1]
    developed = record.points[1]["development"]["shapes_t2i_compbench"]
    assert (developed["rewarded"], developed["items"]) == (2, 2)
    assert developed["reward"] < 0 <= developed["score"] <= 1


def test_points_change_nothing_of_what_is_learnt(whole: Path, tmp_path: Path) -> None:
    train(small(tmp_path, before=whole / "before", points=Points()))
    assert weights(tmp_path) == weights(whole)
    assert weights(whole, "at-10/weights") != weights(whole)


def weights(folder: Path, inside: str = "weights") -> bytes:
    return (folder / "run" / inside / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("stage", "turn"),
    [("training", 4), ("training", 5), ("shapes_t2i_compbench", 1), ("shapes_questions", 1)],
    ids=["when a point is due", "after a point", "while a point is drawn", "before a point is told"],
)
def test_an_interrupted_run_ends_with_the_same_points(
    whole: Path, record: TrainingRecord, tmp_path: Path, stage: str, turn: int
) -> None:
    again = small(tmp_path, before=whole / "before")
    with pytest.raises(Interrupted):
        train(again, Bar(stage, turn))
    assert not (tmp_path / "run" / "training.json").exists()
    resumed = train(again)
    assert weights(tmp_path, "at-10/weights") == weights(whole, "at-10/weights")
    assert weights(tmp_path) == weights(whole)
    assert [timeless(one) for one in resumed.points] == [timeless(one) for one in record.points]


def timeless(point: dict[str, Any]) -> dict[str, Any]:
    """A point without what the clock decides, and without the way to the folder that seeds share."""
    return {key: value for key, value in point.items() if key != "cpu_seconds" and point["asked"]}


def test_fewer_tasks_and_items_are_compared_with_as_many_of_the_start(whole: Path, tmp_path: Path) -> None:
    points = Points(at=(10,), tasks=("shapes_questions",), limit=3)
    told = train(small(tmp_path, before=whole / "before", points=points)).points[1]
    assert told["tasks"].keys() == {"shapes_questions"}
    assert told["tasks"]["shapes_questions"]["difference"]["n_items"] == 3


def test_with_tuned_guidance_a_point_has_its_own_scale(tmp_path: Path) -> None:
    changes = {"policy": "tuned", "scales": (1.0, 2.0), "points": Points(at=(10,)), "limit": 2}
    point = train(small(tmp_path, **changes)).points[1]
    assert point["grid"].keys() == {"1", "2"}
    assert point["guidance"] in (1.0, 2.0)
    assert point["folder"].startswith(f"at-10/evaluation-guidance-{point['guidance']:g}/")


def test_other_points_are_another_training_run(whole: Path) -> None:
    with pytest.raises(RunFolderError, match=r"points\.at"):
        train(small(whole, points=Points(at=(8,))))


def test_weights_that_were_deleted_are_named(whole: Path, tmp_path: Path) -> None:
    again = small(tmp_path, before=whole / "before")
    with pytest.raises(Interrupted):
        train(again, Bar("shapes_t2i_compbench", 1))
    (tmp_path / "run" / "at-10" / "weights" / "model.safetensors").unlink()
    (tmp_path / "run" / "at-10" / "weights").rename(tmp_path / "gone")
    with pytest.raises(InputError, match=r"at-10/weights is missing, and training is past it"):
        train(again)


def test_a_damaged_point_is_named(whole: Path, tmp_path: Path) -> None:
    again = small(tmp_path, before=whole / "before")
    with pytest.raises(Interrupted):
        train(again, Bar("training", 5))
    point = tmp_path / "run" / "at-10" / "point.json"
    point.write_text(point.read_text()[:-9])
    with pytest.raises(InputError, match=r"at-10/point\.json is damaged .* delete it"):
        train(again)


@pytest.mark.parametrize(
    ("points", "told"),
    [
        (Points(at=(0, 10)), "--evaluate-at 0: numbers of pictures start at 1"),
        (Points(at=(20, 10)), "--evaluate-at: 10 follows 20; write increasing numbers"),
        (Points(at=(10, 25)), r"--evaluate-at 25: the run learns from 24 pictures \(3 rounds of 4 prompts"),
        (Points(at=(9, 16)), "9 and 16 fall to the end of the same round, after 16 pictures"),
        (Points(at=(9,), tasks=("shapes_geneval",)), "--evaluate-tasks shapes_geneval: it is not measured"),
        (Points(limit=3), "--evaluate-tasks and --evaluate-limit need --evaluate-at"),
    ],
)  # fmt: skip
def test_points_that_do_not_fit_are_refused_before_anything_is_drawn(
    tmp_path: Path, points: Points, told: str
) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        train(small(tmp_path, points=points))
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_without_points_a_folder_is_claimed_as_ever(whole: Path) -> None:
    claimed = json.loads((whole / "run" / "job.json").read_text())
    assert claimed["points"] == {"at": [10, 24], "tasks": None, "limit": None}
    assert Points().ends(Settings()) == []
