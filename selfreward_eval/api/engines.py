"""Engines by name: where samples, rewards and candidates are computed."""

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

OF_MEASURERS = {"measurers", "measure_cpus", "measure_gpus"}
"""Arguments about actors that measure."""


def build_engine(
    name: str, arguments: Mapping[str, Any] | None, option: str = "engine_args", *, measures: bool = True
) -> RayEngine | None:
    """An engine; None for this process. It joins no cluster yet.

    Args:
        name: ``local`` or ``ray``.
        arguments: its constructor's.
        option: what ``arguments`` are called, for messages.
        measures: whether there are actors that measure, apart from the others; in runs alone.

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
    unused = sorted(set(arguments or ()) & OF_MEASURERS)
    if unused and not measures:
        raise UsageError(
            f"{option}: {unused[0]} is for runs, where some actors measure apart from the others; here all "
            "are alike: give actors, cpus and gpus"
        )
    from selfreward_eval.harness.engines.ray.engine import RayEngine

    made: RayEngine = construct(RayEngine, dict(arguments or {}), f"engine {name!r}", option)
    return made
