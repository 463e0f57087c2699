"""A run of 20,000 samples and its page: what they cost, beside lm-eval and Inspect on toy runs of the size.

    python benchmarks/large_run.py [--samples 20000] [--no-peers]

The model draws at once and the task measures at once (``overhead.py``), so that what is left is the harness.
The peers answer a text with a fixed one and compare it with a target, and write no pictures. Each runs in a
process of its own, so that its memory is its own. The cost of each further sample is that of the whole run
less that of a run of one sample, after a first run whose imports do not count. CPU times are medians of
``ROUNDS`` runs for ours and of one run for the peers.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

ROUNDS = 3


def ours(size: int, folder: Path) -> None:
    from overhead import Instant

    from selfreward_eval.harness.runs.run import run
    from selfreward_eval.harness.testing.dummy_model import DummyModel

    run(DummyModel(), [Instant(size)], folder)


def lm_eval(size: int, folder: Path) -> None:
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker

    folder.mkdir(parents=True)
    lines = folder / "toy.jsonl"
    lines.write_text("".join(json.dumps({"q": f"question {k}", "a": "lol"}) + "\n" for k in range(size)))
    task = {
        "task": "toy",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(lines)}, "cache_dir": str(folder / "cache")},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{q}}",
        "doc_to_target": "{{a}}",
        "generation_kwargs": {"until": ["\n"]},
        "metric_list": [{"metric": "exact_match"}],
    }
    tracker = EvaluationTracker(output_path=str(folder))
    results = simple_evaluate("dummy", tasks=[task], bootstrap_iters=0, evaluation_tracker=tracker)
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for name, rows in samples.items():
        tracker.save_results_samples(task_name=name, samples=rows)


def inspect(size: int, folder: Path) -> None:
    from inspect_ai import Task, eval
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.scorer import match
    from inspect_ai.solver import generate

    samples = [Sample(input=f"question {k}", target="output") for k in range(size)]
    toy = Task(dataset=MemoryDataset(samples), solver=generate(), scorer=match())
    eval(toy, model="mockllm/model", log_dir=str(folder), display="none")


RUNS: dict[str, Callable[[int, Path], None]] = {"ours": ours, "lm_eval": lm_eval, "inspect_ai": inspect}


def cpu() -> float:
    spent = os.times()
    return spent.user + spent.system


def measured(who: str, size: int) -> dict[str, float]:
    """In a process of its own: CPU seconds of a run of one sample and of the whole, and the peak in MB."""
    os.environ.update(HF_HUB_OFFLINE="1", TQDM_DISABLE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1")
    taken: dict[int, list[float]] = {1: [], size: []}
    with tempfile.TemporaryDirectory() as place:
        RUNS[who](1, Path(place, "first"))
        for turn in range(ROUNDS if who == "ours" else 1):
            for number in (1, size):
                began = cpu()
                RUNS[who](number, Path(place, f"{number}-{turn}"))
                taken[number].append(cpu() - began)
    one, whole = (median(taken[number]) for number in (1, size))
    return {"one": one, "whole": whole, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def page(folder: Path) -> dict[str, float]:
    """In a process of its own: CPU seconds of writing the page of a run, and the peak in MB."""
    from selfreward_eval.harness.report.pages import write_run_page

    began = cpu()
    path = write_run_page(folder)
    spent = cpu() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": spent, "peak": peak, "size": path.stat().st_size / 1e6}


def opened(path: Path) -> str:
    """How long a browser takes until the page is loaded, and until a filter has been applied."""
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"), args=["--no-sandbox"]
        )
        shown = browser.new_page(viewport={"width": 1280, "height": 900})
        began = time.perf_counter()
        shown.goto(path.as_uri())
        loaded = time.perf_counter()
        shown.locator("[name=text]").fill("picture 123")
        expect(shown.locator("[data-count]")).to_have_text(re.compile(r"^1?[0-9]{1,2} of"), timeout=60_000)
        filtered = time.perf_counter()
        browser.close()
    return f"{loaded - began:.2f} s to load, {filtered - loaded:.2f} s more to filter"


def in_own_process(*arguments: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, check=True, text=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--part", nargs=2, metavar=("WHAT", "OF"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.part:
        what, of = options.part
        found: dict[str, Any] = page(Path(of)) if what == "page" else measured(what, int(of))
        print(json.dumps(found))
        return
    size = options.samples
    print(f"{size:,} samples{'':17} {'fixed':>9} {'each further':>13} {'peak':>8}")
    for who in RUNS:
        if who != "ours" and (options.no_peers or find_spec(who) is None):
            print(f"{who:32} {'left out' if options.no_peers else 'not installed'}")
            continue
        spent = in_own_process("--part", who, str(size))
        each = (spent["whole"] - spent["one"]) / (size - 1)
        print(
            f"{who:32} {1000 * spent['one']:6.0f} ms {1000 * each:10.3f} ms {spent['peak']:5.0f} MB",
            flush=True,
        )
    with tempfile.TemporaryDirectory() as place:
        ours(size, Path(place))
        (folder,) = Path(place).iterdir()
        spent = in_own_process("--part", "page", str(folder))
        about = f"{spent['peak']:.0f} MB at most, a file of {spent['size']:.1f} MB"
        print(f"its page: {spent['cpu']:.2f} s CPU, {about}")
        if find_spec("playwright") is None:
            print("playwright is not installed: the page is not opened")
            return
        print(f"in a browser: {opened(folder / 'report.html')}")


if __name__ == "__main__":
    main()
