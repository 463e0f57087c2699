"""Samples made by workers end like those of one process. No cluster is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.fake_cluster import FakeCluster, share, two_workers
from support.run_states import contents

from selfreward_eval.harness.errors import BrokenPlugin, FolderBusy, InputError, UsageError
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import Shard, run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval
from selfreward_eval.tasks.shapes.llavabench.task import ShapesLlavaBench
from selfreward_eval.tasks.shapes.questions.task import ShapesQuestions

NAME = "shapes_geneval"


class Answering(DummyModel):
    def answer(self, images: Sequence[Any], questions: Sequence[str]) -> list[str]:
        return [
            f"{question} {image.getpixel((0, 0))}" for image, question in zip(images, questions, strict=True)
        ]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("apart", [False, True])
def test_workers_end_like_one_process(
    tmp_path: Path, cluster: FakeCluster, whole: dict[str, Any], seed: int, apart: bool
) -> None:
    """In whatever order they reply, and with or without a common disk."""
    cluster.choose.seed(seed)
    cluster.apart = apart
    finished = share(tmp_path)
    assert (finished.drawn, finished.left) == (24, 0)
    assert contents(finished.folder) == whole
    assert sorted(Counter(role for role, _ in cluster.started).items()) == [("measure", 1), ("model", 2)]


@pytest.mark.parametrize("apart", [False, True])
def test_workers_on_different_machines_are_told(
    tmp_path: Path, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, apart: bool
) -> None:
    """As those of shards are; this process, which makes nothing, is none of them."""
    cluster.apart = apart
    chips = iter(["NVIDIA H200", "NVIDIA H200", "NVIDIA A100"])
    monkeypatch.setattr("selfreward_eval.harness.engines.ray.worker.chip", lambda: next(chips))
    environment = load_run(share(tmp_path).folder).manifest.environment
    assert sorted(one["device"] for one in environment["mixed"]) == ["NVIDIA A100", "NVIDIA H200"]


def test_no_picture_is_sent_where_all_see_the_folder(tmp_path: Path, cluster: FakeCluster) -> None:
    share(tmp_path)
    assert not any(batch.pictures for batch in cluster.sent)
    assert not any(reply.pictures for reply in cluster.replies)
    made = [reply.made for reply in cluster.replies if reply.made is not None]
    assert len(made) == 6
    assert {picture for one in made for picture in one.pictures.values()} == {None}


def test_without_a_common_disk_pictures_are_files_bytes(tmp_path: Path, cluster: FakeCluster) -> None:
    cluster.apart = True
    share(tmp_path)
    drawn = [reply for reply in cluster.replies if reply.made is not None]
    assert sum(len(reply.pictures) for reply in drawn) == 24
    assert all(data.startswith(b"\x89PNG") for reply in drawn for data in reply.pictures.values())


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("task", [ShapesLlavaBench, ShapesQuestions])
def test_answers_end_like_those_of_one_process(
    tmp_path: Path, cluster: FakeCluster, task: Any, apart: bool
) -> None:
    cluster.apart = apart
    one = run(Answering(), [task()], tmp_path / "one", limit=6, batch_size=4)
    many = share(tmp_path / "many", Answering(), task())
    assert contents(many.folder) == contents(one.folder)


def test_drawing_and_measuring_apart(tmp_path: Path, cluster: FakeCluster, whole: dict[str, Any]) -> None:
    drawn = share(tmp_path, phase="draw")
    assert (drawn.drawn, drawn.left) == (24, 24)
    assert {role for role, _ in cluster.started} == {"model"}
    cluster.started.clear()
    measured = share(tmp_path, phase="measure")
    assert (measured.drawn, measured.left) == (0, 0)
    assert {role for role, _ in cluster.started} == {"measure"}
    assert contents(measured.folder) == whole


def test_it_goes_on_with_what_shards_began(
    tmp_path: Path, cluster: FakeCluster, whole: dict[str, Any]
) -> None:
    before = run(DummyModel(), [ShapesGenEval()], tmp_path, limit=6, shard=Shard(0, 3)).drawn
    finished = share(tmp_path)
    assert (finished.reused, finished.drawn) == (before, 24 - before)
    assert contents(finished.folder) == whole


def test_a_finished_run_needs_no_worker(tmp_path: Path, cluster: FakeCluster) -> None:
    share(tmp_path)
    cluster.started.clear()
    assert share(tmp_path).reused == 24
    assert cluster.started == []


def test_a_failing_prompt_is_a_status(tmp_path: Path, cluster: FakeCluster) -> None:
    item = ShapesGenEval().items()[0]
    one = run(DummyModel(fail=item.text), [ShapesGenEval()], tmp_path / "one", limit=6, batch_size=4)
    many = share(tmp_path / "many", DummyModel(fail=item.text))
    assert contents(many.folder) == contents(one.folder)


@pytest.mark.parametrize("limit", [3, 12])
def test_a_model_that_fails_always_is_broken(tmp_path: Path, cluster: FakeCluster, limit: int) -> None:
    """Nothing is recorded, whether it failed on all samples or on the first sixteen."""
    with pytest.raises(BrokenPlugin, match="the model failed on each of the first"):
        share(tmp_path, DummyModel(fail=["a", "o"]), limit=limit)
    assert all(path.stat().st_size == 0 for path in tmp_path.rglob("samples_*"))


def test_another_model_in_a_worker_is_refused(tmp_path: Path, cluster: FakeCluster) -> None:
    """Such as other weights under the same path on another machine."""
    made = two_workers()
    made.build(partial(DummyModel, size=64), partial(list, [ShapesGenEval()]))
    with pytest.raises(InputError, match=r"model\.generation\.size is 64, not 48"):
        share(tmp_path, engine=made)


def test_a_second_engine_in_the_same_folder_is_refused(tmp_path: Path, cluster: FakeCluster) -> None:
    class Meanwhile(DummyModel):
        def generate(self, prompts: Any, seeds: Any) -> Any:
            with pytest.raises(FolderBusy, match="is writing part ray"):
                share(tmp_path, self)
            return super().generate(prompts, seeds)

    assert share(tmp_path, Meanwhile()).left == 0


def test_a_shard_of_an_engine_is_refused(tmp_path: Path, cluster: FakeCluster) -> None:
    with pytest.raises(UsageError, match="--shard and --engine cannot be combined"):
        share(tmp_path, shard=Shard(0, 2))
    assert list(tmp_path.iterdir()) == []


def test_places_of_the_model_get_workers_that_measure(tmp_path: Path, cluster: FakeCluster) -> None:
    """All batches are drawn before the first is measured, and there are many."""
    cluster.wait = lambda replies, seconds: [  # type: ignore[method-assign]
        min(
            replies,
            key=lambda one: one.reply is None or (one.reply.made is None and one.reply.opened is None),
        )
    ]
    finished = share(tmp_path, limit=40)
    assert finished.left == 0
    assert Counter(role for role, _ in cluster.started)["measure"] > 1


def test_a_cluster_with_room_for_one_after_the_other(
    tmp_path: Path, cluster: FakeCluster, whole: dict[str, Any]
) -> None:
    """One GPU, and every worker wants it whole."""
    cluster.gpus = 1
    finished = share(tmp_path, engine=two_workers(actors=1, gpus=1, measure_gpus=1))
    assert [role for role, _ in cluster.started] == ["model", "measure"]
    assert contents(finished.folder) == whole
