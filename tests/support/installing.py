"""Installs a folder or a wheel into a folder of its own, without network and without its dependencies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from support.paths import ROOT


def install(package: Path, target: Path) -> Path:
    """Installs ``package`` into ``target``, with this environment's setuptools; returns ``target``."""
    arguments = ["--no-deps", "--no-build-isolation", "--target", str(target), str(package)]
    uv = Path(sys.executable).with_name("uv")
    found = str(uv) if uv.exists() else shutil.which("uv")
    command = (
        [found, "pip", "install", "--quiet", "--offline", "--python", sys.executable]
        if found
        else [sys.executable, "-m", "pip", "install", "--quiet", "--no-index"]
    )
    subprocess.run([*command, *arguments], check=True)
    return target


def environment(*folders: Path, here: bool = True) -> dict[str, str]:
    """This process's environment with ``folders`` on the path, then this repository's package if ``here``."""
    path = [*map(str, folders), *([str(ROOT / "src")] if here else [])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def python(
    arguments: Sequence[object], cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """This interpreter with ``arguments`` in ``cwd``; whatever its exit code."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, env=dict(env), capture_output=True, text=True
    )
