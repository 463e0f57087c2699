"""A training run's folder is read back as it was written, and refused where it is damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.comparing.compare import compare_runs, load_run
from selfreward_eval.harness.errors import InputError
from selfreward_eval.trainers.report.reading import comparison_of, load_training
from selfreward_eval.trainers.verdict import Outcome

MakeTraining = Callable[..., Path]


def damage(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """``folder`` with ``change`` made to its record."""
    path = folder / "training.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    return folder


def test_a_comparison_comes_back_as_it_was(runs: Path) -> None:
    comparison = compare_runs(load_run(runs / "before"), load_run(runs / "after"))
    assert comparison_of(json.loads(json.dumps(comparison.to_json()))) == comparison


def test_a_training_run_is_read_with_both_runs(make_training: MakeTraining) -> None:
    training = load_training(make_training())
    assert (training.before.name, training.after.name) == ("before", "after")
    assert training.verdicts == {"drawing": Outcome.HELPED, "answering": Outcome.KEPT}


def test_a_round_has_a_side_for_each_direction_that_was_trained(make_training: MakeTraining) -> None:
    first, second = load_training(make_training()).rounds
    assert list(first.sides) == ["drawing"]
    assert list(second.sides) == ["drawing", "captioning"]
    assert second.sides["captioning"].mean == -1.2


def test_the_step_log_keeps_finite_numbers_and_counts_skipped_steps(make_training: MakeTraining) -> None:
    training = load_training(make_training())
    assert len(training.steps) == 40
    assert "grad_norm" not in training.steps[4]
    assert training.skipped == 1


def test_a_missing_step_log_is_no_error(make_training: MakeTraining) -> None:
    folder = make_training()
    (folder / "log.jsonl").unlink()
    assert load_training(folder).steps == ()


def test_an_audit_without_numbers_is_left_out(make_training: MakeTraining) -> None:
    assert load_training(make_training(audit={"drawing": {"n": 0, "of": 60}})).audits == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data["verdicts"].pop("drawing"), "no verdict of drawing"),
        (lambda data: data["verdicts"].update(drawing="splendid"), "no verdict of drawing"),
        (lambda data: data["comparison"]["tasks"]["drawing"].pop("overall"), "comparison cannot be read"),
        (lambda data: data["comparison"].update(schema=99), "its schema is 99"),
        (
            lambda data: data["comparison"]["tasks"]["drawing"]["overall"].update(effect="<b>"),
            "effect is '<b>', no finite number",
        ),
        (lambda data: data["rounds"][0]["drawing"].update(mean=True), "rounds cannot be read"),
        (lambda data: data["rounds"][0].pop("reasons"), "rounds cannot be read"),
        (lambda data: data.update(trainer="srum"), "trainer cannot be read"),
        (lambda data: data["seconds"].update(train="long"), "seconds cannot be read"),
        (lambda data: data["profile"].update(steps="long"), "profile cannot be read"),
        (lambda data: data["before"].update(guidance=None), "before cannot be read"),
        (lambda data: data["before"].update(folder="../nowhere"), "nowhere"),
    ],
)
def test_a_damaged_record_is_named(
    make_training: MakeTraining, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load_training(damage(make_training(), change))


def test_a_record_from_before_there_were_profiles_is_read(make_training: MakeTraining) -> None:
    assert load_training(make_training(profile={"steps": 3.0})).record.profile == {"steps": 3.0}
    older = damage(make_training(), lambda data: data.pop("profile"))
    assert load_training(older).record.profile == {}


def test_a_line_without_a_step_is_named(make_training: MakeTraining) -> None:
    folder = make_training()
    (folder / "log.jsonl").write_text('{"loss": 1.0}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"record 1 of .+ has no step"):
        load_training(folder)


def test_a_folder_without_a_record_is_no_training_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished training run"):
        load_training(tmp_path)
