"""A real checkpoint, one that was hardly touched, one that was damaged: exit codes as a shell sees them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.paths import ROOT

from selfreward_eval.harness.models.tiny import GUIDANCE, WEIGHTS, TinyModel
from selfreward_eval.harness.runs.run import run

POLICY = """
[[rule]]
task = "shapes_geneval"
margin = 0.2
"""

LIMIT = 36
"""Items; 144 pictures a run."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gate")


@pytest.fixture(scope="module")
def shell(place: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """A command line run by a real shell; ``$EVAL`` is the entry point."""
    entry = f'{sys.executable} -c "from selfreward_eval.cli.main import main; main()"'
    root = str(ROOT)

    def call(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            line.replace("$EVAL", entry),
            shell=True,
            cwd=place,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
            check=False,
        )

    return call


@pytest.fixture(scope="module")
def runs(place: Path, noisy_copy: Callable[..., Path]) -> Path:
    """Runs of the shipped checkpoint, of a copy with hardly any noise, and of one with as much as weight."""
    from selfreward_eval.harness.models.janus.adapter import JanusModel
    from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

    (place / "gate.toml").write_text(POLICY)
    run(TinyModel(), [ShapesGenEval()], place / "runs", limit=LIMIT)
    for name, scale in (("touched", 0.001), ("damaged", 1.0)):
        folder = noisy_copy(WEIGHTS / "tiny-final", place / name, scale)
        model = JanusModel(str(folder), guidance=GUIDANCE, max_new_tokens=64)
        run(model, [ShapesGenEval()], place / "runs", limit=LIMIT)
    return place / "runs"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("candidate", "code", "verdict"),
    [("tiny-final", 0, "PASS"), ("touched", 0, "PASS"), ("damaged", 1, "FAIL")],
)
def test_the_damaged_checkpoint_is_stopped_and_no_other(
    runs: Path,
    shell: Callable[[str], subprocess.CompletedProcess[str]],
    candidate: str,
    code: int,
    verdict: str,
) -> None:
    done = shell(f"$EVAL gate runs/tiny-final runs/{candidate}")
    assert done.returncode == code, done.stdout + done.stderr
    assert f"{verdict}: 1 rule" in done.stdout


@pytest.mark.slow
def test_a_build_script_stops_at_the_gate(
    runs: Path, shell: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    line = "set -e; $EVAL gate runs/tiny-final runs/{} >/dev/null; echo deployed"
    assert "deployed" in shell(line.format("touched")).stdout
    stopped = shell(line.format("damaged"))
    assert (stopped.returncode, stopped.stdout) == (1, "")


@pytest.mark.slow
def test_a_missing_run_is_neither_pass_nor_fail(
    runs: Path, shell: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    done = shell("$EVAL gate runs/tiny-final runs/never")
    assert done.returncode == 4
    assert done.stderr.startswith("error: no run folder at runs/never")
