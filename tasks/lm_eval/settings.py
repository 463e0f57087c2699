"""The settings of an lm-eval task that are part of a run's identity.

Functions enter by their source code, not by their location. The location of the
data does not enter, because the items contain the data itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from selfreward_eval.harness.records import fingerprint
from selfreward_eval.tasks.lm_eval.documents import plain

ELSEWHERE = (
    "custom_dataset",
    "dataset_kwargs",
    "dataset_name",
    "dataset_path",
    "metadata",
    "tag",
    "task_alias",
)
"""Settings that affect no number, or affect it through the items only."""


def settings(tasks: Mapping[str, Any]) -> dict[str, Any]:
    """JSON values: lm-eval's version, examples before the question, generation, and a hash per task."""
    from lm_eval import __version__

    first = next(iter(tasks.values()))
    return {
        "lm_eval": __version__,
        "num_fewshot": {name: task.get_config("num_fewshot") for name, task in tasks.items()},
        "generation": plain(first.get_config("generation_kwargs") or {}),
        "config_sha256": {name: config_hash(task) for name, task in tasks.items()},
    }


def config_hash(task: Any) -> str:
    """sha256 over a task's configuration; equal for one task on two machines."""
    config = task.config.to_dict(keep_callable=True)
    return fingerprint(plain(_sourced({key: value for key, value in config.items() if key not in ELSEWHERE})))


def _sourced(value: Any) -> Any:
    """``value`` with every function replaced by its source."""
    if isinstance(value, Mapping):
        return {key: _sourced(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_sourced(entry) for entry in value]
    return _source(value) if callable(value) else value


def _source(function: Any) -> str:
    import inspect

    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return str(getattr(function, "__qualname__", type(function).__qualname__))
