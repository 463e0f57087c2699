"""Six kinds of pipelines on a benchmark, end to end, interrupted and resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.tiny_pipelines import PIPELINES

from selfreward_eval.api.objects import build_tasks
from selfreward_eval.harness.models.diffusers.adapter import DiffusersModel
from selfreward_eval.harness.runs.run import Finished, run

Adapter = Callable[..., DiffusersModel]
ITEMS = 3


def measure(model: DiffusersModel, folder: Path, batch_size: int = 3) -> Finished:
    return run(model, build_tasks("shapes_geneval", {}), folder, limit=ITEMS, batch_size=batch_size)


def pictures(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("images/**/*.png")
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", PIPELINES)
def test_a_run_that_was_interrupted_goes_on_and_draws_the_same_pictures(
    adapter: Adapter, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = measure(adapter(name), tmp_path / "whole")
    assert whole.scores["shapes_geneval"].overall.n_scored == whole.drawn > ITEMS
    stopped = adapter(name)
    draw, calls = stopped.generate, []

    def interrupted(prompts: Sequence[str], seeds: Sequence[int]) -> Any:
        calls.append(prompts)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return draw(prompts, seeds)

    monkeypatch.setattr(stopped, "generate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measure(stopped, tmp_path / "parts")
    # The rest in batches of another size.
    resumed = measure(adapter(name), tmp_path / "parts", batch_size=4)
    assert (resumed.reused, resumed.drawn) == (6, whole.drawn - 6)
    assert pictures(tmp_path / "parts") == pictures(tmp_path / "whole")


@pytest.mark.slow
def test_a_killed_command_goes_on(saved: Callable[[str], Path], tmp_path: Path) -> None:
    arguments = f"pretrained={saved('FluxPipeline')},height=32,width=32,num_inference_steps=2,device=cpu"
    options = ["run", "--model", "diffusers", "--model-args", arguments, "--tasks", "shapes_geneval"]
    options += ["--limit", "6", "--batch-size", "2", "-o", str(tmp_path)]
    command = [sys.executable, "-c", "from selfreward_eval.cli.main import main; main()", *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(tmp_path.rglob("*.png"))) < 3 and process.poll() is None:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    drawn = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.rglob("*.png"))) > len(drawn)
    assert {path: path.stat().st_mtime_ns for path in drawn} == drawn
