"""A model that kills its process over one prompt, in a shard that is started again and again.

Run as ``python killed_by_a_sample.py FOLDER SIGNAL``; prints one JSON object. A script of its own, because
it forks, which a process with threads must not.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL.Image import Image

from selfreward_eval.harness.runs.run import Shard, run
from selfreward_eval.harness.task import limited
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

LIMIT = 3


class Killing(DummyModel):
    """Ends its process over the picture of one seed."""

    def __init__(self, log: Path, seed: int, number: int) -> None:
        super().__init__(log=log)
        self.seed, self.number = seed, number

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image | None]:
        if self.seed in seeds:
            os.kill(os.getpid(), self.number)
            time.sleep(0)  # A handler of Python's runs between two steps.
        return super().generate(prompts, seeds)


def main(folder: Path, number: int) -> dict[str, Any]:
    task = ShapesGenEval()
    item = limited(task.items(), LIMIT)[1]
    seed = task.seed(item, 2, 0, "hashed")
    ends: list[int] = []
    while len(ends) < 5 and 0 not in ends:
        child = os.fork()
        if not child:
            run(Killing(folder / "log", seed, number), [task], folder, limit=LIMIT, shard=Shard(0, 1))
            os._exit(0)
        ends.append(os.waitpid(child, 0)[1])
    lines = [
        json.loads(line) for path in folder.glob("*/samples_*") for line in path.read_text().splitlines()
    ]
    return {
        "ends": [os.WTERMSIG(end) if os.WIFSIGNALED(end) else 0 for end in ends],
        "failed": [
            (line["seed"] == seed, line["status"], line["reason"])
            for line in lines
            if line["reason"][:7] == "process"
        ],
        "samples": len(lines),
        "drawn": len((folder / "log").read_text().splitlines()) if (folder / "log").exists() else 0,
        "deaths": len(list(folder.glob("*/journal_*"))),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), getattr(signal, sys.argv[2]))))
