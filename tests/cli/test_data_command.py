"""``selfreward-eval data``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.file_server import serve
from typer.testing import CliRunner, Result

from selfreward_eval.cli.data import app
from selfreward_eval.harness import data
from selfreward_eval.harness.data import PinnedFile
from selfreward_eval.harness.errors import MissingData

FILE = PinnedFile(
    "toy", "rows.txt", "owner/toy", "c" * 40, hashlib.sha256(b"rows").hexdigest(), "MIT", "counting"
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """One task with one file and one without, an upstream on this machine, an empty cache."""
    source = tmp_path / "upstream" / "owner" / "toy" / FILE.commit / FILE.path
    source.parent.mkdir(parents=True)
    source.write_bytes(b"rows")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(data, "declared_files", lambda tasks=(): {"counting": (FILE,), "embedded": ()})
    monkeypatch.setenv("SELFREWARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SELFREWARD_DATA", raising=False)
    with serve(tmp_path / "upstream") as address:
        monkeypatch.setattr(data, "RAW_HOST", address)
        yield tmp_path / "cache"


def command(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_verify_fails_until_the_file_is_fetched(cache: Path) -> None:
    assert command("verify").exit_code == 1
    fetched = command("fetch")
    assert fetched.exit_code == 0
    assert str(cache / "toy" / "rows.txt") in fetched.stdout
    assert command("verify").exit_code == 0


def test_verify_fails_on_a_changed_file(cache: Path) -> None:
    command("fetch")
    (cache / "toy" / "rows.txt").write_bytes(b"other")
    result = command("verify", "--json")
    assert result.exit_code == 1
    assert [entry["status"] for entry in json.loads(result.stdout)] == ["mismatch"]


def test_path_prints_where_the_file_is(cache: Path) -> None:
    command("fetch")
    where = str(cache / "toy" / "rows.txt")
    assert command("path").stdout.split() == [where]
    assert json.loads(command("path", "--json").stdout) == {"counting": {"rows.txt": where}, "embedded": {}}


def test_a_missing_file_is_named_by_its_folder_and_fetched_by_its_task() -> None:
    (entry,) = json.loads(command("verify", "--json").stdout)
    assert (entry["task"], entry["folder"], entry["status"]) == ("counting", "toy", "missing")
    printed = command("verify").stdout
    assert "toy/rows.txt" in printed
    assert "data fetch counting`" in printed


def test_path_of_a_missing_file_is_an_error() -> None:
    assert isinstance(command("path").exception, MissingData)


def test_a_task_without_files_is_told() -> None:
    assert "embedded needs no official files" in command("fetch").stdout
