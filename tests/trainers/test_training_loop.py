"""Before, training, after: one record, whatever happened in between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.small_training import Bar, Interrupted, job

from selfreward_eval.harness.errors import RunFolderError, UsageError
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.tasks.shapes.compbench.task import ShapesCompBench
from selfreward_eval.trainers.cost import estimate_cost
from selfreward_eval.trainers.job_checks import check
from selfreward_eval.trainers.loop import train
from selfreward_eval.trainers.record import read
from selfreward_eval.trainers.sources import FileSource


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    train(job(folder))
    return folder


def test_the_record_holds_both_runs_and_a_verdict_for_every_task(whole: Path) -> None:
    record = read(whole / "run")
    assert set(record.verdicts) == {"shapes_t2i_compbench", "shapes_questions"}
    before, after = (load_run(whole / "run" / arm.folder) for arm in (record.before, record.after))
    assert before.manifest.identity["model"]["weights"] == "tiny-final"
    assert after.name == "tiny-final-rejection-dsr-s0"
    assert record.comparison["tasks"]["shapes_t2i_compbench"]["overall"]["n_items"] == 8
    assert set(record.audit) == {"shapes_t2i_compbench"}
    assert record.rounds[0]["drawing"]["scored"] == 1.0


def test_both_arms_are_drawn_from_the_same_seeds(whole: Path) -> None:
    record = read(whole / "run")
    before, after = (load_run(whole / "run" / arm.folder) for arm in (record.before, record.after))
    for task in before.records:
        assert [one.sample.seed for one in before.records[task]] == [
            one.sample.seed for one in after.records[task]
        ]


def test_a_finished_training_run_is_read_and_not_done_again(whole: Path) -> None:
    bar = Bar()
    assert train(job(whole), bar) == read(whole / "run")
    assert bar.seen == []


def test_another_training_run_is_refused_in_its_folder(whole: Path) -> None:
    with pytest.raises(
        RunFolderError, match=r"holds another training run \(trainer.settings.steps: 4 there, 5 here"
    ):
        train(job(whole, settings={"steps": 5}))


@pytest.mark.parametrize(("stage", "turn"), [("training", 3), ("candidates", 1)])
def test_an_interrupted_training_run_ends_with_the_same_weights(
    whole: Path, tmp_path: Path, stage: str, turn: int
) -> None:
    again = job(tmp_path, before=whole / "before")
    with pytest.raises(Interrupted):
        train(again, Bar(stage, turn))
    record = train(again)
    first = whole / "run" / read(whole / "run").checkpoint / "model.safetensors"
    assert (tmp_path / "run" / record.checkpoint / "model.safetensors").read_bytes() == first.read_bytes()


def test_evaluated_prompts_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text(ShapesCompBench().items()[0].text, encoding="utf-8")
    with pytest.raises(UsageError, match="asked by the evaluation 'shapes_t2i_compbench'"):
        train(job(tmp_path, source=FileSource(file), settings={"prompts": 1}))
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "before").exists()


def test_a_scale_is_never_tuned_without_a_grid(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs scales to choose from"):
        check(job(tmp_path, policy="tuned"))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"settings": {"accumulation": 3}}, "batch_size 4 does not divide"),
        ({"log_with": ("papyrus",)}, "cannot log with 'papyrus'"),
    ],
)
def test_what_would_stop_training_is_found_before_anything_is_measured(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        train(job(tmp_path, **changes))
    assert not list(tmp_path.iterdir())


def test_a_dry_run_foresees_and_writes_nothing(tmp_path: Path) -> None:
    told = estimate_cost(job(tmp_path))
    assert told["seconds"]["candidates"] > 0
    assert 0 < told["trainable"] < told["total"]
    assert list(tmp_path.iterdir()) == []
    json.dumps(told)
