"""Pinned files: where they are looked for, and that nothing unverified is read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.file_server import serve

from selfreward_eval.harness import data
from selfreward_eval.harness.data import PinnedFile, declared_files, fetch, locate, state
from selfreward_eval.harness.errors import InputError, MissingData, UnknownName

CONTENT = b"the official rows\n" * 10_000
FILE = PinnedFile(
    folder="toy",
    path="prompts/rows.jsonl",
    repo="owner/toy",
    commit="a" * 40,
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    licence="MIT",
    task="counting",
)


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An upstream on this machine, an empty cache and no SELFREWARD_DATA."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("SELFREWARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SELFREWARD_DATA", raising=False)
    put(tmp_path / "upstream" / "owner" / "toy" / FILE.commit / FILE.path)
    with serve(tmp_path / "upstream") as address:
        monkeypatch.setattr(data, "RAW_HOST", address)
        yield tmp_path


def put(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_the_address_names_repository_commit_and_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "RAW_HOST", "https://raw.githubusercontent.com")
    assert FILE.url == f"https://raw.githubusercontent.com/owner/toy/{'a' * 40}/prompts/rows.jsonl"


def test_a_missing_file_is_an_error_that_names_the_command_to_fetch_it() -> None:
    assert state(FILE).status == "missing"
    with pytest.raises(MissingData, match=r"data fetch counting`.*SELFREWARD_DATA .* holds toy/"):
        locate(FILE)


def test_a_fetched_file_is_in_the_cache(places: Path) -> None:
    assert fetch(FILE) == places / "cache" / "toy" / FILE.path == locate(FILE)


def test_progress_ends_at_the_whole() -> None:
    reports: list[tuple[int, int | None]] = []
    fetch(FILE, lambda done, total: reports.append((done, total)))
    assert reports[-1] == (len(CONTENT), len(CONTENT))
    assert len(reports) > 2
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)


def test_a_file_that_is_here_is_not_fetched_again(places: Path) -> None:
    fetch(FILE)
    put(places / "upstream" / "owner" / "toy" / FILE.commit / FILE.path, b"gone")
    assert fetch(FILE) == locate(FILE)


def test_other_bytes_from_the_server_leave_nothing_behind(places: Path) -> None:
    put(places / "upstream" / "owner" / "toy" / FILE.commit / FILE.path, b"something else")
    with pytest.raises(InputError, match="is not the pinned one"):
        fetch(FILE)
    assert [path for path in (places / "cache").rglob("*") if path.is_file()] == []


def test_no_connection_is_one_line_with_a_way_out(monkeypatch: pytest.MonkeyPatch, places: Path) -> None:
    with serve(places) as address:
        monkeypatch.setattr(data, "RAW_HOST", address)
    with pytest.raises(
        MissingData, match=r"could not download .*: the connection failed; .*SELFREWARD_DATA"
    ) as caught:
        fetch(FILE)
    assert "\n" not in str(caught.value)


def test_a_file_that_the_server_lacks_is_reported_with_its_answer(places: Path) -> None:
    (places / "upstream" / "owner" / "toy" / FILE.commit / FILE.path).unlink()
    with pytest.raises(MissingData, match=r"the server answered 404"):
        fetch(FILE)
    assert [path for path in (places / "cache").rglob("*") if path.is_file()] == []


def test_a_fetched_file_can_be_read_by_others_who_share_the_cache() -> None:
    assert fetch(FILE).stat().st_mode & 0o777 == 0o644


BY_GIT = replace(FILE, sha256="", git_blob=hashlib.sha1(b"blob 180000\0" + CONTENT).hexdigest())
"""A file whose sha256 nobody has published."""


def test_a_file_may_be_pinned_by_gits_own_hash(places: Path) -> None:
    assert fetch(BY_GIT).read_bytes() == CONTENT
    put(places / "cache" / "toy" / FILE.path, b"damaged")
    with pytest.raises(InputError, match="its git blob differs"):
        locate(BY_GIT)
    assert fetch(BY_GIT).read_bytes() == CONTENT


def test_another_download_than_gits_is_deleted(places: Path) -> None:
    other = replace(BY_GIT, git_blob="0" * 40)
    with pytest.raises(InputError, match="expected git blob 000000000000"):
        fetch(other)
    assert state(other).status == "missing"


def test_a_damaged_file_in_the_cache_is_never_read_but_replaced(places: Path) -> None:
    put(places / "cache" / "toy" / FILE.path, b"damaged")
    assert state(FILE).status == "mismatch"
    with pytest.raises(InputError, match="sha256 differs"):
        locate(FILE)
    assert fetch(FILE).read_bytes() == CONTENT


def test_selfreward_data_comes_first(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch(FILE)
    own = put(places / "own" / "toy" / FILE.path)
    monkeypatch.setenv("SELFREWARD_DATA", str(places / "own"))
    assert locate(FILE) == own


def test_a_wrong_file_of_the_user_is_reported_not_passed_over(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(FILE)
    own = put(places / "own" / "toy" / FILE.path, b"edited")
    monkeypatch.setenv("SELFREWARD_DATA", str(places / "own"))
    for use in (locate, fetch):
        with pytest.raises(InputError, match="sha256 differs"):
            use(FILE)
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
