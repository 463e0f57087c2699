"""What is sent between the scheduling process and its workers."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from selfreward_eval.harness.engines.ray.messages import only, portable, without_pictures
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.runs.drawing import Drawn
from selfreward_eval.harness.runs.measuring import Raised, unmeasured
from selfreward_eval.harness.runs.plan import Planned

ITEMS = [Item(f"{k}", f"text {k}", "single", f"{k}") for k in range(3)]
BATCH = [Planned(k, item, 0, 10 + k) for k, item in enumerate(ITEMS)]
SAMPLES = {k: Sample(item.id, 0, 10 + k, image=f"images/{k}.png") for k, item in enumerate(ITEMS)}
FAILED = Measurement(Status.GENERATION_ERROR, reason="none")


def drawn() -> Drawn:
    """Three samples; the second has no picture."""
    pictures = {0: object(), 2: object()}
    return Drawn(BATCH, SAMPLES, pictures, {1: FAILED}, frozenset({0, 1}), 0.5, True, True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("position", "pictures", "failures", "fresh"), [(0, [0], [], [0]), (1, [], [0], [0]), (2, [0], [], [])]
)
def test_one_sample_of_a_batch(
    position: int, pictures: list[int], failures: list[int], fresh: list[int]
) -> None:
    one = only(without_pictures(drawn()), position)
    assert (one.batch, one.samples) == ([BATCH[position]], {0: SAMPLES[position]})
    assert (list(one.pictures), list(one.failures), list(one.fresh)) == (pictures, failures, fresh)
    assert (one.seconds, one.measured, one.own) == (0.5, True, True)


def raised(error: Exception) -> Raised:
    try:
        raise error
    except Exception as caught:
        return unmeasured(caught)


def sent(error: Exception) -> Measurement:
    """A measurement over which ``error`` was raised, as the other process has it."""
    record = SampleRecord(0, ITEMS[0], SAMPLES[0], raised(error), {})
    [(copy, fresh)] = pickle.loads(pickle.dumps(portable([(record, True)])))
    assert fresh
    measurement: Measurement = copy.measurement
    return measurement


def test_a_traceback_is_sent_along() -> None:
    measurement = sent(ValueError("no"))
    assert isinstance(measurement, Raised)
    assert measurement.trace is not None
    assert "ValueError: no" in "".join(measurement.trace.format())


def test_a_traceback_of_a_local_class_is_left_out() -> None:
    class Local(Exception):
        pass

    measurement = sent(Local("no"))
    assert isinstance(measurement, Raised)
    assert (measurement.trace, measurement.reason) == (None, "Local: no")
    assert Path(__file__).name in measurement.place
