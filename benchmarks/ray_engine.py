"""A run by two workers on a Ray cluster beside the same run by one process, in wall time.

The model is the dummy at 50 ms a picture, which it sleeps: what is measured is how well the work is shared
out, and what starting and scheduling cost. The cluster runs before; joining it and starting the workers
counts, and is also printed alone, as the run of a few pictures.

``python ray_engine.py [--items 250] [--batch-size 8] [--address HOST:PORT]`` prints one JSON object; without
an address it starts a cluster of this machine, and without Ray a line says so.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from selfreward_eval.harness.engines.ray.engine import RayEngine
from selfreward_eval.harness.errors import MissingExtra
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.harness.testing.ray_cluster import NoCluster, ray_cluster
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

SECONDS = 0.05
"""Of a picture."""


def timed(out: Path, items: int, batch_size: int, engine: RayEngine | None) -> float:
    """Wall seconds of a run of four pictures an item."""
    began = time.monotonic()
    model = DummyModel(seconds=SECONDS)
    finished = run(model, [ShapesGenEval()], out, limit=items, batch_size=batch_size, engine=engine)
    assert (finished.drawn, finished.left) == (4 * items, 0)
    return time.monotonic() - began


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=250)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--address")
    given = parser.parse_args(arguments)
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        try:
            began = time.monotonic()
            with nullcontext(given.address) if given.address else ray_cluster() as address:
                cluster = time.monotonic() - began
                engine = RayEngine(address=address, actors=2)
                engine.build(partial(DummyModel, seconds=SECONDS), partial(list, [ShapesGenEval()]))
                starting = timed(out / "few", 2, 1, engine) - 8 * SECONDS / 2
                two = timed(out / "two", given.items, given.batch_size, engine)
        except (NoCluster, MissingExtra) as error:
            print(f"left out: {error}")
            return 0
        one = timed(out / "one", given.items, given.batch_size, None)
    report = {
        "pictures": 4 * given.items,
        "one_process_s": one,
        "two_workers_s": two,
        "ratio": one / two,
        "of_it_joining_and_starting_s": starting,
        "ratio_without_starting": one / (two - starting),
        "starting_the_cluster_before_s": cluster,
    }
    print(json.dumps({name: round(value, 2) for name, value in report.items()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
