"""The plug-in package of ``examples/``, installed as a stranger would install it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.commands import command
from support.installing import install
from support.paths import ROOT

from selfreward_eval.harness.registry import registry

__all__ = ["command"]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed package. It is built from a copy: building leaves files behind."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(ROOT / "examples", folder / "source")
    return install(folder / "source", folder / "installed")


@pytest.fixture
def plugins(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package on this process's path, with its names known to the registry."""
    monkeypatch.syspath_prepend(str(installed))
    registry.cache_clear()
    yield installed
    registry.cache_clear()
