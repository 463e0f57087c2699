"""``run --dry-run``: counts, everything missing at once, judge calls, and that nothing is left behind."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

OPTIONS = ("run", "--dry-run", "--model", "dummy", "--model-args", "size=16")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with no official data, no weights and no key."""
    for name in ("SELFREWARD_DATA", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SELFREWARD_CACHE", str(tmp_path / "cache"))
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def test_what_would_be_drawn_is_counted_and_nothing_is_written(command: Command, tmp_path: Path) -> None:
    outcome = command(*OPTIONS, "--tasks", "shapes_geneval", "--limit", 6, "-o", tmp_path / "out", "--json")
    assert outcome.code == 0, outcome.err
    foreseen = json.loads(outcome.out)
    (task,) = foreseen["tasks"]
    assert (task["items"], task["samples"], task["recorded"]) == (6, 24, 0)
    assert task["measured_by"] == {"detector": "shapes_oracle", "colour": "shapes_oracle_colour"}
    assert foreseen["missing"] == []
    assert task["draw_seconds"] is not None
    assert foreseen["peak_bytes"] > 0
    assert not (tmp_path / "out").exists()


def test_what_is_recorded_already_is_left_out(command: Command, tmp_path: Path) -> None:
    rest = ("--tasks", "shapes_geneval", "--limit", 6, "-o", tmp_path)
    command("run", *OPTIONS[2:], *rest)
    (task,) = json.loads(command(*OPTIONS, *rest, "--json").out)["tasks"]
    assert (task["samples"], task["recorded"], task["draw_seconds"]) == (24, 24, 0)


def test_a_folder_with_another_run_is_told_before_it_is_refused(command: Command, tmp_path: Path) -> None:
    rest = ("--tasks", "shapes_geneval", "-o", tmp_path)
    command("run", *OPTIONS[2:], *rest, "--limit", 6)
    other = (*rest, "--limit", 6, "--seed", 1)
    outcome = command(*OPTIONS, *other)
    assert outcome.code == 4
    assert "missing: 1" in outcome.out
    assert "holds another run (seed: 0 there, 1 here)" in outcome.out
    assert "choose another --output-path, or delete that folder" in outcome.out
    (task,) = json.loads(command(*OPTIONS, *other, "--json").out)["tasks"]
    assert (task["samples"], task["recorded"]) == (24, 0)
    refused = command("run", *OPTIONS[2:], *other)
    assert refused.code == 4


def test_judge_calls_are_counted_without_asking_a_server(command: Command, tmp_path: Path) -> None:
    judge = (
        "judge=judge_openai,judge_args.model=m,judge_args.base_url=http://127.0.0.1:9/v1,"
        "judge_args.api_key_env=none,judge_args.max_tokens=50"
    )
    rest = ("--tasks", "shapes_t2i_reasonbench", "--task-args", judge, "--limit", 8, "-o", tmp_path)
    outcome = command(*OPTIONS, *rest)
    assert outcome.code == 0, outcome.err
    (line,) = [line for line in outcome.out.splitlines() if "judge calls" in line]
    assert "judge_openai m behind a server" in line
    assert "tokens out" in line
    use = json.loads(command(*OPTIONS, *rest, "--json").out)["tasks"][0]["judge"]
    assert use["calls"] >= 8
    assert use["remote"]
    assert use["longest_reply"] == 50


@pytest.mark.usefixtures("bare")
def test_everything_missing_is_told_at_once_with_its_option(command: Command, tmp_path: Path) -> None:
    options = (
        "--model",
        "janus",
        "--model-args",
        "weights=nobody/nothing",
        "--tasks",
        "geneval,t2i_reasonbench",
    )
    judge = "t2i_reasonbench.judge=judge_openai,t2i_reasonbench.judge_args.model=m"
    outcome = command("run", "--dry-run", *options, "--task-args", judge, "-o", tmp_path / "out")
    assert outcome.code == 4
    for part in (
        "weights: the model janus: 'nobody/nothing' is neither a folder nor weights",
        "--model-args weights=FOLDER",
        "data: the task geneval: the official file prompts/evaluation_metadata.jsonl is not on this machine",
        "selfreward-eval data fetch geneval, or SELFREWARD_DATA=FOLDER",
        "weights: the detector of the task geneval:",
        "--task-args geneval.detector_args.weights=FOLDER",
        "weights: the colour of the task geneval:",
        "--task-args geneval.colour_args.pretrained=FOLDER",
        "selfreward-eval data fetch t2i_reasonbench",
        "key: the judge of the task t2i_reasonbench: judge_openai needs a key",
        "--task-args t2i_reasonbench.judge_args.api_key_env=NAME",
    ):
        assert part in outcome.out
    assert "HF_HUB_OFFLINE" not in os.environ


def test_the_hub_s_library_is_as_it_was_before(monkeypatch: pytest.MonkeyPatch) -> None:
    from selfreward_eval.api.offline import offline

    constants = pytest.importorskip("huggingface_hub.constants")
    was = constants.HF_HUB_OFFLINE
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    with offline():
        assert constants.HF_HUB_OFFLINE is True
        assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert was == constants.HF_HUB_OFFLINE
    assert os.environ["HF_HUB_OFFLINE"] == "0"
