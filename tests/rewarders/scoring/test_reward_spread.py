"""Rewards given by workers end like those of one process. No cluster is needed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.fake_cluster import FakeCluster, Killed, use

from selfreward_eval.harness.engines.ray.engine import RayEngine
from selfreward_eval.harness.errors import BrokenPlugin, InputError
from selfreward_eval.harness.files import read_json_lines
from selfreward_eval.rewarders.composite import CompositeReward
from selfreward_eval.rewarders.scoring import batches
from selfreward_eval.rewarders.scoring.log import LINES, Line, RewardLog
from selfreward_eval.rewarders.scoring.scoring import score_all

ABOUT_TOY = {"run": None, "rewarder": {"name": "toy"}}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """With batches of two items of two pictures."""
    made = FakeCluster()
    use(made, monkeypatch)
    monkeypatch.setattr(batches, "BATCH", 4)
    return made


def scored(
    rewarder: Any, entries: Sequence[Any], folder: Path, engine: RayEngine | None = None, **rest: Any
) -> list[Line]:
    with RewardLog(folder, ABOUT_TOY) as log:
        return score_all(rewarder, entries, log, engine=engine, **rest)


def spread(rewarder: Any, entries: Sequence[Any], folder: Path, **rest: Any) -> list[Line]:
    return scored(rewarder, entries, folder, RayEngine(actors=2), **rest)


def written(folder: Path) -> list[str]:
    """The lines of the file, byte for byte but for the time that a picture took."""
    lines = (folder / LINES).read_text(encoding="utf-8").splitlines()
    return [line[: line.index('"seconds":')] for line in lines]


def values(lines: Sequence[Line]) -> list[float | None]:
    return [line.reward.value for line in lines]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("apart", [False, True])
def test_workers_write_the_file_of_one_process(
    measuring: Any, entry: Any, tmp_path: Path, cluster: FakeCluster, seed: int, apart: bool
) -> None:
    """In whatever order they reply, with and without a common disk; failures included."""
    cluster.choose.seed(seed)
    cluster.apart = apart
    entries = [entry(k) for k in range(12)]
    entries[5].path.unlink()
    entries[7].path.write_bytes(b"no picture")

    def rule(number: int) -> float:
        return 1 / 0 if number == 3 else float(number)

    scored(measuring(rule), entries, tmp_path / "one")
    spread(measuring(rule), entries, tmp_path / "many", cache=tmp_path / "cache")
    assert written(tmp_path / "many") == written(tmp_path / "one")
    assert len(cluster.started) == 2
    assert all((message.contents is None) is not apart for message in cluster.sent)


@pytest.mark.parametrize("apart", [False, True])
def test_groups_end_like_those_of_one_process(
    measuring: Any, entry: Any, tmp_path: Path, cluster: FakeCluster, apart: bool
) -> None:
    cluster.apart = apart
    entries = [entry(k) for k in range(12)]

    def grouped() -> Any:
        return CompositeReward({"toy": measuring()}, aggregation="normalize_then_sum")

    scored(grouped(), entries, tmp_path / "one")
    spread(grouped(), entries, tmp_path / "many")
    assert written(tmp_path / "many") == written(tmp_path / "one")


def test_a_picture_that_kills_its_worker_twice_is_a_status(
    measuring: Any, entry: Any, tmp_path: Path, cluster: FakeCluster
) -> None:
    """First with its batch, then alone; the others of the batch have their rewards."""
    entries = [entry(k) for k in range(12)]

    def rule(number: int) -> float:
        if number == 5:
            raise Killed
        return float(number)

    lines = spread(measuring(rule), entries, tmp_path / "out")
    assert values(lines) == [None if k == 5 else float(k) for k in range(12)]
    assert (str(lines[5].reward.status), lines[5].reward.reason[:18]) == (
        "measurement_error",
        "process died twice",
    )
    records = read_json_lines(tmp_path / "out" / LINES).records
    assert [(one["item_id"], one["index"]) for one in records] == [(e.item_id, e.index) for e in entries]
    # Like any other failure it is tried again by the next command.
    assert values(spread(measuring(), entries, tmp_path / "out")) == [float(k) for k in range(12)]


def test_it_goes_on_where_it_was_stopped(
    measuring: Any, entry: Any, tmp_path: Path, cluster: FakeCluster
) -> None:
    """What one process began workers finish, and nothing is scored twice."""
    entries = [entry(k) for k in range(12)]
    scored(measuring(), entries[:6], tmp_path / "out")
    assert values(spread(measuring(), entries, tmp_path / "out")) == [float(k) for k in range(12)]
    assert [tuple(one.index for one in message.entries) for message in cluster.sent] == [
        tuple(one.index for one in entries[4:8]),
        tuple(one.index for one in entries[8:12]),
    ]
    cluster.started.clear()
    spread(measuring(lambda k: pytest.fail("scored again")), entries, tmp_path / "out")
    assert cluster.started == []


def test_lines_are_written_as_they_come(
    measuring: Any, entry: Any, tmp_path: Path, cluster: FakeCluster
) -> None:
    cluster.interrupted = 4
    with pytest.raises(KeyboardInterrupt):
        spread(measuring(), [entry(k) for k in range(12)], tmp_path / "out")
    kept = len(read_json_lines(tmp_path / "out" / LINES).records)
    assert 0 < kept < 12


def test_another_rewarder_in_a_worker_is_refused(
    measuring: Any, entry: Any, tmp_path: Path, cluster: FakeCluster
) -> None:
    """Such as other weights under the same path on another machine."""
    with pytest.raises(InputError, match=r"has another rewarder than this command \(scale is 2, not 1\)"):
        spread(measuring(scale=1), [entry(0)], tmp_path / "out", make=lambda: measuring(scale=2))


def test_a_rewarder_that_fails_always_is_broken(
    measuring: Any, entry: Any, tmp_path: Path, cluster: FakeCluster
) -> None:
    with pytest.raises(BrokenPlugin, match="failed on each of the 12 pictures"):
        spread(measuring(lambda k: 1 / 0), [entry(k) for k in range(12)], tmp_path / "out")


def test_progress_counts_every_picture_once(
    measuring: Any, entry: Any, tmp_path: Path, cluster: FakeCluster
) -> None:
    done = []

    class Bar:
        def start(self, task: str, total: int, done: int) -> None: ...

        def advance(self, task: str, count: int) -> None:
            done.append(count)

    def rule(number: int) -> float:
        if number == 5:
            raise Killed
        return float(number)

    spread(measuring(rule), [entry(k) for k in range(12)], tmp_path / "out", progress=Bar())
    assert sum(done) == 12


def test_maps_come_back_as_they_are(entry: Any, tmp_path: Path, cluster: FakeCluster, measuring: Any) -> None:
    import numpy as np

    from selfreward_eval.rewarders.base import Reward

    class WithMaps(type(measuring())):  # type: ignore[misc]
        def _one(self, sample: Any) -> Reward:
            pixels = np.asarray(sample.image, np.float32).mean(2) / 3
            return Reward(float(pixels.mean()), map=pixels)

    entries = [entry(k) for k in range(4)]
    for number, one in enumerate(entries):
        Image.new("RGB", (6, 4), (number * 9, 5, 7)).save(one.path)
    alone, together = (
        scored(WithMaps(), entries, tmp_path / "one"),
        spread(WithMaps(), entries, tmp_path / "m"),
    )
    for a, b in zip(alone, together, strict=True):
        assert a.reward.map is not None
        assert b.reward.map is not None
        assert np.array_equal(a.reward.map, b.reward.map)
    assert json.loads(written(tmp_path / "m")[0] + '"seconds":0}')["map"]["shape"] == [4, 6]
