"""Workers that die: what they had in hand is tried again, and twice is a status. No cluster is needed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.fake_cluster import Answer, FakeCluster, Killed, share, two_workers
from support.run_states import contents

from selfreward_eval.harness.errors import BrokenPlugin
from selfreward_eval.harness.records import Measurement
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

NAME = "shapes_geneval"


class Deadly(DummyModel):
    """Ends its process over the picture of one seed."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def generate(self, prompts: Any, seeds: Any) -> Any:
        if self.seed in seeds:
            raise Killed
        return super().generate(prompts, seeds)


class KillingTask(ShapesGenEval):
    """Ends its process over the fourth picture of the first item."""

    def measure(self, items: Any, samples: Any, images: Any) -> list[Measurement]:
        first = self.items()[0].id
        if any((sample.item_id, sample.index) == (first, 3) for sample in samples):
            raise Killed
        return super().measure(items, samples, images)


def one_seed() -> int:
    task = ShapesGenEval()
    return task.seed(task.items()[0], 2, 0, "hashed")


@pytest.mark.parametrize("apart", [False, True])
def test_a_sample_that_kills_its_worker_twice_is_a_status(
    tmp_path: Path, cluster: FakeCluster, apart: bool
) -> None:
    """First with its batch, then alone; the others of the batch are made."""
    cluster.apart = apart
    finished = share(tmp_path, Deadly(one_seed()))
    records = load_run(finished.folder).records[NAME]
    failed = [record for record in records if not record.measurement.ok]
    assert [(record.sample.seed, str(record.measurement.status)) for record in failed] == [
        (one_seed(), "generation_error")
    ]
    assert failed[0].measurement.reason.startswith("process died twice")
    assert (finished.drawn, finished.left) == (23, 0)
    assert Counter(role for role, _ in cluster.started)["model"] == 4


def test_a_sample_that_kills_in_measuring_keeps_its_picture(tmp_path: Path, cluster: FakeCluster) -> None:
    finished = share(tmp_path, task=KillingTask())
    records = load_run(finished.folder).records[NAME]
    failed = [record for record in records if not record.measurement.ok]
    assert [str(record.measurement.status) for record in failed] == ["measurement_error"]
    assert failed[0].sample.image is not None
    # The model was asked once for every batch.
    assert sum(batch.made is None for batch in cluster.sent) == 6


def test_deaths_count_in_later_runs(tmp_path: Path, cluster: FakeCluster) -> None:
    """As those of shards do."""
    with pytest.raises(BrokenPlugin, match="died 1 times in a row"):
        share(tmp_path, Deadly(one_seed()), engine=two_workers(actors=1, restarts=0))
    finished = share(tmp_path, Deadly(one_seed()))
    assert finished.scores[NAME].failures == {"generation_error": 1}


def test_a_worker_that_dies_before_it_begins_is_no_sample_s_fault(
    tmp_path: Path, cluster: FakeCluster, whole: dict[str, Any]
) -> None:
    """Its journal has nothing in hand."""
    real, due = cluster.work, {2, 5, 7}

    def dying(worker: Any, batch: Any) -> Answer:
        if len(cluster.sent) not in due:
            return real(worker, batch)
        due.remove(len(cluster.sent))
        cluster.kill(worker)
        return Answer(None)

    cluster.work = dying  # type: ignore[method-assign]
    finished = share(tmp_path)
    assert (due, contents(finished.folder)) == (set(), whole)


def test_restarts_are_bounded(tmp_path: Path, cluster: FakeCluster) -> None:
    cluster.dies = lambda label: "model" in label
    with pytest.raises(BrokenPlugin, match="every worker with the model died 3 times in a row"):
        share(tmp_path, engine=two_workers(restarts=2))
    assert Counter(role for role, _ in cluster.started)["model"] == 6


def test_the_others_go_on_without_a_worker_that_cannot_live(
    tmp_path: Path, cluster: FakeCluster, whole: dict[str, Any]
) -> None:
    cluster.dies = lambda label: "model0" in label
    assert contents(share(tmp_path).folder) == whole


def test_an_interruption_is_no_death(tmp_path: Path, cluster: FakeCluster, whole: dict[str, Any]) -> None:
    """Whatever was in hand then, and however often."""
    for number in (5, 6, 7, 5, 6, 7):
        cluster.interrupted = number
        with pytest.raises(KeyboardInterrupt):
            share(tmp_path)
    cluster.interrupted = 0
    assert contents(share(tmp_path).folder) == whole
