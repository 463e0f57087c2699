"""Kills workers of a run on a Ray cluster, in the middle of writes, and compares it with an undisturbed run.

Two workers draw and one measures, on a cluster of this machine. Each kills itself with SIGKILL when a write
is half done, again and again until the kills are used up. Nothing may be lost, nothing that was recorded may
be made again, and the files have to be those of one process that nobody disturbed, but for times.

``python ray_drill.py [--items 40] [--kills 20] [--batch-size 2] [--seed 0] [--apart]`` prints one JSON object
and ends with 1 where something differs. A start of a worker takes seconds, and so does a kill: 200 kills want
``--items 220`` and some minutes. With ``--apart`` no worker sees the run folder, as on machines without a
common disk. Without Ray a line says so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from shard_drill import state

from selfreward_eval.harness import files
from selfreward_eval.harness.engines.ray.engine import RayEngine
from selfreward_eval.harness.engines.ray.worker import Worker
from selfreward_eval.harness.errors import MissingExtra
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.harness.testing.ray_cluster import NoCluster, ray_cluster
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

WITHIN = 10
"""A worker dies within so many writes; two samples are four to six."""


class Deaths:
    """Kills the process that it is in, as long as there are kills left for all of them together.

    Args:
        folder: gets a file for every kill.
        kills: so many at most.
        seed: of the writes at which processes die.
    """

    def __init__(self, folder: Path, kills: int, seed: int) -> None:
        self.folder, self.kills, self.seed = folder, kills, seed

    def arm(self) -> None:
        """From now on a write may be the last one of this process."""
        choose = random.Random(f"{self.seed} {os.getpid()} {time.monotonic_ns()}")
        write, left = files._write_all, choose.randrange(1, WITHIN)
        alone = False

        def half(descriptor: int, data: bytes) -> None:
            nonlocal left, alone
            if data.startswith(b'{"in_hand"'):
                # One that died before is tried alone; twice would be a status.
                alone = len(json.loads(data)["in_hand"]["doc_ids"]) == 1
            left -= 1
            if left <= 0 and not alone and self._claimed():
                write(descriptor, data[: len(data) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            write(descriptor, data)

        files._write_all = half

    def _claimed(self) -> bool:
        for number in range(self.kills):
            try:
                os.close(os.open(self.folder / str(number), os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            return True
        return False

    def count(self) -> int:
        return len(list(self.folder.iterdir()))


def make_tasks(deaths: Deaths | None, apart: bool) -> list[ShapesGenEval]:
    """Made by every worker; so this is where it is armed."""
    if deaths is not None:
        deaths.arm()
    if apart:
        Worker._sees = staticmethod(lambda setup: False)  # type: ignore[method-assign]
    return [ShapesGenEval()]


def drill(
    folder: Path,
    address: str,
    *,
    items: int,
    kills: int,
    batch_size: int = 2,
    seed: int = 0,
    apart: bool = False,
) -> dict[str, Any]:
    """The report of one drill in ``folder``, which is empty.

    Args:
        folder: of run folders.
        address: of a cluster.
        items: prompts, of four samples each.
        kills: so many at most.
        batch_size: samples that a worker has in hand at once.
        seed: of the writes at which workers die.
        apart: whether workers are kept from seeing the run folder.
    """
    (folder / "kills").mkdir()
    deaths = Deaths(folder / "kills", kills, seed)
    one = run(DummyModel(), [ShapesGenEval()], folder / "whole", limit=items, batch_size=batch_size)
    engine = RayEngine(address=address, actors=2, measurers=1, restarts=100)
    log = folder / "drawn.log"
    engine.build(partial(DummyModel, log=log), partial(make_tasks, deaths, apart))
    began = time.monotonic()
    many = run(
        DummyModel(log=log),
        [ShapesGenEval()],
        folder / "killed",
        limit=items,
        batch_size=batch_size,
        engine=engine,
    )
    whole, killed = state(one.folder), state(many.folder)
    drawn = Counter(log.read_text().splitlines())
    return {
        "samples": len(drawn),
        "kills": deaths.count(),
        "restarts": engine.restarted,
        "unlike": [name for name in sorted(whole | killed) if whole.get(name) != killed.get(name)],
        "drawn_again": sum(drawn.values()) - len(drawn),
        "drawn_again_at_most": deaths.count() * batch_size,
        "seconds": round(time.monotonic() - began, 1),
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=40)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--apart", action="store_true")
    given = vars(parser.parse_args(arguments))
    os.environ["RAY_AUTH_MODE"] = "disabled"
    with tempfile.TemporaryDirectory() as folder:
        try:
            with ray_cluster() as address:
                report = drill(Path(folder), address, **given)
        except (NoCluster, MissingExtra) as error:
            print(f"left out: {error}")
            return 0
    print(json.dumps(report, indent=2))
    lacking = report["kills"] < given["kills"]
    return int(lacking or bool(report["unlike"]) or report["drawn_again"] > report["drawn_again_at_most"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
