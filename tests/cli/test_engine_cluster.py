"""``reward`` and ``train`` on a real cluster of this machine. Skipped, with the reason, where none starts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.real_cluster import KillingReward, started

import selfreward_eval

pytestmark = pytest.mark.slow

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with started(27579) as found:
        yield found


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """70 pictures of different width, two of each prompt: three batches."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rows = []
    for number in range(70):
        Image.new("RGB", (number + 2, 8), (number, 0, 0)).save(folder / f"{number}.png")
        rows.append({"id": str(number // 2), "prompt": f"{number // 2} stars", "image_path": f"{number}.png"})
    (folder / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def lines(folder: Path) -> list[str]:
    """Of the rewards file, byte for byte but for the time that a picture took."""
    text = (folder / "rewards.jsonl").read_text(encoding="utf-8")
    return [line[: line.index('"seconds":')] for line in text.splitlines()]


def test_two_actors_write_the_rewards_of_one_process(
    command: Command, address: str, pictures: Path, tmp_path: Path
) -> None:
    """And nothing but JSON is on standard output."""
    asked = ("reward", pictures, "--rewarder", "clip", "--model", "tiny", "--json")
    one = command(*asked, "-o", tmp_path / "one")
    engine = ("--engine", "ray", "--engine-args", f"address={address},actors=2")
    many = command(*asked, "-o", tmp_path / "many", *engine)
    assert (one.code, many.code) == (0, 0), (one.err, many.err)
    assert json.loads(many.out)["scored"] == 70
    assert lines(tmp_path / "many") == lines(tmp_path / "one")


def test_actors_that_are_killed_lose_nothing(address: str, pictures: Path, tmp_path: Path) -> None:
    """One that dies once costs nothing; a picture that kills twice has a status."""
    killing = KillingReward(once=40, always=7, marks=tmp_path)
    arguments = {"address": address, "actors": 2}
    made = selfreward_eval.reward(pictures, killing, tmp_path / "out", engine="ray", engine_args=arguments)
    values = {number + 2: line.reward.value for number, line in enumerate(made.lines)}
    assert (tmp_path / "killed").exists()
    assert {width: value for width, value in values.items() if value != width} == {7: None}
    assert made.lines[5].reward.reason.startswith("process died twice")
    assert len(lines(tmp_path / "out")) == 70


def test_two_actors_train_the_weights_of_one_process(command: Command, address: str, tmp_path: Path) -> None:
    """Two rounds of two chunks, on-policy: candidates, their likelihoods and the weights are the same."""
    settings = "captioning=0,prompts=34,candidates=2,rounds=2,steps=2,batch_size=4,guidance=1"
    asked = ("train", "--trainer", "dsr_grpo", "--rewarder", "dsr", "--trainer-args", settings)
    small = ("--tasks", "shapes_geneval", "--limit", 2, "--scales", "", "--json")
    one = command(*asked, *small, "-o", tmp_path / "one")
    engine = ("--engine", "ray", "--engine-args", f"address={address},actors=2")
    many = command(*asked, *small, "-o", tmp_path / "many", *engine)
    assert (one.code, many.code) == (0, 0), (one.err, many.err)
    json.loads(many.out)
    first, second = (tmp_path / name / "dsr_grpo-dsr" / "seed-0" for name in ("one", "many"))
    names = [path.relative_to(first) for path in first.rglob("rounds/*/*.safetensors")]
    names += [path.relative_to(first) for path in first.rglob("weights/*.safetensors")]
    assert len(names) == 5
    assert [name for name in names if (first / name).read_bytes() != (second / name).read_bytes()] == []
    profile = json.loads((second / "profile.json").read_text())
    assert set(profile) == {"candidates"}
    assert json.loads((first / "job.json").read_text()) == json.loads((second / "job.json").read_text())
