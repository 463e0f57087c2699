"""``--engine ray``: a run's samples, or other work, on a cluster that exists already."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selfreward_eval.harness.engines.ray.cluster import (
    RayCluster,
    check_address,
    ending_on_request,
    joined,
    require_ray,
)
from selfreward_eval.harness.engines.ray.messages import Setup
from selfreward_eval.harness.engines.ray.pools import Asked, fit_together, pools
from selfreward_eval.harness.engines.ray.queues import roles_of
from selfreward_eval.harness.engines.ray.scheduling import Schedule
from selfreward_eval.harness.engines.ray.spread import Spread
from selfreward_eval.harness.engines.ray.spread_worker import Doer, SpreadSetup, SpreadWorker
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.models.base import Model
from selfreward_eval.harness.runs.engine import Assignment
from selfreward_eval.harness.runs.results import environment
from selfreward_eval.harness.task import Task

__all__ = ["RayEngine"]


class RayEngine:
    """Makes samples in actors of a Ray cluster.

    >>> RayEngine(actors=4).label
    'ray'

    Args:
        address: ``HOST:PORT`` of the cluster's head; ``auto`` for the cluster that this machine is part of.
        actors: workers with the model; as many as the cluster has room for by default.
        measurers: workers with the instruments and judges; one by default.
        gpus: of a worker with the model; a fraction shares a GPU. 1 by default where there are GPUs.
        measure_gpus: of a worker that measures; likewise.
        cpus: of a worker with the model.
        measure_cpus: of a worker that measures.
        restarts: so often in a row a worker that died is started again, without having finished a batch in
            between.

    Attributes:
        label: of the part that the scheduling process writes.
        restarted: how often a worker died and was started again, in the last call of :meth:`work`.

    Raises:
        MissingExtra: Ray is not installed.
        UsageError: an argument out of range.
    """

    label = "ray"

    def __init__(
        self,
        address: str = "auto",
        actors: int | None = None,
        measurers: int | None = None,
        gpus: float | None = None,
        measure_gpus: float | None = None,
        cpus: float = 1.0,
        measure_cpus: float = 0.0,
        restarts: int = 3,
    ) -> None:
        check_address(address)
        if not isinstance(restarts, int) or restarts < 0:
            raise UsageError(f"restarts must be a whole number of at least 0, got {restarts!r}")
        self.address, self.restarts = address, restarts
        self.restarted = 0
        self._asked = Asked(actors, measurers, gpus, measure_gpus, cpus, measure_cpus)
        self._model: Callable[[], Model] | None = None
        self._tasks: Callable[[], Sequence[Task]] | None = None
        require_ray()

    def build(
        self, model: Callable[[], Model] | None = None, tasks: Callable[[], Sequence[Task]] | None = None
    ) -> None:
        """Has workers make the model or the tasks anew; what is not named is sent to them as it is."""
        self._model, self._tasks = model, tasks

    def work(self, assignment: Assignment) -> int:
        """Makes and records samples; the number that the model made.

        Raises:
            InputError: the cluster cannot be reached, or a worker's model or instruments are others.
            UsageError: the cluster is too small, or an object cannot be sent to the workers.
            BrokenPlugin: a plug-in failed on all of the first samples, or no worker stays alive.
        """
        self.restarted = 0
        if not any(assignment.to_do.values()):
            return 0
        folder, token = assignment.folder, f"{self.label}-{secrets.token_hex(3)}"
        assert folder.journal is not None
        folder.journal.note(token=token)
        known = environment()
        setup = Setup(
            model=self._model or _Made(assignment.model),
            tasks=self._tasks or _Made(list(assignment.tasks)),
            directory=Path.cwd(),
            folder=folder.path.resolve(),
            journal=folder.journal.path.name,
            token=token,
            identity=assignment.identity,
            environment={key: value for key, value in assignment.environment.items() if key not in known},
            sitting=assignment.sitting,
            phase=assignment.phase,
        )
        with joined(self.address) as (cpus, gpus):
            found = pools(self._asked, roles_of(assignment), cpus, gpus)
            sizes = {role: pool.size for role, pool in found.items()}
            cluster = RayCluster(setup, found)
            in_turn = not fit_together(found, cpus, gpus)
            schedule = Schedule(assignment, cluster, sizes, token, self.restarts, _tell, in_turn=in_turn)
            try:
                with ending_on_request():
                    return schedule.run()
            finally:
                self.restarted = schedule.restarted

    def require_room(self) -> None:
        """Returns if :meth:`spread` would find a cluster with room for its workers, none of which is started.

        Raises:
            InputError: the cluster cannot be reached.
            UsageError: it is too small.
        """
        with joined(self.address) as (cpus, gpus):
            pools(self._asked, {"model"}, cpus, gpus)

    @contextmanager
    def spread(self, make: Callable[[], Doer], what: str) -> Iterator[Spread]:
        """Workers for other work than a run's, which end with the block; ``actors`` of them.

        Args:
            make: makes, in every worker, what does the work.
            what: this is, for messages, such as ``the rewarder``.

        Raises:
            InputError: the cluster cannot be reached.
            UsageError: it is too small, or ``make`` cannot be sent to the workers.
        """
        self.restarted = 0
        with joined(self.address) as (cpus, gpus):
            found = pools(self._asked, {"model"}, cpus, gpus)
            cluster = RayCluster(SpreadSetup(make, Path.cwd(), what), found, SpreadWorker)
            token = f"{self.label}-{secrets.token_hex(3)}"
            spread = Spread(cluster, found["model"].size, token, self.restarts, _tell, f"with {what}")
            with ending_on_request():
                try:
                    yield spread
                finally:
                    self.restarted = spread.restarted
                    spread.close()


class _Made:
    """Gives an object that exists."""

    def __init__(self, made: Any) -> None:
        self._made = made

    def __call__(self) -> Any:
        return self._made


def _tell(line: str) -> None:
    print(line, file=sys.stderr)
