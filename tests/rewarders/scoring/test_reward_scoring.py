"""One picture costs nobody else its reward, and nothing is scored twice."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import RunFolderError
from selfreward_eval.harness.files import read_json_lines
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.composite import CompositeReward
from selfreward_eval.rewarders.scoring.log import ABOUT, LINES, Line, RewardLog, read_lines
from selfreward_eval.rewarders.scoring.scoring import score_all

ABOUT_TOY = {"run": None, "rewarder": {"name": "toy"}}


def scored(rewarder: Any, entries: Any, folder: Path, **rest: Any) -> list[Line]:
    with RewardLog(folder, ABOUT_TOY) as log:
        return score_all(rewarder, entries, log, **rest)


def values(lines: list[Line]) -> list[float | None]:
    return [line.reward.value for line in lines]


def test_every_picture_has_one_line_in_order(measuring: Any, entry: Any, tmp_path: Path) -> None:
    entries = [entry(k, measured=k / 10, category="c") for k in range(5)]
    lines = scored(measuring(), entries, tmp_path / "out")
    assert values(lines) == [0.0, 1.0, 2.0, 3.0, 4.0]
    written = read_json_lines(tmp_path / "out" / LINES).records
    assert [(one["item_id"], one["index"], one["value"]) for one in written] == [
        ("item-0", 0, 0.0),
        ("item-0", 1, 1.0),
        ("item-1", 0, 2.0),
        ("item-1", 1, 3.0),
        ("item-2", 0, 4.0),
    ]
    assert written[3]["measured"] == 0.3
    assert written[3]["category"] == "c"


def test_one_that_raises_hangs_or_is_nan_costs_its_own_reward_only(
    measuring: Any, entry: Any, tmp_path: Path
) -> None:
    def rule(number: int) -> float:
        if number == 1:
            raise RuntimeError("no such thing")
        if number == 2:
            time.sleep(1.5)
        return float("nan") if number == 3 else float(number)

    rewarder = measuring(rule)
    rewarder.timeout = 0.3
    lines = scored(rewarder, [entry(k) for k in range(5)], tmp_path / "out")
    assert values(lines) == [0.0, None, None, None, 4.0]
    assert {line.reward.status for line in lines[1:4]} == {Status.MEASUREMENT_ERROR}
    told = [line.reward.reason for line in lines[1:4]]
    assert "no such thing" in told[0]
    assert "longer than 0.3 s" in told[1]
    assert "not a finite number" in told[2]


def test_what_has_a_reward_is_not_scored_again(measuring: Any, entry: Any, tmp_path: Path) -> None:
    entries = [entry(k) for k in range(4)]
    scored(measuring(lambda k: float(k) if k < 2 else 1 / 0), entries, tmp_path / "out")
    again = measuring()
    assert values(scored(again, entries, tmp_path / "out")) == [0.0, 1.0, 2.0, 3.0]
    assert again.calls == [2]


def test_a_torn_last_line_is_scored_again(measuring: Any, entry: Any, tmp_path: Path) -> None:
    entries = [entry(k) for k in range(4)]
    scored(measuring(), entries, tmp_path / "out")
    path = tmp_path / "out" / LINES
    path.write_bytes(path.read_bytes()[:-20])
    again = measuring()
    assert values(scored(again, entries, tmp_path / "out")) == [0.0, 1.0, 2.0, 3.0]
    assert again.calls == [1]
    assert len(read_lines(path)) == 4


def test_a_picture_that_changed_is_scored_again(measuring: Any, entry: Any, tmp_path: Path) -> None:
    first = entry(0)
    scored(measuring(), [first], tmp_path / "out")
    first.path.write_bytes(entry(9).path.read_bytes())
    assert values(scored(measuring(), [first], tmp_path / "out")) == [9.0]


def test_a_shared_cache_is_asked_first(measuring: Any, entry: Any, tmp_path: Path) -> None:
    entries = [entry(k) for k in range(3)]
    scored(measuring(), entries, tmp_path / "a", cache=tmp_path / "cache")
    again = measuring()
    lines = scored(again, entries, tmp_path / "b", cache=tmp_path / "cache")
    assert values(lines) == [0.0, 1.0, 2.0]
    assert sum(again.calls) == 0
    assert [line.seconds for line in lines] == [None] * 3


def test_a_cost_is_known_of_what_was_computed(measuring: Any, entry: Any, tmp_path: Path) -> None:
    (line,) = scored(measuring(), [entry(1)], tmp_path / "out")
    assert line.seconds is not None
    assert line.seconds > 0


def test_a_group_is_scored_whole(measuring: Any, entry: Any, tmp_path: Path) -> None:
    """Relative to their item, 2 and 3 are as far apart as 0 and 1, however the pictures come."""
    entries = [entry(k) for k in (0, 2, 1, 3)]
    whole = CompositeReward({"m": measuring()}, aggregation="sum_then_normalize")
    folder = tmp_path / "out"
    lines = scored(whole, entries, folder, cache=tmp_path / "cache")
    assert [value is not None and value > 0 for value in values(lines)] == [False, False, True, True]
    path = folder / LINES
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    assert values(scored(whole, entries, folder)) == values(lines)


def test_a_picture_that_is_not_there_says_why(measuring: Any, entry: Any, tmp_path: Path) -> None:
    gone, broken, changed, never, last = (
        entry(0),
        entry(1),
        entry(2, sha256="0" * 64),
        entry(3, path=None, status=Status.GENERATION_ERROR, reason="the model raised"),
        entry(4),
    )
    gone.path.unlink()
    broken.path.write_bytes(b"no picture")
    lines = scored(measuring(), [gone, broken, changed, never, last], tmp_path / "out")
    assert [str(line.reward.status) for line in lines] == [
        "missing_image",
        "unreadable_image",
        "unreadable_image",
        "generation_error",
        "success",
    ]
    assert lines[2].reward.reason.startswith("its file was changed after it was measured: its sha256 is ")
    assert lines[3].reward.reason == "the model raised"


def test_rewards_of_another_rewarder_are_not_mixed(measuring: Any, entry: Any, tmp_path: Path) -> None:
    scored(measuring(), [entry(0)], tmp_path / "out")
    with pytest.raises(RunFolderError, match=r"holds other rewards .*choose another --output"):
        RewardLog(tmp_path / "out", {"run": None, "rewarder": {"name": "other"}})
    assert json.loads((tmp_path / "out" / ABOUT).read_text())["rewarder"] == {"name": "toy"}


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    with RewardLog(tmp_path, ABOUT_TOY), pytest.raises(RunFolderError, match="another process is writing"):
        RewardLog(tmp_path, ABOUT_TOY)
