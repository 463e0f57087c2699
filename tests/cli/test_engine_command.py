"""``--engine`` on the command line: what is wrong is told in one line, before anything is computed."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RUN = ("run", "--model", "dummy", "--limit", 3, "-o")


@pytest.fixture
def ray_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether or not it is: nothing here gets as far as importing it."""
    monkeypatch.setattr("selfreward_eval.harness.engines.ray.engine.require_ray", lambda: None)


@pytest.mark.usefixtures("ray_is_there")
@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--engine", "foo"], "unknown engine 'foo'; known: local, ray"),
        (["--engine", "rya"], "unknown engine 'rya'; did you mean ray?"),
        (
            ["--engine", "ray", "--engine-args", "actor=3"],
            "'actor'; --engine-args takes: address=",
        ),
        (
            ["--engine", "ray", "--engine-args", "actors=0"],
            "actors must be a whole number from 1 to",
        ),
        (["--engine", "ray", "--engine-args", "actors=two"], "actors=two is not a whole number"),
        (
            ["--engine", "ray", "--engine-args", "gpus=1.5"],
            "gpus must be a whole number, or below 1",
        ),
        (
            ["--engine", "ray", "--engine-args", "restarts=-1"],
            "restarts must be a whole number of",
        ),
        (
            ["--engine", "ray", "--engine-args", "address=ray://head:10001"],
            "give auto for the cluster",
        ),
        (["--engine", "ray", "--engine-args", "address=head"], "HOST:PORT of its head"),
        (["--engine-args", "actors=2"], "the engine 'local' takes none; is --engine ray missing?"),
        (["--engine", "ray", "--shard", "0/2"], "--shard and --engine cannot be combined"),
    ],
)
def test_a_wrong_option_writes_nothing(
    command: Callable[..., Any], tmp_path: Path, flags: list[str], told: str
) -> None:
    outcome = command(*RUN, tmp_path, *flags)
    assert (outcome.code, told in outcome.err, outcome.err.count("\n")) == (2, True, 1), outcome.err
    assert list(tmp_path.iterdir()) == []


OTHERS = {
    "reward": ("reward", "{folder}/pictures", "--rewarder", "random", "-o", "{folder}/out"),
    "train": ("train", "--trainer", "rejection", "--rewarder", "random", "-o", "{folder}/out"),
}
"""Commands beside ``run`` that have engines."""


@pytest.mark.usefixtures("ray_is_there")
@pytest.mark.parametrize("asked", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--engine", "rya"], "unknown engine 'rya'; did you mean ray?"),
        (["--engine", "ray", "--engine-args", "actor=3"], "'actor'; --engine-args takes: address="),
        (["--engine", "ray", "--engine-args", "actors=0"], "actors must be a whole number from 1 to"),
        (["--engine", "ray", "--engine-args", "measurers=2"], "--engine-args: measurers is for runs"),
        (["--engine-args", "actors=2"], "the engine 'local' takes none; is --engine ray missing?"),
    ],
)
def test_a_wrong_option_of_other_commands_writes_nothing(
    command: Callable[..., Any], tmp_path: Path, asked: tuple[str, ...], flags: list[str], told: str
) -> None:
    outcome = command(*(part.format(folder=tmp_path) for part in asked), *flags)
    assert (outcome.code, told in outcome.err, outcome.err.count("\n")) == (2, True, 1), outcome.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("asked", OTHERS.values(), ids=OTHERS)
def test_the_extra_is_named_by_other_commands(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: tuple[str, ...]
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else real(name))
    outcome = command(*(part.format(folder=tmp_path) for part in asked), "--engine", "ray")
    assert outcome.code == 2
    assert outcome.err.endswith("which is not installed; install selfreward-eval[ray]\n")
    assert outcome.err.count("\n") == 1


def test_the_extra_is_named(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else real(name))
    outcome = command(*RUN, tmp_path, "--engine", "ray")
    assert (outcome.code, outcome.err) == (
        2,
        "error: engine 'ray' needs the module 'ray', which is not installed; install selfreward-eval[ray]\n",
    )


def test_a_cluster_out_of_reach_is_told(command: Callable[..., Any], tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    with socket.socket() as probe:  # Bound, and nobody listens.
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
        outcome = command(*RUN, tmp_path, "--engine", "ray", "--engine-args", f"address={address}")
    assert outcome.code == 4
    last = outcome.err.splitlines()[-1]
    assert last.startswith(f"error: no Ray cluster answers at {address} (Connection refused); start one with")


def test_a_cluster_out_of_reach_is_told_before_anything_is_measured(
    command: Callable[..., Any], tmp_path: Path
) -> None:
    """Training begins with measurements that may take hours."""
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    with socket.socket() as probe:  # Bound, and nobody listens.
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
        asked = (part.format(folder=tmp_path) for part in OTHERS["train"])
        outcome = command(*asked, "--engine", "ray", "--engine-args", f"address={address}")
    assert outcome.code == 4
    last = outcome.err.splitlines()[-1]
    assert last.startswith(f"error: no Ray cluster answers at {address} (Connection refused); start one with")
    assert list(tmp_path.iterdir()) == []


def test_no_cluster_on_this_machine_is_told(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray", reason="the extra [ray] is not installed")

    def init(**options: Any) -> None:
        raise ConnectionError("Could not find any\nrunning Ray instance.")

    monkeypatch.setattr(ray, "init", init)
    outcome = command(*RUN, tmp_path, "--engine", "ray")
    assert outcome.code == 4
    assert outcome.err.splitlines()[-1] == (
        "error: no Ray cluster runs on this machine (ConnectionError: Could not find any running Ray "
        "instance.); start one with `ray start --head`, or give --engine-args address=HOST:PORT of one "
        "that runs"
    )
