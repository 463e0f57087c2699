"""A sample that no judge could be reached for is measured again; nothing is drawn or counted twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.errors import RunFolderError
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status, latest
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import Finished, run
from selfreward_eval.harness.runs.store import RunFolder
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.harness.testing.dummy_model import DummyModel


class Judged(Task):
    """Two items with two pictures each, measured by a judge that may be away."""

    info = TaskInfo("judged", "1", "Judged", "none", images_per_item=2)
    metrics = (Metric("score"),)

    def __init__(
        self, away: frozenset[str] = frozenset(), status: Status = Status.JUDGE_TRANSPORT_ERROR
    ) -> None:
        self.away, self.status, self.asked = away, status, 0

    def items(self) -> Sequence[Item]:
        return [Item(name, f"draw {name}", "plain") for name in ("star", "ring")]

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image.Image]
    ) -> list[Measurement]:
        self.asked += len(samples)
        return [
            Measurement(self.status, reason="nobody there")
            if sample.item_id in self.away
            else Measurement(Status.SUCCESS, {"score": 1.0})
            for sample in samples
        ]

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        return {}

    def options(self) -> Mapping[str, Any]:
        return {}  # What happens while it measures is no part of the protocol.


def statuses(finished: Finished) -> list[str]:
    return [str(one.measurement.status) for one in load_run(finished.folder).records["judged"]]


def lines(finished: Finished) -> int:
    (path,) = finished.folder.glob("samples_*.jsonl")
    return len(path.read_text().splitlines())


def test_when_the_judge_is_back_only_what_it_missed_is_measured(tmp_path: Path) -> None:
    model = DummyModel()
    first = run(model, [Judged(frozenset({"ring"}))], tmp_path)
    assert statuses(first) == ["success", "success", "judge_transport_error", "judge_transport_error"]
    assert first.scores["judged"].overall.n_scored == 2
    task = Judged()
    second = run(model, [task], tmp_path)
    assert task.asked == 2
    assert second.reused == 2
    assert statuses(second) == ["success"] * 4
    assert second.scores["judged"].overall.n_scored == 4
    assert len(model.drawn) == 4


def test_the_file_is_left_with_one_line_per_sample(tmp_path: Path) -> None:
    run(DummyModel(), [Judged(frozenset({"ring"}))], tmp_path)
    assert lines(run(DummyModel(), [Judged()], tmp_path)) == 4


def test_what_a_judge_said_unreadably_stays_unless_it_is_asked_for(tmp_path: Path) -> None:
    """The reply was paid for and is kept; asking again is the user's decision."""
    broken = Judged(frozenset({"ring"}), Status.JUDGE_PARSE_ERROR)
    run(DummyModel(), [broken], tmp_path)
    again = Judged()
    run(DummyModel(), [again], tmp_path)
    assert again.asked == 0
    finished = run(DummyModel(), [again], tmp_path, retry={Status.JUDGE_PARSE_ERROR})
    assert again.asked == 2
    assert statuses(finished) == ["success"] * 4


def test_the_last_line_of_a_sample_counts_where_the_first_stood() -> None:
    item = Item("a", "a", "plain")

    def record(index: int, status: Status) -> SampleRecord:
        return SampleRecord(index, item, Sample("a", index, 0), Measurement(status))

    lost, other, found = (
        record(0, Status.JUDGE_TRANSPORT_ERROR),
        record(1, Status.SUCCESS),
        record(0, Status.SUCCESS),
    )
    assert latest([lost, other, found]) == [found, other]


def killed_after_the_retry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run with two failures, tried again by a process that died before it wrote the results."""
    folder = run(DummyModel(), [Judged(frozenset({"ring"}))], tmp_path).folder

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            run(DummyModel(), [Judged()], tmp_path)
    return folder


def test_a_kill_after_a_retry_leaves_the_run_unfinished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its results are those of the samples before."""
    folder = killed_after_the_retry(tmp_path, monkeypatch)
    with pytest.raises(RunFolderError, match=r"is not finished .* run the same command again to finish it"):
        load_run(folder)


def test_the_next_call_settles_every_task_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has nothing to measure, and so nothing to append to the file that the killed one left doubled."""
    folder = killed_after_the_retry(tmp_path, monkeypatch)
    (path,) = folder.glob("samples_*.jsonl")
    assert len(path.read_text().splitlines()) == 6
    task = Judged()
    finished = run(DummyModel(), [task], tmp_path)
    assert (task.asked, lines(finished)) == (0, 4)
    assert statuses(finished) == ["success"] * 4


def test_a_torn_line_of_a_retry_is_cut_off_by_the_next_call(tmp_path: Path) -> None:
    finished = run(DummyModel(), [Judged()], tmp_path)
    (path,) = finished.folder.glob("samples_*.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"doc_id": 0, "doc": {"prom')
    run(DummyModel(), [Judged()], tmp_path)
    assert path.read_bytes() == whole


def test_a_picture_that_was_exchanged_is_drawn_again_before_it_is_measured_again(tmp_path: Path) -> None:
    """The retry would otherwise give one picture's sample another picture's score."""
    finished = run(DummyModel(), [Judged(frozenset({"ring"}))], tmp_path)
    record = next(one for one in load_run(finished.folder).records["judged"] if one.item.id == "ring")
    path = finished.folder / str(record.sample.image)
    drawn = path.read_bytes()
    Image.new("RGB", (8, 8), "red").save(path)
    model = DummyModel()
    run(model, [Judged()], tmp_path)
    assert [seed for _, seed in model.drawn] == [record.sample.seed]
    assert path.read_bytes() == drawn
