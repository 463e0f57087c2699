"""``python -m studies.understanding``: captions with marks and rewards, by kind of scene, and figures."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

from selfreward_eval.api.arguments import parse
from selfreward_eval.harness.files import atomic_write_json
from selfreward_eval.harness.registry import registry
from studies.understanding.captions import WORLDS, Described, described
from studies.understanding.figures import figures


def main() -> None:
    """Scores what is missing in the folder, and writes ``figures.json``."""
    parser = argparse.ArgumentParser(prog="python -m studies.understanding", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of captions and figures")
    parser.add_argument("--model", default="tiny", help="adapter (default: %(default)s)")
    parser.add_argument("--model-args", default="", help="its arguments: key=value,key=value")
    parser.add_argument("--pictures", type=int, default=30, help="per kind (default: %(default)s)")
    parser.add_argument("--captions", type=int, default=16, help="per picture (default: %(default)s)")
    options = parser.parse_args()
    model = registry("models").load(options.model)(**parse(options.model_args, "--model-args"))
    options.output.mkdir(parents=True, exist_ok=True)
    plan = {"model": model.identity(), "pictures": options.pictures, "captions": options.captions}
    rows: list[Described] = []
    for world in WORLDS:
        path = options.output / f"{world}.json"
        if not path.exists() or json.loads(path.read_text(encoding="utf-8"))["plan"] != plan:
            began = time.process_time()
            made = list(described(model, world, options.pictures, options.captions))
            seconds = time.process_time() - began
            atomic_write_json(path, {"plan": plan, "rows": [asdict(row) for row in made], "seconds": seconds})
            print(f"{seconds:6.1f} s CPU  {world}", flush=True)
        kept = json.loads(path.read_text(encoding="utf-8"))["rows"]
        rows += [Described(**row) for row in kept]
    by_world = {world: figures([row for row in rows if row.world == world]) for world in WORLDS}
    atomic_write_json(options.output / "figures.json", {"plan": plan, "worlds": by_world})
    for world, numbers in by_world.items():
        print(world, json.dumps(numbers))


if __name__ == "__main__":
    main()
