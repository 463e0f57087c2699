"""Runs on a real cluster of this machine. Skipped, with the reason, where none can be started."""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.paths import ROOT
from support.real_cluster import started
from support.run_states import contents

from selfreward_eval.harness.engines.ray.engine import RayEngine
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.runs.run import Finished, run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

pytestmark = pytest.mark.slow

COMMAND = "from selfreward_eval.cli.main import main; main()"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with started(27379) as found:
        yield found


def share(out: Path, address: str, model: Any = None, **arguments: Any) -> Finished:
    engine = RayEngine(address=address, **arguments)
    return run(model or DummyModel(), [ShapesGenEval()], out, limit=6, batch_size=4, engine=engine)


def test_the_command_ends_like_one_process(
    command: Callable[..., Any], address: str, tmp_path: Path, whole: dict[str, Any]
) -> None:
    """Nothing but its JSON is on standard output."""
    asked = ("run", "--model", "dummy", "--limit", 6, "--batch-size", 4, "-o", tmp_path)
    outcome = command(*asked, "--engine", "ray", "--engine-args", f"address={address}", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["pictures_drawn"] == 24
    found = contents(tmp_path / "dummy")
    assert found.pop("config.yaml").count(b"engine: ray\n") == 1
    assert (tmp_path / "dummy" / "report.html").exists()
    assert {name: found[name] for name in whole if not name.startswith("results_")} == {
        name: value for name, value in whole.items() if not name.startswith("results_")
    }


def test_workers_killed_in_the_middle_of_writes_end_like_one_process(address: str, tmp_path: Path) -> None:
    drill = runpy.run_path(str(ROOT / "benchmarks" / "ray_drill.py"))["drill"]
    report = drill(tmp_path, address, items=16, kills=4)
    assert (report["samples"], report["kills"], report["restarts"], report["unlike"]) == (64, 4, 4, [])
    assert report["drawn_again"] <= report["drawn_again_at_most"]


def test_without_a_common_disk_it_ends_like_one_process(
    address: str, tmp_path: Path, whole: dict[str, Any]
) -> None:
    drill = runpy.run_path(str(ROOT / "benchmarks" / "ray_drill.py"))["drill"]
    report = drill(tmp_path, address, items=6, kills=1, apart=True)
    assert (report["samples"], report["kills"], report["unlike"]) == (24, 1, [])


def test_a_model_that_cannot_be_sent_is_told(address: str, tmp_path: Path) -> None:
    model = DummyModel()
    model.lock = threading.Lock()  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="cannot be sent to the workers"):
        share(tmp_path, address, model)


def test_a_cluster_that_is_too_small_is_told(address: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="actors=3 with 1 CPUs each need 3 CPUs, and the Ray cluster has 2"):
        share(tmp_path, address, actors=3)


def test_a_server_that_is_no_cluster_is_told(tmp_path: Path) -> None:
    """Its port is open, and it does not speak Ray's protocol. Ray is told to try once, for a second."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        found = f"127.0.0.1:{server.getsockname()[1]}"
        asked = ["run", "--model", "dummy", "--limit", "1", "-o", str(tmp_path), "--engine", "ray"]
        outcome = subprocess.run(
            [sys.executable, "-c", COMMAND, *asked, "--engine-args", f"address={found}"],
            capture_output=True,
            text=True,
            env={**os.environ, "RAY_NUM_REDIS_GET_RETRIES": "1", "RAY_py_gcs_connect_timeout_s": "1"},
        )
    assert outcome.returncode == 4, outcome.stderr
    last = outcome.stderr.splitlines()[-1]
    assert last.startswith(f"error: no Ray cluster runs at {found} (")
    assert "or give --engine-args address=HOST:PORT" in last


def test_a_request_to_end_is_no_death(address: str, tmp_path: Path, whole: dict[str, Any]) -> None:
    """SIGTERM ends the workers, then the command, as by default; what they had in hand is not blamed."""
    asked = ["run", "--model", "dummy", "--model-args", "seconds=30", "--limit", "6", "-o", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, *asked, "--engine", "ray", "--engine-args", f"address={address}"]
    ) as process:
        journals: list[Path] = []
        end = time.monotonic() + 120
        while not any("in_hand" in path.read_text() for path in journals) and time.monotonic() < end:
            time.sleep(0.2)
            journals = list(tmp_path.rglob("journal_*model*"))
        process.terminate()
        assert process.wait(60) == -signal.SIGTERM
    held = [path.read_text().splitlines() for path in journals if "in_hand" in path.read_text()]
    assert held
    assert {lines[-1] for lines in held} == {'{"done":true}'}
