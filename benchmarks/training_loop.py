"""CPU time of a round of ``train --trainer dsr_grpo --rewarder dsr`` on ``tiny``, stage by stage.

256 candidates of 32 prompts at guidance 1.5, and a step's forward and backward pass on 128 of them, with the
settings of docs/training.md. ``--before FOLDER`` measures another checkout of this project in turn with this
one and prints ratios. Medians of five turns after one that is not counted, one thread. ``--precision bf16``
takes steps in half precision in both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median

PROMPTS, CANDIDATES, BATCH, TURNS = 32, 8, 128, 5
CHUNK = 32
"""Candidates whose likelihoods under the starting model are read at once, as in training."""

PICTURES = PROMPTS * CANDIDATES
Times = dict[str, float]


def measure(precision: str) -> Iterator[Times]:
    """Seconds of each stage for 256 pictures, one turn at a time."""
    import torch

    from selfreward_eval.harness.models.tiny import TinyModel
    from selfreward_eval.rewarders.base import RewardSample
    from selfreward_eval.rewarders.building import build
    from selfreward_eval.trainers import jobs
    from selfreward_eval.trainers.sources import source

    torch.set_num_threads(1)
    model = TinyModel().training_copy(guidance=1.5, temperature=1.0, rows=jobs.ROWS)
    items = sorted(source("shapes", None).items(0, PROMPTS, 0), key=lambda item: len(item.text.split()))
    of = [item for item in items for _ in range(CANDIDATES)]
    prompts = [item.text for item in of]
    rewarder = build("dsr", model)
    for _, parameter in model.trainable():
        parameter.requires_grad_(True)
    while True:
        times: Times = {}

        @contextmanager
        def timed(stage: str, times: Times = times) -> Iterator[None]:
            began = time.process_time()
            yield
            times[stage] = time.process_time() - began

        with torch.no_grad():
            with timed("drawing"):
                tokens = model.draw(prompts, list(range(PICTURES))).tokens
            with timed("decoding"):
                pictures = model.decode(tokens)
            with timed("rewards"):
                samples = [
                    RewardSample(picture, category=item.category, metadata=item.metadata)
                    for picture, item in zip(pictures, of, strict=True)
                ]
                rewarder.score(prompts, samples)
            with timed("start likelihoods"):
                for k in range(0, PICTURES, CHUNK):
                    model.drawing_logprobs(prompts[k : k + CHUNK], tokens[k : k + CHUNK])
        narrow = torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext()
        with timed("steps"):
            with narrow:
                scores = model.drawing_logprobs(prompts[:BATCH], tokens[:BATCH])
            scores.mean().backward()
            model.network.zero_grad(set_to_none=True)
        times["steps"] *= PICTURES / BATCH
        yield times


def worker(precision: str) -> None:
    """Measures once for every line of stdin."""
    turns = measure(precision)
    for _ in sys.stdin:
        print(json.dumps(next(turns)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="another checkout")
    parser.add_argument("--precision", choices=("no", "bf16"), default="no")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.precision)
        return
    trees = {"here": Path(__file__).resolve().parents[1]}
    if options.before is not None:
        trees["before"] = options.before.resolve()
    command = [sys.executable, __file__, "--worker", "--precision", options.precision]
    workers = {
        name: subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"},
        )
        for name, tree in trees.items()
    }
    rows: dict[str, list[Times]] = {name: [] for name in workers}
    for _ in range(TURNS + 1):
        for name, process in workers.items():
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            rows[name].append(json.loads(process.stdout.readline()))
    for process in workers.values():
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
    stages = {name: {s: median(t[s] for t in turns[1:]) for s in turns[0]} for name, turns in rows.items()}
    for name in stages:
        stages[name]["all"] = sum(stages[name].values())
    print(f"CPU ms a picture, {PICTURES} pictures, precision {options.precision}")
    print(f"{'':20}" + "".join(f"{name:>10}" for name in stages) + ("     ratio" if len(stages) > 1 else ""))
    for stage in stages["here"]:
        values = [stages[name][stage] * 1000 / PICTURES for name in stages]
        ratio = f"{values[1] / values[0]:9.2f}x" if len(values) > 1 else ""
        print(f"{stage:20}" + "".join(f"{value:10.1f}" for value in values) + ratio)
    print(f"pictures learnt per CPU-second: {PICTURES / stages['here']['all']:.1f}")


if __name__ == "__main__":
    main()
