"""The job files of docs/launchers: their shells and parsers read them, and they ask for what exists."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.paths import ROOT

from selfreward_eval.harness.runs.launchers import SHARDS

FILES = ROOT / "docs" / "launchers"
JOBS = sorted(FILES.glob("*.sbatch"))
PAGE = (ROOT / "docs" / "shards.md").read_text(encoding="utf-8")
RUN = re.compile(r"selfreward-eval ((?:run|merge|reward|train) .+)")


def named_options(text: str) -> set[str]:
    return set(re.findall(r"(--[a-z-]+)", text))


@pytest.fixture
def offered(command: Callable[..., Any]) -> set[str]:
    return named_options(command("run", "--help").out)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_slurm_job_is_bash(job: Path) -> None:
    done = subprocess.run(["bash", "-n", str(job)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_slurm_s_options_come_before_the_first_command(job: Path) -> None:
    """Slurm ignores those that come later."""
    lines = job.read_text().splitlines()
    first = next(k for k, line in enumerate(lines) if line and not line.startswith("#"))
    directives = [k for k, line in enumerate(lines) if line.startswith("#SBATCH")]
    assert lines[0] == "#!/bin/bash"
    assert directives
    assert max(directives) < first


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_slurm_job_gives_options_that_exist(job: Path, offered: set[str]) -> None:
    call = job.read_text().replace("\\\n", " ").partition("selfreward-eval run ")[2]
    assert {"--model", "--shard"} <= named_options(call) <= offered


def test_the_kubernetes_job_tells_its_pods_how_many_they_are(offered: set[str]) -> None:
    job = yaml.safe_load((FILES / "kubernetes.yaml").read_text())
    spec = job["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert (job["kind"], spec["completionMode"]) == ("Job", "Indexed")
    assert {one["name"]: one["value"] for one in container["env"]}[SHARDS] == str(spec["completions"])
    assert container["command"] == ["selfreward-eval", "run"]
    assert {"--model", "--shard"} <= {argument.partition("=")[0] for argument in container["args"]} <= offered
    volumes = {volume["name"] for volume in spec["template"]["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes


@pytest.mark.parametrize(
    "line", [line for line in RUN.findall(PAGE) if "janus" not in line and "auto" not in line]
)
def test_commands_of_the_page_are_commands(
    command: Callable[..., Any], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folders to merge or to reward, and the cluster to join, are not there: all that may go wrong."""
    monkeypatch.chdir(tmp_path)
    missing = line.startswith("merge") or "--engine ray" in line
    assert command(*shlex.split(line)).code == (4 if missing else 0)
