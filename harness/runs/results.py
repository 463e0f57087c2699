"""``results_*.json``: lm-eval's layout, so that its readers work unchanged, and our block beside it."""

from __future__ import annotations

import platform
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from selfreward_eval.harness.records import Manifest
from selfreward_eval.harness.runs.scores import TaskScores
from selfreward_eval.harness.runs.store import sanitise
from selfreward_eval.harness.task import Task

SCHEMA = 1
"""Version of the ``selfreward`` block."""

_PACKAGES = ("selfreward-eval", "torch", "transformers", "numpy", "scipy", "pillow", "open_clip_torch")


def environment() -> dict[str, Any]:
    """What is installed and on what it runs; recorded in the manifest, never compared."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "platform": platform.system(), "packages": versions}


def chip() -> str:
    """The kind of chip that PyTorch computes on, without loading it for a model that does not use it."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return "cpu"
    return str(torch.cuda.get_device_name())


def results_json(
    manifest: Manifest,
    tasks: Sequence[Task],
    scores: Mapping[str, TaskScores],
    call: Mapping[str, Any],
    batch_size: int,
    seconds: float,
) -> dict[str, Any]:
    """The whole file. A score that does not exist is left out, never written as a number."""
    identity = manifest.identity
    model = identity["model"]
    results: dict[str, Any] = {}
    subtasks: dict[str, list[str]] = {}
    counts: dict[str, dict[str, int]] = {}
    versions: dict[str, str] = {}
    higher: dict[str, dict[str, bool]] = {}
    for task in tasks:
        info, score = task.info, scores[task.info.name]
        original = Counter(f"{info.name}_{item.category}" for item in task.items())
        original[info.name] = original.total()
        rows = {info.name: score.overall}
        rows |= {f"{info.name}_{category}": cell for category, cell in score.categories.items()}
        subtasks[info.name] = [name for name in rows if name != info.name]
        for name, cell in rows.items():
            alias = name if name == info.name else name.removeprefix(f"{info.name}_")
            row: dict[str, Any] = {"name": name, "alias": alias, "sample_len": cell.n_expected}
            if cell.value is not None:
                row[f"{score.metric},none"] = cell.value
            if cell.se is not None:
                row[f"{score.metric}_stderr,none"] = cell.se
            results[name] = row
            # Before the limit, and what was scored after it.
            counts[name] = {
                "original": original[name] * info.images_per_item,
                "effective": cell.n_scored,
            }
            versions[name] = info.version
            higher[name] = {score.metric: score.higher_is_better}
    return {
        "results": results,
        "group_subtasks": subtasks,
        "configs": {
            task.info.name: {
                "task": task.info.name,
                "output_type": task.info.capability,
                "repeats": task.info.images_per_item,
                "metadata": {"version": task.info.version, "paper": task.info.paper},
            }
            for task in tasks
        },
        "versions": versions,
        "n-shot": dict.fromkeys(results, 0),
        "higher_is_better": higher,
        "n-samples": counts,
        "config": {
            "model": model.get("adapter", model.get("name")),
            "model_args": call.get("model_args", ""),
            "batch_size": batch_size,
            "device": call.get("device"),
            "limit": identity["limit"],
            "bootstrap_iters": 0,
            "gen_kwargs": model.get("generation", {}),
            "random_seed": identity["seed"],
            "numpy_seed": identity["seed"],
            "torch_seed": identity["seed"],
            "fewshot_seed": identity["seed"],
        },
        "git_hash": None,
        "date": time.time(),
        "task_hashes": {task.info.name: identity["tasks"][task.info.name]["items_sha256"] for task in tasks},
        "model_source": model.get("adapter"),
        "model_name": model.get("name"),
        "model_name_sanitized": sanitise(str(model.get("name"))),
        "total_evaluation_time_seconds": str(round(seconds, 3)),
        "selfreward": {
            "schema": SCHEMA,
            "fingerprint": manifest.fingerprint,
            "manifest": {"created": manifest.created, "environment": manifest.environment},
            "tasks": {name: score.to_json() for name, score in scores.items()},
        },
    }
