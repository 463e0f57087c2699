"""How long a command takes to start: ours beside lm-eval's, in one run.

CPU time is user and system time of the command; wall time depends on what else
the machine does. Medians of five starts, taken in turn after one that is not
counted: it fills the disk cache, and writes the bytecode that an installed command
has, into a folder of its own that is empty before.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROUNDS = 5
OURS = (("selfreward-eval", "--help"), ("selfreward-eval", "list", "tasks"))
PEER = ("lm-eval", "--help")


def start(command: Sequence[str], bytecode: str) -> tuple[float, float]:
    """One start of a command, whose bytecode is kept in that folder: CPU seconds, wall seconds."""
    folder = Path(sys.executable).parent
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(folder / command[0]), *command[1:]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""},
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"`{' '.join(command)}` ended with exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime, wall


def main() -> None:
    commands = [*OURS]
    if (Path(sys.executable).parent / PEER[0]).exists():
        commands.append(PEER)
    else:
        print(f"`{' '.join(PEER)}` is left out: {PEER[0]} is not installed beside {sys.executable}")
    times: dict[Sequence[str], list[tuple[float, float]]] = {command: [] for command in commands}
    with TemporaryDirectory() as bytecode:
        for round_ in range(ROUNDS + 1):
            for command in commands:
                taken = start(command, bytecode)
                if round_:
                    times[command].append(taken)
    middle = {c: tuple(median(column) for column in zip(*rows, strict=True)) for c, rows in times.items()}
    print(f"{'command':30} {'CPU':>8} {'wall':>8}   {'CPU of lm-eval':>14}")
    for command in commands:
        cpu, wall = middle[command]
        share = f"{cpu / middle[PEER][0]:.0%}" if PEER in middle else "absent"
        print(f"{' '.join(command):30} {cpu:6.3f} s {wall:6.3f} s   {share:>14}")


if __name__ == "__main__":
    main()
