"""How many workers of which size: what was asked for, or what the cluster has room for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from selfreward_eval.harness.engines.ray.contract import Role
from selfreward_eval.harness.errors import UsageError

__all__ = ["Asked", "Pool", "fit_together", "pools"]

MOST = 512
"""Workers of one kind: more are a slip of the pen, and every one of them is a process."""


SLACK = 1e-6
"""Sums of fractions of a GPU are not exact."""


@dataclass(frozen=True)
class Asked:
    """What ``--engine-args`` say about workers; None where the cluster decides.

    Attributes:
        actors: workers with the model.
        measurers: workers with the instruments and judges.
        gpus: of a worker with the model; a fraction shares a GPU.
        measure_gpus: of a worker that measures.
        cpus: of a worker with the model.
        measure_cpus: of a worker that measures.
    """

    actors: int | None = None
    measurers: int | None = None
    gpus: float | None = None
    measure_gpus: float | None = None
    cpus: float = 1.0
    measure_cpus: float = 0.0

    def __post_init__(self) -> None:
        for name in ("actors", "measurers"):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= MOST:
                raise UsageError(f"{name} must be a whole number from 1 to {MOST}, got {value}")
        for name in ("gpus", "measure_gpus", "cpus", "measure_cpus"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise UsageError(f"{name} must be a number of at least 0, got {value:g}")
            if value is not None and value > 1 and not float(value).is_integer():
                raise UsageError(f"{name} must be a whole number, or below 1, got {value:g}")


@dataclass(frozen=True)
class Pool:
    """Workers of one kind.

    Attributes:
        size: their number.
        cpus: of each.
        gpus: of each.
    """

    size: int
    cpus: float
    gpus: float


def pools(asked: Asked, roles: Collection[Role], cpus: float, gpus: float) -> dict[Role, Pool]:
    """The workers of every role.

    With GPUs, one measures and the others draw; a single GPU is shared by halves. Without, a worker draws
    for every CPU, and one measures beside them.

    Args:
        asked: by the user.
        roles: that the run needs.
        cpus: of the cluster.
        gpus: of the cluster.

    Raises:
        UsageError: the cluster is too small.
    """
    both = len(roles) > 1
    share = 0.5 if both and 0 < gpus < 2 else min(1.0, gpus)
    sizes: dict[Role, tuple[float, float, int | None]] = {
        "model": (asked.cpus, share if asked.gpus is None else asked.gpus, asked.actors),
        "measure": (
            asked.measure_cpus,
            share if asked.measure_gpus is None else asked.measure_gpus,
            asked.measurers,
        ),
    }
    found: dict[Role, Pool] = {}
    taken = 0.0  # GPUs of those that measure.
    order: tuple[Role, ...] = ("measure", "model")
    for role in order:
        if role not in roles:
            continue
        own_cpus, own_gpus, size = sizes[role]
        if size is None and role == "measure" and both:
            size = 1
        if size is None:
            rooms = [(gpus - taken) / own_gpus] if own_gpus else [cpus / own_cpus] if own_cpus else [1]
            size = max(1, min(MOST, int(min(rooms) + SLACK)))
        for what, own, there in (("CPUs", own_cpus, cpus), ("GPUs", own_gpus, gpus)):
            if size * own > there + SLACK:
                name, each = ("actors", "") if role == "model" else ("measurers", "measure_")
                raise UsageError(
                    f"{name}={size} with {own:g} {what} each need {size * own:g} {what}, and the Ray cluster "
                    f"has {there:g}; give fewer {name}, or {each}{what.lower()}=0.5"
                )
        found[role] = Pool(size, own_cpus, own_gpus)
        taken += size * own_gpus if role == "measure" else 0
    return found


def fit_together(found: Mapping[Role, Pool], cpus: float, gpus: float) -> bool:
    """Whether all workers have room at the same time in a cluster of ``cpus`` and ``gpus``."""
    needed_cpus = sum(pool.size * pool.cpus for pool in found.values())
    needed_gpus = sum(pool.size * pool.gpus for pool in found.values())
    return needed_cpus <= cpus + SLACK and needed_gpus <= gpus + SLACK
