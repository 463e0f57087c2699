"""A Ray cluster of this machine alone, for tests, benchmarks and for trying ``--engine ray``.

    python -m selfreward_eval.harness.testing.ray_cluster --cpus 2

starts one in the foreground, prints its address, and ends it when interrupted.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["NoCluster", "ray_cluster"]

PORT = 26379
"""Of the head; the other services take the ports after it."""

WAIT = 120.0
"""Seconds that a cluster may take to start."""

_SERVICES = (
    "dashboard-agent-grpc-port",
    "dashboard-agent-listen-port",
    "metrics-export-port",
    "runtime-env-agent-port",
    "node-manager-port",
    "object-manager-port",
)


class NoCluster(Exception):
    """No cluster could be started here; the message says why."""


@contextmanager
def ray_cluster(cpus: int = 2, port: int = PORT, wait: float = WAIT) -> Iterator[str]:
    """The address of a cluster, which ends with the block; every port is fixed, nothing is asked for it.

    Args:
        cpus: that it offers, whatever this machine has.
        port: of the head. The six after it are taken, too, and 100 more from ``port`` + 100 on.
        wait: seconds that it may take to start.

    Raises:
        NoCluster: ray is not installed, a port is taken, or the cluster did not start in time.
    """
    if importlib.util.find_spec("ray") is None:
        raise NoCluster("ray is not installed; install selfreward-eval[ray]")
    for number in range(port, port + 1 + len(_SERVICES)):
        _require_free(number)
    # Sockets lie below it, and their paths may have 107 bytes: pytest's folders are too long.
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    head = _started(folder, cpus, port)
    try:
        _wait_until_up(head, folder, f"127.0.0.1:{port}", time.monotonic() + wait)
        yield f"127.0.0.1:{port}"
    finally:
        # The group holds every process of the cluster, and no other one.
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(head.pid, number)
            except ProcessLookupError:
                break
            if number == signal.SIGTERM:
                try:
                    head.wait(5)
                except subprocess.TimeoutExpired:
                    continue
        head.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _started(folder: Path, cpus: int, port: int) -> subprocess.Popen[bytes]:
    options = {
        "port": port,
        "node-ip-address": "127.0.0.1",
        "num-cpus": cpus,
        "num-gpus": 0,
        "include-dashboard": "false",
        "include-log-monitor": "false",
        "object-store-memory": 80 * 1024**2,
        "temp-dir": folder,
        "min-worker-port": port + 100,
        "max-worker-port": port + 200,
        **{name: port + number for number, name in enumerate(_SERVICES, 1)},
    }
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--no-monitor"]
    command += ["--disable-usage-stats", *(f"--{name}={value}" for name, value in options.items())]
    environment = {
        **os.environ,
        # Workers are started by the cluster, and have to find the modules that this process finds.
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "RAY_AUTH_MODE": "disabled",
        "RAY_ENABLE_RECORD_ACTOR_TASK_LOGGING": "0",
    }
    with (folder / "head.log").open("wb") as log:
        return subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )


def _wait_until_up(head: subprocess.Popen[bytes], folder: Path, address: str, end: float) -> None:
    """Returns once the cluster runs.

    Ray 2.60 waits 15 s for the file in which its agent says on which port it listens, also where the port
    is given, and ends with a failed check on a machine that is too busy for the agent to start in that time.
    Nobody asks that agent anything, so that the file is written here: -1 is what it says without a port.
    """
    log = folder / "head.log"
    while time.monotonic() < end:
        for found in folder.glob("session_2*/gcs_server_port_*"):
            node = found.name.removeprefix("gcs_server_port_")
            told = found.with_name(f"dashboard_agent_listen_port_{node}")
            if not told.exists():
                told.write_text("-1")
        text = log.read_text(errors="replace")
        if "Ray runtime started" in text:
            return
        if head.poll() is not None:
            break
        time.sleep(0.1)
    lines = [line for line in log.read_text(errors="replace").split("\n") if line.strip()]
    raise NoCluster(f"no Ray cluster started at {address}: {lines[-1] if lines else 'it said nothing'}")


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise NoCluster(f"port {port} is taken ({error.strerror}); give another --port") from error


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--port", type=int, default=PORT)
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ray_cluster(given.cpus, given.port) as address:
            print(f"a Ray cluster runs at {address}; Ctrl-C ends it", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except NoCluster as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
