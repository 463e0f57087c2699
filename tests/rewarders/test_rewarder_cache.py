"""What was scored once is not scored again, and what is read back is what was written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import Reward
from selfreward_eval.rewarders.cache import CachedRewarder, from_json, pack, to_json, unpack
from selfreward_eval.rewarders.composite import CompositeReward


def calls_of(cached: CachedRewarder) -> list[int]:
    """How many samples each call of the rewarder behind the cache measured."""
    calls: list[int] = cached.rewarder.calls  # type: ignore[attr-defined]
    return calls


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*/*/*.json") if len(path.stem) == 64)


def test_a_second_call_measures_nothing(measuring: Any, sample: Any, tmp_path: Path) -> None:
    first = CachedRewarder(measuring(), tmp_path)
    before = first.score(["a", "b"], [sample(1), sample(2)])
    again = CachedRewarder(measuring(), tmp_path)
    after = again.score(["a", "b"], [sample(1), sample(2)])
    assert (calls_of(again), again.hits, again.misses) == ([], 2, 0)
    assert [(r.value, r.source) for r in after] == [(r.value, r.source) for r in before]


def test_only_what_is_missing_is_measured(measuring: Any, sample: Any, tmp_path: Path) -> None:
    cached = CachedRewarder(measuring(), tmp_path)
    cached.score(["a"], [sample(1)])
    rewards = cached.score(["a"] * 3, [sample(2), sample(1), sample(3)])
    assert [reward.value for reward in rewards] == [2.0, 1.0, 3.0]
    assert calls_of(cached) == [1, 2]


def test_equal_samples_of_one_call_are_measured_once(measuring: Any, sample: Any, tmp_path: Path) -> None:
    cached = CachedRewarder(measuring(), tmp_path)
    assert [r.value for r in cached.score(["a"] * 3, [sample(5)] * 3)] == [5.0] * 3
    assert calls_of(cached) == [1]


@pytest.mark.parametrize(
    "change", [{"prompt": "b"}, {"number": 2}, {"text": "a caption"}, {"metadata": {"tag": "colors"}}]
)
def test_whatever_a_reward_depends_on_is_in_its_key(
    measuring: Any, sample: Any, tmp_path: Path, change: dict[str, Any]
) -> None:
    cached = CachedRewarder(measuring(), tmp_path)
    cached.score(["a"], [sample(1)])
    cached.score([change.pop("prompt", "a")], [sample(change.pop("number", 1), **change)])
    assert calls_of(cached) == [1, 1]


def test_another_identity_or_snapshot_shares_nothing(measuring: Any, sample: Any, tmp_path: Path) -> None:
    for settings in ({"snapshot": None}, {"snapshot": "step 100"}):
        cached = CachedRewarder(measuring(**settings), tmp_path)
        cached.score(["a"], [sample(1)])
        assert cached.misses == 1
    assert len(files(tmp_path)) == 2


def test_failures_are_tried_again(measuring: Any, sample: Any, tmp_path: Path) -> None:
    def fails(number: int) -> Reward:
        return Reward.unscored(Status.JUDGE_TRANSPORT_ERROR, "busy")

    (lost,) = CachedRewarder(measuring(fails), tmp_path).score(["a"], [sample(1)])
    assert lost.reason == "busy"
    assert files(tmp_path) == []
    assert CachedRewarder(measuring(), tmp_path).score(["a"], [sample(1)])[0].value == 1.0


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema": 2}', '{"schema": 1, "value": null}'])
def test_a_damaged_file_is_scored_and_written_anew(
    measuring: Any, sample: Any, tmp_path: Path, damage: str
) -> None:
    CachedRewarder(measuring(), tmp_path).score(["a"], [sample(1)])
    (file,) = files(tmp_path)
    whole = file.read_text()
    file.write_text(damage)
    cached = CachedRewarder(measuring(), tmp_path)
    assert cached.score(["a"], [sample(1)])[0].value == 1.0
    assert cached.misses == 1
    assert file.read_text() == whole


def test_nothing_of_a_reward_is_lost_on_the_way() -> None:
    values = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    reward = Reward(0.1 + 0.2, {"part": 1 / 3}, values, (-0.1, -1e-9), evidence={"a": [1, "ü"]}, source="x@1")
    back = from_json(json.loads(json.dumps(to_json(reward))))
    assert (back.value, back.components, back.per_token) == (0.1 + 0.2, {"part": 1 / 3}, (-0.1, -1e-9))
    assert (back.evidence, back.source, back.status) == ({"a": [1, "ü"]}, "x@1", Status.SUCCESS)
    assert back.map is not None
    assert back.map.dtype == np.float32
    np.testing.assert_array_equal(back.map, values)


def test_a_large_map_of_few_values_is_a_small_file() -> None:
    assert len(json.dumps(pack(np.full((1024, 1024), 0.5, dtype=np.float32)))) < 10_000


@pytest.mark.parametrize("shape", [[2, 3], [1, 1], [0, 4], [-2, -2], [100000, 100000]])
def test_a_map_that_is_not_of_its_size_is_refused(shape: list[int]) -> None:
    packed = pack(np.zeros((2, 2), dtype=np.float32))
    with pytest.raises(ValueError, match="a map of"):
        unpack({**packed, "shape": shape})


def test_what_depends_on_a_group_is_not_cached(measuring: Any, tmp_path: Path) -> None:
    relative = CompositeReward({"m": measuring()}, aggregation="normalize_then_sum")
    with pytest.raises(UsageError, match="cannot be cached; cache its parts"):
        CachedRewarder(relative, tmp_path)


def test_the_folder_says_whose_rewards_it_holds(measuring: Any, sample: Any, tmp_path: Path) -> None:
    rewarder = measuring(scale=2)
    CachedRewarder(rewarder, tmp_path).score(["a"], [sample(1)])
    (described,) = tmp_path.glob("*/identity.json")
    assert json.loads(described.read_text()) == rewarder.identity()


WRITER = """
import sys
from PIL import Image
from selfreward_eval.rewarders.base import RewardSample
from selfreward_eval.rewarders.cache import CachedRewarder
from selfreward_eval.rewarders.control import RandomReward

cached = CachedRewarder(RandomReward(), sys.argv[1])
for _ in range(3):
    samples = [RewardSample(Image.new("RGB", (4, 4), (k, 0, 0))) for k in range(60)]
    print(*(reward.value for reward in cached.score(["p"] * 60, samples)))
"""


def test_two_processes_may_share_a_folder(tmp_path: Path) -> None:
    """Both score the same 60 pictures at once; every file is whole and both read the same numbers."""
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=300)[0].split("\n") for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert len({line for output in outputs for line in output if line}) == 1
    assert len(files(tmp_path)) == 60
    assert all(json.loads(path.read_text())["status"] == "success" for path in files(tmp_path))
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".tmp"]
