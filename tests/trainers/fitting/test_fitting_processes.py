"""Real processes: killed at the worst moments, and two that share every batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

KILLED = -9


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``forked_fits.py`` reports."""
    script = Path(__file__).with_name("forked_fits.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path_factory.mktemp("forked"))],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


@pytest.mark.parametrize(
    ("death", "left"),
    [
        ("between_steps", ["000003", "000004"]),
        ("inside_a_checkpoint", ["000003", "000004", "000006.part"]),
        ("before_a_checkpoint_is_renamed", ["000003", "000004", "000006.part"]),
        ("while_the_weights_are_written", ["000006", "000008"]),
    ],
)
def test_killed_by_signal_and_resumed_ends_with_the_same_weights(
    found: dict[str, Any], death: str, left: list[str]
) -> None:
    one = found["killed"][death]
    assert one["status"] == KILLED
    assert one["left"] == left
    assert one["again"] == 0
    assert one["weights"] == found["unbroken"]
    assert one["steps"] == list(range(1, 9))


@pytest.mark.parametrize("kind", ["weights", "adapters", "one side"])
def test_two_processes_take_the_same_steps_as_one(found: dict[str, Any], kind: str) -> None:
    one = found["shared"][kind]
    assert one["status"] == [0, 0, 0]
    # Sums over the batch are made in another order, in float32: equal to some six digits, not to the bit.
    for alone, both in zip(one["alone"], one["both"], strict=True):
        assert alone.keys() == both.keys()
        for name in alone.keys() - {"seconds", "cpu_seconds"}:
            assert both[name] == pytest.approx(alone[name], rel=2e-5), name
    assert one["apart"] < 2e-5


def test_one_of_two_processes_writes(found: dict[str, Any]) -> None:
    assert [line["step"] for line in found["shared"]["weights"]["both"]] == [1, 2, 3]
