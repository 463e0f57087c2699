"""Joins a Ray cluster, and has workers live in its actors. The only module that imports Ray."""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from typing import Any

from selfreward_eval.harness.engines.ray.contract import Role, WorkerDied
from selfreward_eval.harness.engines.ray.messages import Reply
from selfreward_eval.harness.engines.ray.pools import Pool
from selfreward_eval.harness.errors import BrokenPlugin, InputError, MissingExtra, UsageError
from selfreward_eval.harness.plugins import one_line

__all__ = ["RayCluster", "check_address", "ending_on_request", "joined", "require_ray"]

REACHED = 10.0
"""Seconds in which the head of a cluster has to accept a connection."""

_START = "start one with `ray start --head`, or give --engine-args address=HOST:PORT of one that runs"


def require_ray() -> None:
    """Returns if Ray is installed; it is not imported.

    Raises:
        MissingExtra: it is not.
    """
    if importlib.util.find_spec("ray") is None:
        raise MissingExtra(
            "engine 'ray' needs the module 'ray', which is not installed; install selfreward-eval[ray]"
        )


def check_address(address: str) -> None:
    """Returns if ``address`` is ``auto`` or ``HOST:PORT``.

    Raises:
        UsageError: anything else, such as an address of Ray's client, which is another protocol.
    """
    host, _, port = address.rpartition(":")
    numbered = port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65536
    if address != "auto" and ("/" in host or not host or not numbered):
        raise UsageError(
            f"address is {address!r}; give auto for the cluster of this machine, or HOST:PORT of its head, "
            "as `ray start` prints it, and run the command on a machine of the cluster"
        )


@contextmanager
def joined(address: str) -> Iterator[tuple[float, float]]:
    """This process is part of the cluster inside; the CPUs and GPUs that the cluster has.

    A process that has joined one already stays in it.

    Raises:
        InputError: there is none at ``address``, or it refuses this process.
    """
    # Read when Ray is imported. An attempt takes half a minute; by default it makes twenty.
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "2")
    import ray

    own = not ray.is_initialized()
    # Ray prints every death of a worker to standard output, where `--json` has its own; log_to_driver=False
    # does not keep it from that.
    with redirect_stdout(sys.stderr) if own else nullcontext():
        if own:
            _join(address)
        try:
            there = ray.cluster_resources()
            yield float(there.get("CPU", 0)), float(there.get("GPU", 0))
        finally:
            if own:
                ray.shutdown()


class _Asked(BaseException):
    """This process was asked to end."""


@contextmanager
def ending_on_request() -> Iterator[None]:
    """Inside, SIGTERM is raised like an interruption, so that workers are ended first; then it ends this
    process as by default. Ray's own handler would make it an exit code.
    """
    if threading.current_thread() is not threading.main_thread():  # Only that one may set handlers.
        yield
        return

    def end(number: int, frame: object) -> None:
        raise _Asked

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except _Asked:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _signals_uncovered() -> Iterator[None]:
    """What a signal's handler raises inside Ray's compiled code leaves it as SystemError; here as itself."""
    try:
        yield
    except SystemError as error:
        raised = error.__cause__
        if raised is None or isinstance(raised, Exception):
            raise
        raise raised from None


def _join(address: str) -> None:
    import ray

    if address != "auto":
        # Ray itself would try for a minute.
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), REACHED).close()
        except OSError as error:
            raise InputError(
                f"no Ray cluster answers at {address} ({error.strerror or error}); {_START}"
            ) from None
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except ConnectionError as error:
        where = "on this machine" if address == "auto" else f"at {address}"
        raise InputError(f"no Ray cluster runs {where} ({_first(error)}); {_START}") from error
    except Exception as error:  # Other versions of Python or Ray, a token, ...
        raise InputError(
            f"the Ray cluster at {address} cannot be joined ({_first(error)}); use its versions of "
            "Python and Ray, and its RAY_AUTH_MODE"
        ) from error


def _first(error: BaseException) -> str:
    """The beginning of a message that Ray writes over many lines."""
    text = one_line(error)
    return text if len(text) <= 200 else f"{text[:199]}…"


class RayCluster:
    """Workers as actors; see :class:`selfreward_eval.harness.engines.ray.contract.Cluster`.

    Args:
        setup: of all workers.
        pools: role -> size of a worker.
        kind: the workers' class; the one that makes a run's samples by default.

    Raises:
        UsageError: what the workers need was given as an object that cannot be sent.
    """

    def __init__(self, setup: Any, pools: Mapping[Role, Pool], kind: type | None = None) -> None:
        import ray

        from selfreward_eval.harness.engines.ray.worker import Worker

        self._ray: Any = ray
        self._pools = pools
        self._actor: Any = self._ray.remote(kind or Worker)
        try:
            self._setup: bytes = self._ray.cloudpickle.dumps(setup)
        except Exception as error:
            raise UsageError(
                f"the model, a task or a rewarder cannot be sent to the workers ({one_line(error)}); give it "
                "by its registered name"
            ) from error

    def start(self, role: Role, label: str) -> Any:
        pool = self._pools[role]
        # Dead workers are replaced by the scheduling, which knows what they had in hand.
        options = self._actor.options(
            num_cpus=pool.cpus, num_gpus=pool.gpus, max_restarts=0, max_task_retries=0
        )
        return options.remote(self._setup, label, role == "model")

    def open(self, worker: Any) -> Any:
        return worker.open.remote()

    def work(self, worker: Any, batch: Any) -> Any:
        return worker.work.remote(batch)

    def share(self, content: bytes) -> Any:
        return self._ray.put(content)

    def take(self, worker: Any, shared: Any) -> Any:
        return worker.take.remote(shared)  # Ray gives the worker the content in place of the reference.

    def close(self, worker: Any) -> Any:
        return worker.close.remote()

    def wait(self, replies: Sequence[Any], seconds: float) -> list[Any]:
        with _signals_uncovered():
            there, _ = self._ray.wait(list(replies), num_returns=1, timeout=seconds)
        return list(there)

    def result(self, reply: Any) -> Reply:
        errors = self._ray.exceptions
        try:
            answer: Reply = self._ray.get(reply)
        except errors.RayTaskError as error:
            raise BrokenPlugin(
                f"a worker failed: {one_line(error.cause or error)}; the cluster's machines may have other "
                "versions of packages than this one",
                trace=str(error),
            ) from None
        except errors.RayError as error:
            raise WorkerDied(one_line(error)) from error
        return answer

    def kill(self, worker: Any) -> None:
        self._ray.kill(worker)
