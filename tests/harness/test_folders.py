"""Claiming a folder: one writer at a time, one identity for ever."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import RunFolderError
from selfreward_eval.harness.folders import (
    FolderUse,
    claim_identity,
    lock_file,
    lock_folder,
    read_identity_file,
    require_same,
)

USE = FolderUse("another toy", "choose another --toy")

HOLDS = """
import sys, time
from pathlib import Path
from selfreward_eval.harness.folders import RUN, lock_folder
held = lock_folder(Path(sys.argv[1]), RUN)
print("held", flush=True)
time.sleep(600)
"""


def test_a_folder_has_one_writer_at_a_time(tmp_path: Path) -> None:
    with (
        lock_folder(tmp_path / "a" / "b", USE),
        pytest.raises(
            RunFolderError, match=r"another process is writing .*b; wait for it, or choose .*--toy"
        ),
    ):
        lock_folder(tmp_path / "a" / "b", USE)
    lock_folder(tmp_path / "a" / "b", USE).release()


def test_the_lock_file_stays_and_is_empty(tmp_path: Path) -> None:
    lock_folder(tmp_path, USE).release()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(".lock", b"")]


def test_a_lock_file_that_a_former_process_left_locks_nobody_out(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_bytes(b"")
    lock_folder(tmp_path, USE).release()


def test_a_process_that_is_killed_leaves_the_folder_free(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(RunFolderError, match="another process"):
        lock_folder(tmp_path, USE)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    lock_folder(tmp_path, USE).release()


def test_a_lock_taken_in_one_thread_is_released_in_another(tmp_path: Path) -> None:
    lock = lock_folder(tmp_path, USE)
    thread = threading.Thread(target=lock.release)
    thread.start()
    thread.join()
    lock_folder(tmp_path, USE).release()


def test_a_shared_file_s_lock_waits_for_its_holder(tmp_path: Path) -> None:
    order = []

    def second() -> None:
        with lock_file(tmp_path / "lock"):
            order.append("second")

    with lock_file(tmp_path / "lock"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_the_first_identity_is_written_and_the_same_one_passes(tmp_path: Path) -> None:
    file = tmp_path / "new" / "toy.json"
    claim_identity(file, {"seed": 0, "labels": ("a", "b")}, USE)
    before = file.read_bytes()
    claim_identity(file, {"labels": ["a", "b"], "seed": 0}, USE)
    assert json.loads(before) == {"seed": 0, "labels": ["a", "b"]}
    assert file.read_bytes() == before


def test_another_identity_is_refused_with_the_fields_that_differ(tmp_path: Path) -> None:
    file = tmp_path / "toy.json"
    claim_identity(file, {"model": {"name": "m"}, "seed": 0}, USE)
    with pytest.raises(RunFolderError) as caught:
        claim_identity(file, {"model": {"name": "m"}, "seed": 1, "limit": 2}, USE)
    assert str(caught.value) == (
        f"{tmp_path} holds another toy (limit: absent there, 2 here; seed: 0 there, 1 here); "
        "choose another --toy, or delete that folder"
    )
    assert json.loads(file.read_text()) == {"model": {"name": "m"}, "seed": 0}


def test_a_message_names_four_fields_at_most(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError) as caught:
        require_same(tmp_path, {f"k{n}": n for n in range(9)}, {}, USE)
    assert str(caught.value).count(" there, ") == 4


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"3", b"\xff"])
def test_a_damaged_record_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "toy.json"
    file.write_bytes(content)
    with pytest.raises(
        RunFolderError, match=r"toy\.json is damaged \(.*\); restore it or choose another --toy"
    ):
        claim_identity(file, {"seed": 0}, USE)
    assert file.read_bytes() == content


def test_a_record_that_cannot_be_parsed_is_damaged(tmp_path: Path) -> None:
    def parse(content: dict[str, Any]) -> int:
        raise TypeError("no seed")

    (tmp_path / "toy.json").write_text("{}")
    with pytest.raises(RunFolderError, match=r"toy\.json is damaged \(no seed\)"):
        read_identity_file(tmp_path / "toy.json", USE, parse)
    assert read_identity_file(tmp_path / "none.json", USE, dict) is None
