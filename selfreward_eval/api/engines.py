"""Engines by name: where the samples of a run are computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UnknownName, UsageError, did_you_mean
from selfreward_eval.harness.registry import construct

if TYPE_CHECKING:
    from selfreward_eval.harness.engines.ray.engine import RayEngine

__all__ = ["ENGINES", "LOCAL", "build_engine"]

LOCAL = "local"
"""This process."""

ENGINES = (LOCAL, "ray")


def build_engine(
    name: str, arguments: Mapping[str, Any] | None, option: str = "engine_args"
) -> RayEngine | None:
    """An engine; None for this process. It joins no cluster yet.

    Args:
        name: ``local`` or ``ray``.
        arguments: its constructor's.
        option: what ``arguments`` are called, for messages.

    Raises:
        UnknownName: no such engine.
        UsageError: arguments that it does not take, or values out of range.
        MissingExtra: a package that it needs is not installed.
    """
    if name not in ENGINES:
        raise UnknownName(f"unknown engine {name!r}; {did_you_mean(name, ENGINES)}")
    if name == LOCAL:
        if arguments:
            raise UsageError(f"{option}: the engine {LOCAL!r} takes none; is --engine ray missing?")
        return None
    from selfreward_eval.harness.engines.ray.engine import RayEngine

    made: RayEngine = construct(RayEngine, dict(arguments or {}), f"engine {name!r}", option)
    return made
