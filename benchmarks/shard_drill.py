"""Kills the processes of a run in shards, in the middle of writes, and compares it with an undisturbed run.

One process begins the run, three shards go on with it, five finish it; each is killed with SIGKILL when a
write is half done, and started again. Nothing may be lost, nothing that was recorded may be drawn again, and
the files have to be those of one process that nobody disturbed, but for times.

``python shard_drill.py [--items 24] [--kills 12] [--batch-size 2] [--seed 0] [--folder DIR]`` prints one JSON
object and ends with 1 where something differs. The default takes seconds; 200 kills want ``--items 500``. A
script of its own, because it forks, which a process with threads must not.
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
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from selfreward_eval.harness import files
from selfreward_eval.harness.runs.run import Shard, run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

write = files._write_all

FIRST, PER_SAMPLE = 3, 4
"""Writes before the first sample's at most, and of each sample: picture, line, and the journal's two."""


class Drill:
    """A run that is started and killed again and again.

    Args:
        folder: of run folders.
        items: prompts, of four samples each.
        batch_size: samples in hand at once.
        seed: of the points at which processes are killed.
    """

    def __init__(self, folder: Path, items: int, batch_size: int, seed: int) -> None:
        self.folder, self.items, self.batch_size = folder, items, batch_size
        self.choose = random.Random(seed)
        self.kills = 0

    def sitting(self, out: str, shard: Shard | None = None) -> None:
        """One process's work, in this one; every picture drawn is logged."""
        model = DummyModel(log=self.folder / f"{out}.log")
        task = ShapesGenEval()
        run(model, [task], self.folder / out, limit=self.items, batch_size=self.batch_size, shard=shard)

    def started(self, shard: Shard | None, point: int | None) -> int:
        """A child at work on the disturbed run, which dies when write ``point`` (from 0) is half done."""
        child = os.fork()
        if child:
            return child
        code = 1
        try:
            if point is not None:
                files._write_all = dying(point)
            self.sitting("killed", shard)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def stage(self, shards: int, kills: int, samples: int, *, to_the_end: bool) -> None:
        """``shards`` processes side by side, each killed ``kills`` times within its first ``samples``.

        ``shards`` of 0 is one process that is no shard.
        """
        whose: list[Shard | None] = [Shard(index, shards) for index in range(shards)] or [None]
        left = dict.fromkeys(whose, kills)
        at_work: dict[int, Shard | None] = {}

        def start(shard: Shard | None) -> None:
            if left[shard] or to_the_end:
                point = self.choose.randrange(FIRST, FIRST + PER_SAMPLE * samples) if left[shard] else None
                at_work[self.started(shard, point)] = shard

        for shard in whose:
            start(shard)
        while at_work:
            child, status = os.wait()
            shard = at_work.pop(child)
            if os.WIFSIGNALED(status):
                self.kills += 1
                left[shard] -= 1
                start(shard)
            elif os.WEXITSTATUS(status):
                raise SystemExit(f"shard {shard} failed; its traceback is above")

    def report(self) -> dict[str, Any]:
        """What differs from the undisturbed run, and how often a picture was drawn again."""
        whole, killed = (state(self.folder / name / "dummy") for name in ("whole", "killed"))
        drawn = Counter((self.folder / "killed.log").read_text().splitlines())
        again = sum(drawn.values()) - len(drawn)
        return {
            "samples": len(drawn),
            "kills": self.kills,
            "unlike": [name for name in sorted(whole | killed) if whole.get(name) != killed.get(name)],
            "drawn_again": again,
            "drawn_again_at_most": self.kills * self.batch_size,
        }


def dying(point: int) -> Any:
    """In place of the writer of every file: the process is killed when write ``point`` is half done."""
    count = iter(range(10**9))

    def half(descriptor: int, data: bytes) -> None:
        if next(count) == point:
            write(descriptor, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        write(descriptor, data)

    return half


def state(folder: Path) -> dict[str, Any]:
    """Every file of a run by name, times left out of names and contents; empty lock files are left out."""
    created = json.loads((folder / "run.json").read_text())["created"]
    found: dict[str, Any] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder)).replace(created, "TIME")
        if name in (".lock", ".gate"):
            continue
        found[name] = path.read_bytes()
        if name.startswith("samples_"):
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            found[name] = [json.dumps({**row, "timing": None}) for row in rows]
        elif name.startswith("results_"):
            results = json.loads(path.read_text())
            for key in ("date", "total_evaluation_time_seconds"):
                results.pop(key)
            results["selfreward"]["manifest"].pop("created")
            found[name] = json.dumps(results)
        elif name == "run.json":
            manifest = json.loads(path.read_text())
            found[name] = json.dumps({**manifest, "created": None, "finished": None})
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=24)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        drill = Drill(folder, given.items, given.batch_size, given.seed)
        began = time.monotonic()
        drill.sitting("whole")
        # A quarter of the kills each for one process and five shards, half for three shards.
        one, three, five = given.kills // 4, -(-given.kills // 6), -(-given.kills // 20)
        # Nobody is killed in the samples that died before, which come last: twice would be a status.
        samples = max(1, given.items * 4 // (2 * (one + 3 * three + 5 * five) + 1))
        drill.stage(0, one, samples, to_the_end=False)
        drill.stage(3, three, samples, to_the_end=False)
        drill.stage(5, five, samples, to_the_end=True)
        report = drill.report()
        report["seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps(report, indent=2))
    return int(bool(report["unlike"]) or report["drawn_again"] > report["drawn_again_at_most"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
