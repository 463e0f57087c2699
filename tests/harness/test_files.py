"""Files that are whole or absent, and line files that survive a crash."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness import files
from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.files import (
    JsonLinesWriter,
    atomic_write_bytes,
    atomic_write_json,
    atomic_write_text,
    read_json_lines,
    write_page,
)


def append_all(path: Path, records: list[dict[str, object]]) -> None:
    with JsonLinesWriter(path) as writer:
        for record in records:
            writer.append(record)


def disk_full_after(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Lets ``room`` more bytes be written, as a full disk does: a part first, then the error."""
    left = [room]
    write = os.write

    def limited(descriptor: int, data: bytes) -> int:
        if left[0] == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = write(descriptor, bytes(data)[: left[0]])
        left[0] -= done
        return done

    monkeypatch.setattr(files.os, "write", limited)


def test_an_atomic_write_replaces_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    atomic_write_text(path, "old")
    atomic_write_json(path, {"colour": "grün"})
    assert path.read_text(encoding="utf-8") == '{\n  "colour": "grün"\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_an_atomic_write_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        atomic_write_bytes(tmp_path / "picture.png", b"png", durable=False)
    finally:
        os.umask(before)
    assert (tmp_path / "picture.png").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("durable", [True, False])
def test_a_durable_write_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(files.os, "fsync", synced.append)
    atomic_write_text(tmp_path / "run.json", "text", durable=durable)
    assert len(synced) == durable


def test_a_full_disk_leaves_the_old_file_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.json"
    atomic_write_text(path, "old")
    disk_full_after(monkeypatch, 3)
    with pytest.raises(OSError, match="No space left") as caught:
        atomic_write_text(path, "a much longer text")
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nan_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        atomic_write_json(tmp_path / "results.json", {"value": float("nan")})
    assert not list(tmp_path.iterdir())


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    append_all(path, [{"k": 0}, {"text": "a\nb – ü"}])
    append_all(path, [{"k": 2}])
    lines = read_json_lines(path)
    assert lines.records == ({"k": 0}, {"text": "a\nb – ü"}, {"k": 2})
    assert not lines.torn


def test_every_record_is_readable_before_the_writer_closes(tmp_path: Path) -> None:
    writer = JsonLinesWriter(tmp_path / "samples.jsonl")
    writer.append({"k": 0})
    assert read_json_lines(tmp_path / "samples.jsonl").records == ({"k": 0},)
    writer.close()
    with pytest.raises(ValueError, match="is closed"):
        writer.append({"k": 1})


def test_a_line_without_its_newline_is_torn_even_if_it_parses(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_bytes(b'{"k": 0}\n{"k": 1}')
    lines = read_json_lines(path)
    assert lines.records == ({"k": 0},)
    assert lines.torn


@pytest.mark.parametrize(
    "tail", [b'{"k": 1, "te', b"\x00\x00\x00\n", b'{"text": "\xe2\x80', b"[1]\n", b'{"k": 1}']
)
def test_the_next_writer_cuts_off_a_torn_tail(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_bytes(b'{"k": 0}\n' + tail)
    assert read_json_lines(path).torn
    append_all(path, [{"k": 1}])
    lines = read_json_lines(path)
    assert lines.records == ({"k": 0}, {"k": 1})
    assert not lines.torn


@pytest.mark.parametrize("content", [b"", b'{"k": 0', b"rubbish\n", b"\n"])
def test_a_writer_can_start_from_a_file_without_a_whole_record(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_bytes(content)
    append_all(path, [{"k": 1}])
    assert read_json_lines(path).records == ({"k": 1},)


def test_lines_longer_than_a_block_survive(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    long: dict[str, object] = {"text": "x" * 200_000}
    append_all(path, [long, long])
    with path.open("ab") as file:
        file.write(b'{"text": "' + b"y" * 100_000)
    append_all(path, [{"k": 2}])
    assert read_json_lines(path).records == (long, long, {"k": 2})


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_bytes(b'{"k": 0}\n{"k": \n{"k": 2}\n')
    with pytest.raises(InputError, match=r"samples\.jsonl:2 is not a JSON record .* run again"):
        read_json_lines(path)


def test_a_full_disk_loses_only_the_record_that_did_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "samples.jsonl"
    with JsonLinesWriter(path) as writer:
        writer.append({"k": 0})
        with monkeypatch.context() as patch:
            disk_full_after(patch, 4)
            with pytest.raises(OSError, match="No space left") as caught:
                writer.append({"k": 1})
        assert caught.value.filename == str(path)
        assert path.read_bytes() == b'{"k":0}\n'
        writer.append({"k": 1})
    lines = read_json_lines(path)
    assert lines.records == ({"k": 0}, {"k": 1})
    assert not lines.torn


def test_the_disk_is_synced_once_a_batch_and_on_close(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(files.os, "fsync", synced.append)
    with JsonLinesWriter(tmp_path / "samples.jsonl") as writer:
        for k in range(130):
            writer.append({"k": k})
        assert len(synced) == 2
    assert len(synced) == 3


@given(
    records=st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)), max_size=6),
    cut=st.integers(min_value=0, max_value=400),
)
def test_a_file_cut_anywhere_gives_back_its_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, object]], cut: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "samples.jsonl"
    append_all(path, records)
    data = path.read_bytes()[:cut]
    path.write_bytes(data)
    whole = data.count(b"\n")
    assert list(read_json_lines(path).records) == records[:whole]
    append_all(path, records[whole:])
    assert list(read_json_lines(path).records) == records


@pytest.mark.parametrize("process", [None, 2**31 - 1, 9_999_999_999])
def test_what_a_killed_writer_left_goes_with_the_next_page(tmp_path: Path, process: int | None) -> None:
    """None is this process itself, which writes one page at a time."""
    stale = tmp_path / f".page.html.{process or os.getpid()}.0a1b2c3d.tmp"
    stale.write_text("half a page")
    write_page(tmp_path / "page.html", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_what_a_living_writer_or_another_page_has_there_stays(tmp_path: Path) -> None:
    kept = [
        f".page.html.{os.getppid()}.0a1b2c3d.tmp",
        ".other.html.1234567.0a1b2c3d.tmp",
        ".page.html.mine.tmp",
    ]
    for name in kept:
        (tmp_path / name).write_text("being written")
    write_page(tmp_path / "page.html", "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"page.html", *kept}
