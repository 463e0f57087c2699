"""Joining a Ray cluster: what standard output holds meanwhile."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest

from selfreward_eval.harness.engines.ray.cluster import RayCluster, joined


class SpeakingRay(SimpleNamespace):
    """Stands in for Ray, and prints as it does when a worker dies."""

    def is_initialized(self) -> bool:
        return False

    def init(self, **options: Any) -> None:
        print("(raylet) A worker died")

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def shutdown(self) -> None:
        print("(raylet) Another worker died")


def test_standard_output_stays_the_commands_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--json`` writes there; findings/ray_prints_deaths_to_stdout.sh."""
    monkeypatch.setitem(sys.modules, "ray", SpeakingRay())
    with joined("auto") as there:
        assert there == (2.0, 0.0)
    out, err = capsys.readouterr()
    assert (out, err.count("worker died")) == ("", 2)


def test_what_a_signal_raises_inside_ray_comes_out_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled code that returns with an exception set raises a SystemError over it."""

    def wait(*replies: Any, **options: Any) -> Any:
        raise SystemError("returned a result with an exception set") from KeyboardInterrupt()

    ray = SpeakingRay(
        remote=lambda kind: kind, cloudpickle=SimpleNamespace(dumps=lambda setup: b""), wait=wait
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    cluster = RayCluster(cast("Any", None), {})
    with pytest.raises(KeyboardInterrupt):
        cluster.wait([], 1.0)
