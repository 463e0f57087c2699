"""A run in several shards ends with the files of one process, whoever made which sample."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.run_states import contents

from selfreward_eval.harness import files
from selfreward_eval.harness.errors import FolderBusy, RunFolderError, UsageError
from selfreward_eval.harness.records import Status
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import Finished, Phase, Shard, run
from selfreward_eval.harness.runs.shards import parse_shard
from selfreward_eval.harness.runs.store import RunFolder
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval
from selfreward_eval.tasks.shapes.llavabench.task import ShapesLlavaBench

NAME = "shapes_geneval"


def share(out: Path, text: str | None, *, model: DummyModel | None = None, phase: Phase = "all") -> Finished:
    shard = None if text is None else parse_shard(text, {})
    return run(model or DummyModel(), [ShapesGenEval()], out, limit=6, batch_size=4, shard=shard, phase=phase)


def writing(folder: Path, part: str) -> RunFolder:
    """Another process at work on a part."""
    manifest = json.loads((folder / "run.json").read_text())
    about = {"device": "cpu"}
    return RunFolder(folder, manifest["identity"], manifest["environment"], part=part, sitting=about)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """24 samples, made by one process."""
    return contents(share(tmp_path_factory.mktemp("whole"), None).folder)


def test_every_sample_is_one_shard_s() -> None:
    shards = [Shard(index, 5) for index in range(5)]
    takers = [[str(shard) for shard in shards if shard.takes(NAME, doc_id)] for doc_id in range(1000)]
    assert {len(some) for some in takers} == {1}
    assert min(Counter(some[0] for some in takers).values()) > 150


def test_what_a_shard_takes_never_changes() -> None:
    """A run may be resumed with a later version of this package."""
    assert [Shard(0, 3).takes(NAME, doc_id) for doc_id in range(8)] == [
        False, True, False, True, False, True, False, True
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["1", "0/0", "3/3", "-1/2", "a/b", "1/2/3", "٣/٤", ""])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="shard"):
        parse_shard(text, {})


def test_three_shards_end_like_one_process(tmp_path: Path, whole: dict[str, Any]) -> None:
    ends = [share(tmp_path, f"{index}/3") for index in (2, 0, 1)]
    assert [end.results_path is None for end in ends] == [True, True, False]
    assert [end.left for end in ends][1:] == [24 - ends[0].drawn - ends[1].drawn, 0]
    assert contents(tmp_path / "dummy") == whole
    assert load_run(tmp_path / "dummy").scores == ends[-1].scores


def test_another_number_of_shards_goes_on(tmp_path: Path, whole: dict[str, Any]) -> None:
    done = share(tmp_path, "1/3").drawn
    model = DummyModel()
    for index in range(4):
        share(tmp_path, f"{index}/4", model=model)
    assert len(model.drawn) == 24 - done
    assert contents(tmp_path / "dummy") == whole


def test_one_process_finishes_what_shards_began(tmp_path: Path, whole: dict[str, Any]) -> None:
    done = share(tmp_path, "0/2").drawn
    last = share(tmp_path, None)
    assert (last.drawn, last.reused) == (24 - done, done)
    assert contents(tmp_path / "dummy") == whole


def test_shards_finish_what_one_process_began(tmp_path: Path, whole: dict[str, Any]) -> None:
    item = ShapesGenEval().items()[0].id
    run(DummyModel(), [ShapesGenEval()], tmp_path, limit=6, only={NAME: [item]})
    share(tmp_path, "1/2")
    share(tmp_path, "0/2")
    assert contents(tmp_path / "dummy") == whole


def test_pictures_drawn_first_and_measured_later(tmp_path: Path, whole: dict[str, Any]) -> None:
    for index in range(2):
        drawn = share(tmp_path, f"{index}/2", phase="draw")
        assert (drawn.results_path, drawn.left) == (None, 24)
    model = DummyModel()
    for index in range(3):
        last = share(tmp_path, f"{index}/3", model=model, phase="measure")
    assert (model.drawn, last.left) == ([], 0)
    assert contents(tmp_path / "dummy") == whole


def test_measuring_leaves_out_what_is_not_drawn(tmp_path: Path) -> None:
    drawn = share(tmp_path, "0/2", phase="draw").drawn
    measured = share(tmp_path, None, phase="measure")
    assert (measured.left, measured.results_path) == (24 - drawn, None)
    assert measured.scores[NAME].failures == {"not_recorded": 24 - drawn}


def test_a_phase_of_answers_is_refused(tmp_path: Path) -> None:
    class Answering(DummyModel):
        def answer(self, images: Any, questions: Any) -> list[str]:
            raise AssertionError("nothing is asked")

    with pytest.raises(UsageError, match="leave --phase out"):
        run(Answering(), [ShapesLlavaBench()], tmp_path, phase="draw")
    assert list(tmp_path.iterdir()) == []


def test_a_part_has_one_writer(tmp_path: Path) -> None:
    share(tmp_path, "0/2")
    with writing(tmp_path / "dummy", "1of2"):
        with pytest.raises(FolderBusy, match="is writing part 1of2"):
            share(tmp_path, "1/2")
        with pytest.raises(FolderBusy, match="is writing part 1of2"):
            share(tmp_path, None)
        # Another shard is none of its concern.
        share(tmp_path, "0/2")


def test_no_shard_begins_while_one_process_writes_the_whole(tmp_path: Path) -> None:
    folder = share(tmp_path, None).folder
    identity = json.loads((folder / "run.json").read_text())["identity"]
    with RunFolder(folder, identity, {}), pytest.raises(FolderBusy, match="another process is writing"):
        share(tmp_path, "1/2")


def test_the_run_is_finished_after_the_last_shard_at_work(tmp_path: Path, whole: dict[str, Any]) -> None:
    """Another shard tries failed samples again, so that nothing is missing, and yet it is not the end."""
    share(tmp_path, "0/2")
    with writing(tmp_path / "dummy", "0of2"):
        waiting = share(tmp_path, "1/2")
        assert (waiting.left, waiting.results_path) == (0, None)
    assert share(tmp_path, "0/2").results_path is not None
    assert contents(tmp_path / "dummy") == whole


def test_the_run_is_finished_when_two_shards_end_together(
    tmp_path: Path, whole: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One finds the other at work, and the other has already counted what is left."""
    own, other = RunFolder.close, []

    def closing(folder: RunFolder) -> None:
        if folder.journal is not None and folder.journal.path.match("*0of2*"):
            other.append(share(tmp_path, "1/2"))  # Between this shard's count and the end of its part.
        own(folder)

    monkeypatch.setattr(RunFolder, "close", closing)
    first = share(tmp_path, "0/2")
    assert [one.results_path for one in other] == [None]
    assert first.results_path is not None
    assert contents(first.folder) == whole


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    share(tmp_path, None)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "dummy").glob("*.json*")}
    again = share(tmp_path, "0/2")
    assert (again.drawn, again.results_path in before) == (0, True)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not list((tmp_path / "dummy").glob("*.part-*.jsonl*"))


@pytest.mark.parametrize("write", range(3))
def test_a_merge_that_is_cut_off_is_done_again(
    tmp_path: Path, whole: dict[str, Any], monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    """The samples, the results, the manifest: whichever was not written, the parts are still there."""
    share(tmp_path, "0/2")
    real, finishing = files.atomic_write_bytes, iter(range(100))

    def cut_off(path: Path | str, data: bytes, **options: Any) -> None:
        if Path(path).suffix == ".png" or Path(path).name.startswith(".run.json"):
            return real(path, data, **options)
        if next(finishing) == write:
            raise KeyboardInterrupt
        return real(path, data, **options)

    monkeypatch.setattr(files, "atomic_write_bytes", cut_off)
    monkeypatch.setattr("selfreward_eval.harness.runs.store.atomic_write_bytes", cut_off)
    with pytest.raises(KeyboardInterrupt):
        share(tmp_path, "1/2")
    monkeypatch.undo()
    share(tmp_path, "1/2")
    assert contents(tmp_path / "dummy") == whole


def test_failures_of_a_small_shard_are_statuses(tmp_path: Path) -> None:
    """They say nothing about the samples of other shards, which succeed."""
    item = ShapesGenEval().items()[0]
    one = run(DummyModel(fail=item.text), [ShapesGenEval()], tmp_path / "one", limit=6)
    model = DummyModel(fail=item.text)
    for index in range(24):
        last = run(model, [ShapesGenEval()], tmp_path / "many", limit=6, shard=Shard(index, 24))
    assert last.scores == one.scores
    assert contents(last.folder) == contents(one.folder)


def test_a_number_is_kept_whatever_came_after_it(tmp_path: Path) -> None:
    """Two shards of different sittings may do the same sample; the later one's judge may be out of reach."""
    folder = share(tmp_path, "0/2").folder
    (part,) = folder.glob("samples_*.part-0of2.jsonl")
    first = part.read_text().splitlines()[0]
    failed = json.loads(first) | {"status": Status.JUDGE_TRANSPORT_ERROR, "metrics": []}
    del failed["accuracy"]
    later = part.with_name(part.name.replace("0of2", "0of5"))
    later.write_text(json.dumps(failed) + "\n")
    share(tmp_path, "1/2")
    (merged,) = folder.glob("samples_*.jsonl")
    assert first in merged.read_text().splitlines()


def test_a_line_of_another_run_in_a_part_is_refused(tmp_path: Path) -> None:
    folder = share(tmp_path, "0/2").folder
    (part,) = folder.glob("samples_*.part-0of2.jsonl")
    line = json.loads(part.read_text().splitlines()[0]) | {"seed": 3}
    part.write_text(json.dumps(line) + "\n")
    with pytest.raises(RunFolderError, match="its seed is 3"):
        share(tmp_path, "1/2")


def test_shards_on_different_machines_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    share(tmp_path, "0/2")
    monkeypatch.setattr("selfreward_eval.harness.runs.run.chip", lambda: "NVIDIA H200")
    last = share(tmp_path, "1/2")
    environment = load_run(last.folder).manifest.environment
    assert [one["device"] for one in environment["mixed"]] == ["cpu", "NVIDIA H200"]
