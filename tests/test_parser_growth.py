"""No parser of other people's text is slower than linear: long inputs made to be slow are read to their end.

The process that reads them is ended by the system where one input takes more than three seconds of CPU
time. What is linear takes some hundredths; a quadratic parser took seven and more on these, a cubic one
had not finished after minutes. A second, longer round would tell nothing more.
"""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
from support.paths import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
try:
    PARSERS = sorted(importlib.import_module("fuzzing").PARSERS)
finally:
    sys.path.remove(str(ROOT / "benchmarks"))

SCRIPT = ROOT / "benchmarks" / "fuzzing.py"
LENGTH = 200_000


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", PARSERS)
def test_long_inputs_made_to_be_slow_are_read_to_their_end(name: str) -> None:
    done = run("--only", name, "--long", str(LENGTH))
    assert done.returncode == 0, f"not read to its end: {done.stdout.splitlines()[-1:]} {done.stderr[-500:]}"


@pytest.mark.parametrize("name", PARSERS)
def test_random_inputs_give_scores_and_documented_errors_only(name: str) -> None:
    done = run("--only", name, "--inputs", "300", "--seed", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 scores" not in done.stdout
