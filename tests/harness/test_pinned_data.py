"""Pinned files: where they are looked for, and that nothing unverified is read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from selfreward_eval.harness import data
from selfreward_eval.harness.data import PinnedFile, declared_files, fetch, locate, state
from selfreward_eval.harness.errors import InputError, MissingData, UnknownName

CONTENT = b"the official rows\n" * 10_000
FILE = PinnedFile(
    "toy", "prompts/rows.jsonl", "owner/toy", "a" * 40, hashlib.sha256(CONTENT).hexdigest(), "MIT"
)
TASK = "counting"
"""Who reads it; its folder is called otherwise."""


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An upstream on this disk, an empty cache and no SELFREWARD_DATA."""
    monkeypatch.setattr(data, "RAW_HOST", (tmp_path / "upstream").as_uri())
    monkeypatch.setenv("SELFREWARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SELFREWARD_DATA", raising=False)
    put(tmp_path / "upstream" / "owner" / "toy" / FILE.commit / FILE.path)
    return tmp_path


def put(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_the_address_names_repository_commit_and_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "RAW_HOST", "https://raw.githubusercontent.com")
    assert FILE.url == f"https://raw.githubusercontent.com/owner/toy/{'a' * 40}/prompts/rows.jsonl"


def test_what_is_nowhere_is_missing_and_the_way_out_is_told() -> None:
    assert state(FILE).status == "missing"
    with pytest.raises(MissingData, match=r"data fetch counting`.*SELFREWARD_DATA .* holds toy/"):
        locate(FILE, TASK)


def test_a_fetched_file_is_in_the_cache(places: Path) -> None:
    assert fetch(FILE, TASK) == places / "cache" / "toy" / FILE.path == locate(FILE, TASK)


def test_progress_ends_at_the_whole() -> None:
    told: list[tuple[int, int | None]] = []
    fetch(FILE, TASK, lambda done, total: told.append((done, total)))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert len(told) > 1


def test_a_file_that_is_here_is_not_fetched_again(places: Path) -> None:
    fetch(FILE, TASK)
    put(places / "upstream" / "owner" / "toy" / FILE.commit / FILE.path, b"gone")
    assert fetch(FILE, TASK) == locate(FILE, TASK)


def test_other_bytes_from_the_server_leave_nothing_behind(places: Path) -> None:
    put(places / "upstream" / "owner" / "toy" / FILE.commit / FILE.path, b"something else")
    with pytest.raises(InputError, match="sent other bytes"):
        fetch(FILE, TASK)
    assert [path for path in (places / "cache").rglob("*") if path.is_file()] == []


def test_no_connection_is_one_line_with_a_way_out(monkeypatch: pytest.MonkeyPatch, places: Path) -> None:
    monkeypatch.setattr(data, "RAW_HOST", (places / "nowhere").as_uri())
    with pytest.raises(MissingData, match="could not download") as caught:
        fetch(FILE, TASK)
    assert "\n" not in str(caught.value)


def test_a_damaged_file_in_the_cache_is_never_read_but_replaced(places: Path) -> None:
    put(places / "cache" / "toy" / FILE.path, b"damaged")
    assert state(FILE).status == "mismatch"
    with pytest.raises(InputError, match="sha256 differs"):
        locate(FILE, TASK)
    assert fetch(FILE, TASK).read_bytes() == CONTENT


def test_selfreward_data_comes_first(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch(FILE, TASK)
    own = put(places / "own" / "toy" / FILE.path)
    monkeypatch.setenv("SELFREWARD_DATA", str(places / "own"))
    assert locate(FILE, TASK) == own


def test_a_wrong_file_of_the_user_is_reported_not_passed_over(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(FILE, TASK)
    own = put(places / "own" / "toy" / FILE.path, b"edited")
    monkeypatch.setenv("SELFREWARD_DATA", str(places / "own"))
    for use in (locate, fetch):
        with pytest.raises(InputError, match="sha256 differs"):
            use(FILE, TASK)
    assert own.read_bytes() == b"edited"


def test_tasks_declare_their_files() -> None:
    declared = declared_files(["geneval"])["geneval"]
    assert {file.path for file in declared} == {
        "prompts/evaluation_metadata.jsonl",
        "evaluation/object_names.txt",
    }


def test_files_of_an_unknown_task() -> None:
    with pytest.raises(UnknownName, match="geneval"):
        declared_files(["genevall"])
