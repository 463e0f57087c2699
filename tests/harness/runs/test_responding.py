"""Tasks that ask in their own way: what they hear is recorded and measured, what fails is a status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.errors import MissingCapability, UsageError
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import Finished, run
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.harness.testing.dummy_model import DummyModel


class Sums(Task):
    """Asks for both of two numbers' sums; measures whether it is even, and fails to measure 14."""

    info = TaskInfo("sums", "1", "Sums", "none", images_per_item=1, capability="add")
    metrics = (Metric("even"),)

    def items(self) -> Sequence[Item]:
        return [Item(f"{k}", f"{k} and {k + 5}", "all", metadata={"numbers": [k, k + 5]}) for k in range(6)]

    def respond(self, model: Any, items: Sequence[Item]) -> list[str]:
        return [str(total) for total in model.add([item.metadata["numbers"] for item in items])]

    def shown(self, item: Item) -> Image.Image | None:
        return Image.new("RGB", (2, 2), "red") if item.id == "0" else None

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image.Image]
    ) -> list[Measurement]:
        (sample,) = samples
        if sample.text == "7":
            raise ZeroDivisionError("seven")
        return [Measurement(Status.SUCCESS, {"even": float(int(str(sample.text)) % 2 == 0)})]

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        return {}


class Adder:
    """Adds; told to, it cannot add to one number, or does not want to."""

    def __init__(self, fails: int | None = None, refuses: bool = False) -> None:
        self.fails, self.refuses, self.calls = fails, refuses, 0

    def identity(self) -> dict[str, Any]:
        return {"name": "adder", "fails": self.fails}

    def add(self, pairs: Sequence[Sequence[int]]) -> list[int]:
        self.calls += 1
        if self.refuses:
            raise UsageError("it does not add")
        if any(pair[0] == self.fails for pair in pairs):
            raise OverflowError(f"cannot add to {self.fails}")
        return [sum(pair) for pair in pairs]


def records(finished: Finished) -> dict[str, SampleRecord]:
    return {record.item.id: record for record in load_run(finished.folder).records["sums"]}


def test_what_was_said_is_recorded_and_measured(tmp_path: Path) -> None:
    model = Adder()
    found = records(run(model, [Sums()], tmp_path))
    assert found["3"].sample.text == "11"
    assert found["3"].measurement.values == {"even": 0.0}
    assert model.calls == 1


def test_the_picture_of_an_item_is_kept_beside_its_text(tmp_path: Path) -> None:
    finished = run(Adder(), [Sums()], tmp_path)
    found = records(finished)
    assert found["0"].sample.text == "5"
    with Image.open(finished.folder / str(found["0"].sample.image)) as kept:
        assert kept.size == (2, 2)
    assert found["2"].sample.image is None


def test_a_failed_batch_is_asked_one_by_one(tmp_path: Path) -> None:
    found = records(run(Adder(fails=2), [Sums()], tmp_path))
    assert found["2"].measurement.status is Status.GENERATION_ERROR
    assert "OverflowError: cannot add to 2" in found["2"].measurement.reason
    assert found["2"].sample.text is None
    assert found["3"].measurement.ok


def test_a_measurement_that_fails_costs_its_own_sample_and_keeps_its_text(tmp_path: Path) -> None:
    found = records(run(Adder(), [Sums()], tmp_path))
    assert found["1"].measurement.status is Status.MEASUREMENT_ERROR
    assert found["1"].sample.text == "7"
    assert "ZeroDivisionError: seven" in found["1"].measurement.reason


def test_a_users_mistake_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it does not add"):
        run(Adder(refuses=True), [Sums()], tmp_path)


def test_what_was_said_is_not_asked_again(tmp_path: Path) -> None:
    run(Adder(), [Sums()], tmp_path)
    again = Adder()
    assert run(again, [Sums()], tmp_path).reused == 6
    assert again.calls == 0


def test_a_model_that_lacks_the_capability_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingCapability, match="'add'; dummy offers"):
        run(DummyModel(), [Sums()], tmp_path)
