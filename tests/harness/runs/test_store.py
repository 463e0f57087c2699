"""The run folder while it is written: its lock, its identity, its names, and damage to its files."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from selfreward_eval.harness import files
from selfreward_eval.harness.errors import InputError, RunFolderError
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.runs import store
from selfreward_eval.harness.runs.store import RunFolder, now, sanitise

IDENTITY: dict[str, Any] = {"model": {"name": "m", "generation": {"guidance": 2.0}}, "seed": 0, "limit": None}
RECORD = SampleRecord(0, Item("a", "draw a cat", "one"), Sample("a", 0, 7), Measurement(Status.SUCCESS))
PICTURE = "images/t/a/0_7.png"


def opened(folder: Path, **changes: Any) -> RunFolder:
    return RunFolder(folder, IDENTITY | changes, {})


def test_a_second_writer_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    first = opened(tmp_path / "run")
    with pytest.raises(RunFolderError, match=r"another process is writing .*run; wait for it, or choose"):
        opened(tmp_path / "run")
    first.close()
    opened(tmp_path / "run").close()


def test_a_refused_run_does_not_keep_the_lock(tmp_path: Path) -> None:
    opened(tmp_path).close()
    for _ in range(2):
        with pytest.raises(RunFolderError, match="holds another run"):
            opened(tmp_path, seed=1)
    opened(tmp_path).close()


def test_a_folder_of_another_identity_is_refused_with_the_fields_that_differ(tmp_path: Path) -> None:
    opened(tmp_path).close()
    before = (tmp_path / "run.json").read_bytes()
    model = {"name": "m", "generation": {"guidance": 5.0, "top_k": 10}}
    with pytest.raises(RunFolderError) as caught:
        opened(tmp_path, model=model, seed=1)
    assert (
        "holds another run (model.generation.guidance: 2.0 there, 5.0 here; "
        "model.generation.top_k: absent there, 10 here; seed: 0 there, 1 here); choose another --output-path"
    ) in str(caught.value)
    assert (tmp_path / "run.json").read_bytes() == before


def test_many_differences_are_not_all_told(tmp_path: Path) -> None:
    opened(tmp_path, **{f"k{n}": n for n in range(9)}).close()
    with pytest.raises(RunFolderError) as caught:
        opened(tmp_path)
    assert str(caught.value).count(" there, ") == 4


def test_tuples_in_an_identity_are_the_lists_they_are_written_as(tmp_path: Path) -> None:
    opened(tmp_path, labels=("a", "b")).close()
    opened(tmp_path, labels=["a", "b"]).close()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b"\xff", b"null", b'{"identity": [], "environment": {}}']
)
def test_a_damaged_manifest_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(RunFolderError, match=r"run\.json is damaged .*; restore it or choose another"):
        opened(tmp_path)


def test_lines_are_there_as_soon_as_they_are_appended(tmp_path: Path) -> None:
    with opened(tmp_path) as folder:
        assert folder.records("t") == []
        folder.append("t", RECORD)
        assert folder.records("t") == [RECORD]
    with opened(tmp_path) as folder:
        assert folder.records("t") == [RECORD]
        assert folder.records("other") == []


def test_a_damaged_line_in_the_middle_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    with opened(tmp_path) as folder:
        for _ in range(3):
            folder.append("t", RECORD)
        path = folder.samples_path("t")
        one, two, three = path.read_text().splitlines(keepends=True)
        path.write_text(one + two[:40] + "\n" + three)
        with pytest.raises(InputError, match=r"samples_t_.*\.jsonl:2 is not a JSON record"):
            folder.records("t")
        path.write_text(one + '{"doc_id": 1}\n' + three)
        with pytest.raises(RunFolderError, match=r"holds a line that is no sample \(KeyError: 'doc'\)"):
            folder.records("t")
        assert path.read_text().endswith(three)


def test_a_picture_comes_back_with_the_hash_of_its_file(tmp_path: Path) -> None:
    drawn = Image.effect_noise((9, 7), 50).convert("RGB")
    with opened(tmp_path) as folder:
        assert folder.read_picture(PICTURE) is None
        digest = folder.write_picture(PICTURE, drawn)
        found = folder.read_picture(PICTURE)
        assert found is not None
        assert found[0].tobytes() == drawn.tobytes()
        assert found[1] == digest == hashlib.sha256((tmp_path / PICTURE).read_bytes()).hexdigest()


def test_a_picture_damaged_anywhere_never_stops_the_reader(tmp_path: Path) -> None:
    """It is read or it is not; what Pillow raises on the way depends on the byte."""
    with opened(tmp_path) as folder:
        folder.write_picture(PICTURE, Image.effect_noise((9, 7), 50).convert("RGB"))
        good = (tmp_path / PICTURE).read_bytes()
        unread = 0
        for k in range(len(good)):
            for damage in (good[:k], good[:k] + bytes([good[k] ^ 0xFF]) + good[k + 1 :]):
                (tmp_path / PICTURE).write_bytes(damage)
                unread += folder.read_picture(PICTURE) is None
        assert unread > len(good)


def test_a_picture_that_claims_to_be_huge_is_not_unpacked(tmp_path: Path) -> None:
    with opened(tmp_path) as folder:
        folder.write_picture(PICTURE, Image.new("RGB", (8, 8)))
        data = bytearray((tmp_path / PICTURE).read_bytes())
        data[16:24] = (100_000).to_bytes(4, "big") * 2
        (tmp_path / PICTURE).write_bytes(data)
        assert folder.read_picture(PICTURE) is None


def test_a_full_disk_leaves_no_part_of_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with opened(tmp_path) as folder:
        with monkeypatch.context() as patch:
            patch.setattr(files.os, "write", full)
            with pytest.raises(OSError, match="No space left") as caught:
                folder.write_picture(PICTURE, Image.new("RGB", (8, 8)))
        assert caught.value.filename == str(tmp_path / PICTURE)
        assert list((tmp_path / PICTURE).parent.iterdir()) == []


def test_results_and_samples_carry_the_time_of_the_run_s_beginning(tmp_path: Path) -> None:
    with opened(tmp_path) as folder:
        created = folder.manifest.created
        folder.append("t", RECORD)
        assert folder.finish({"x": 1}) == tmp_path / f"results_{created}.json"
    assert (tmp_path / f"samples_t_{created}.jsonl").is_file()
    manifest = json.loads((tmp_path / "run.json").read_text())
    assert (manifest["status"], manifest["created"]) == ("success", created)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{6}", now())


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("tiny-final", "tiny-final"),
        ("deepseek-community/Janus-Pro-1B", "deepseek-community__Janus-Pro-1B"),
        ("../../etc", "etc"),
        ("..", "model"),
        ("", "model"),
        ("a b:c", "a__b__c"),
    ],
)
def test_a_model_s_name_becomes_a_folder_s(name: str, folder: str) -> None:
    assert sanitise(name) == folder


@given(st.text(max_size=20))
def test_a_name_never_leads_out_of_its_folder(name: str) -> None:
    folder = sanitise(name)
    assert folder
    assert not {"/", "\\", "\0"} & set(folder)
    assert folder.strip(".") == folder
    assert sanitise(folder) == folder


def test_lines_that_were_written_once_each_are_not_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading back costs a tenth of making the samples, and most of the memory."""
    reads: list[Path] = []
    real = store.read_json_lines

    def noting(path: Path) -> Any:
        reads.append(path)
        return real(path)

    monkeypatch.setattr(store, "read_json_lines", noting)
    item = Item("a", "draw a", "all")
    failed, right = (
        SampleRecord(0, item, Sample("a", 0, 7), measurement)
        for measurement in (
            Measurement(Status.GENERATION_ERROR, reason="it failed"),
            Measurement(Status.SUCCESS, {"correct": 1.0}),
        )
    )
    with RunFolder(tmp_path / "once", {"tasks": {"t": {}}}, {}) as folder:
        assert folder.records("t") == []
        folder.append("t", right)
        folder.finish({})
    assert reads == []
    with RunFolder(tmp_path / "twice", {"tasks": {"t": {}}}, {}) as folder:
        assert folder.records("t") == []
        folder.append("t", failed)
        folder.append("t", right)
        folder.finish({})
        assert [record.measurement.ok for record in folder.records("t")] == [True]
    assert reads == [folder.samples_path("t")]
