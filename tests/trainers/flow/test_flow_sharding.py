"""Real processes that share a small BAGEL's weights out: same steps as one, and resumed by another number."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.sharding import ASKED, sharding_asked, unasked

KILLED = -9

pytestmark = pytest.mark.skipif(
    not (hasattr(os, "fork") and torch.distributed.is_available()),
    reason="processes cannot be forked here, or torch was built without distributed training",
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``sharded_fits.py`` reports."""
    script = Path(__file__).with_name("sharded_fits.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path_factory.mktemp("sharded"))],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


@pytest.mark.parametrize("kind", ["weights", "adapters"])
def test_two_that_share_the_weights_train_as_one(found: dict[str, Any], kind: str) -> None:
    one = found[kind]
    assert one["status"] == [0, 0, 0]
    assert one["apart"] < 2e-5 < 1e-3 < one["moved"]


def test_in_half_precision_losses_and_gradients_are_near(found: dict[str, Any]) -> None:
    """AdamW's first steps go by the sign of a gradient, so that weights are no measure of rounding."""
    one = found["bf16"]
    assert one["status"] == [0, 0, 0]
    for alone, both in zip(one["alone"], one["both"], strict=True):
        assert both["loss"] == pytest.approx(alone["loss"], rel=0.01)
        assert both["grad_norm"] == pytest.approx(alone["grad_norm"], rel=0.03)


def test_every_process_writes_its_part_of_a_checkpoint(found: dict[str, Any]) -> None:
    files = found["weights"]["files"]
    assert [name for name in files if name.startswith("000004/")] == [
        "000004/shards/shard-00001-model-00001-of-00001.safetensors",
        "000004/shards/shard-00002-model-00001-of-00001.safetensors",
        "000004/state.json",
    ]


@pytest.mark.parametrize("count", [1, 2])
def test_killed_and_resumed_by_another_number_of_processes(found: dict[str, Any], count: int) -> None:
    one = found[f"resumed by {count}"]
    assert one["status"][0] == KILLED
    assert not any(one["status"][2:])
    # The same number goes on bit for bit; sums are made in another order otherwise.
    assert one["apart"] <= (2e-5 if count == 1 else 0.0)


def test_begun_by_one_and_resumed_by_two(found: dict[str, Any]) -> None:
    one = found["begun by 1"]
    assert one["status"] == [KILLED, 0, 0]
    assert one["apart"] < 2e-5


def test_the_launchers_wish_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not sharding_asked()
    monkeypatch.setenv(ASKED, "true")
    monkeypatch.setenv("FSDP_VERSION", "2")
    assert sharding_asked()
    with unasked():
        assert not sharding_asked()
    assert sharding_asked()
    monkeypatch.setenv("FSDP_VERSION", "1")
    with pytest.raises(UsageError, match="add --fsdp_version 2"):
        sharding_asked()
