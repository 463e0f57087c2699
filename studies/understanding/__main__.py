"""``python -m studies.understanding``: captions with marks and rewards, by kind of scene, and figures."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from selfreward_eval.api.arguments import parse
from selfreward_eval.harness.files import atomic_write_json
from selfreward_eval.harness.registry import registry
from studies.understanding.captions import REWARDS, WORLDS, Described, described, rewards
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
    by_world = {}
    for world in WORLDS:
        began = time.process_time()
        kept = _kept(
            options.output / f"{world}.json",
            plan,
            partial(_rows, model, world, options.pictures, options.captions),
        )
        rows = [Described(**row) for row in kept]
        scored = {
            name: _kept(
                options.output / f"{world}.{name}.json",
                plan,
                partial(rewards, model, name, rows),
            )
            for name in REWARDS
        }
        by_world[world] = figures(rows, scored)
        print(f"{time.process_time() - began:6.1f} s CPU  {world} {json.dumps(by_world[world])}", flush=True)
    atomic_write_json(options.output / "figures.json", {"plan": plan, "worlds": by_world})


def _rows(model: Any, world: str, pictures: int, captions: int) -> list[dict[str, Any]]:
    return [asdict(row) for row in described(model, world, pictures, captions)]


def _kept(path: Path, plan: Any, make: Callable[[], Any]) -> Any:
    """What was made for this plan, or what ``make`` makes now."""
    if path.exists():
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["plan"] == plan:
            return content["made"]
    made = make()
    atomic_write_json(path, {"plan": plan, "made": made})
    return made


if __name__ == "__main__":
    main()
