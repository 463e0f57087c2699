"""Finds a task of lm-eval by name, file or group, with the seeds that lm-eval's own command sets."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import (
    InputError,
    MissingExtra,
    SelfRewardError,
    UnknownName,
    UsageError,
    did_you_mean,
)

EXAMPLES = Path(__file__).with_name("examples")
"""Our own tasks in lm-eval's format; always on the search path."""

RANDOM_SEED, NUMPY_SEED = 0, 1234
"""Seeds that ``lm_eval`` sets before it loads a task: some tasks shuffle (lm_eval/defaults.py, 0.4.13)."""

KINDS = ("generate_until", "multiple_choice", "loglikelihood")
"""Output types that an adapter can serve; ``loglikelihood_rolling`` is the other."""


@dataclass(frozen=True)
class Aggregate:
    """The aggregate metric of a group.

    Attributes:
        metric: name of the metric.
        filter: name of the filter, or None if the group accepts any.
        weighted: whether tasks are weighted by their size (the mean over documents) or equally.
    """

    metric: str
    filter: str | None
    weighted: bool


@dataclass(frozen=True)
class Loaded:
    """One task, or the tasks of a group.

    Attributes:
        name: lm-eval's name of the task or group.
        tasks: name -> lm-eval's ``Task``, in its order.
        version: of the task or group.
        aggregate: of a group; None for a task.
    """

    name: str
    tasks: Mapping[str, Any]
    version: str
    aggregate: Aggregate | None = None


def load(
    name: str,
    include_path: str | Path | None = None,
    *,
    num_fewshot: int | None = None,
    fewshot_seed: int = 1234,
    gen_kwargs: Mapping[str, Any] | None = None,
    unsafe_code: bool = False,
) -> Loaded:
    """The task or group called ``name``, ready to build its requests.

    Args:
        name: of a task or group of lm-eval, of one below ``include_path``, or a task's YAML file.
        include_path: folder with more YAML files.
        num_fewshot: examples before the question, in place of the task's own number.
        fewshot_seed: of their choice.
        gen_kwargs: changes of the task's ``generation_kwargs``.
        unsafe_code: allow tasks that run code written by the model.

    Raises:
        MissingExtra: lm-eval is not installed.
        UnknownName: no such task; the message offers the nearest ones.
        InputError: it or its data cannot be loaded.
        UsageError: a kind of task that adapters cannot serve, or one that runs the model's code.
    """
    manager = _manager(include_path, name)
    wanted = name
    if name.endswith(".yaml"):
        file = Path(name).expanduser().resolve()
        if not file.is_file():
            raise InputError(f"there is no task file {name}")
        wanted = str(file)
    elif name not in manager.all_tasks:
        hint = did_you_mean(name, manager.all_tasks, "`lm_eval ls tasks` lists them.", most=3)
        raise UnknownName(
            f"lm-eval has no task {name!r}; {hint} For your own give --task-args include_path=FOLDER"
        )
    try:
        with _seeded():
            loaded_by_lm_eval = manager.load([wanted])
    except SelfRewardError:
        raise
    except Exception as error:  # Loading runs the task's own code and asks the network for its data.
        reason = " ".join(str(error).split())
        raise InputError(
            f"lm-eval cannot load {name!r} ({type(error).__name__}: {reason}); mend it or fetch its data"
        ) from error
    for leaf, task in loaded_by_lm_eval["tasks"].items():
        _check(leaf, task, unsafe_code)
        _configure(task, num_fewshot, fewshot_seed, gen_kwargs)
    loaded = _named(name, loaded_by_lm_eval)
    if len({(task.OUTPUT_TYPE, _has_pictures(task)) for task in loaded.tasks.values()}) > 1:
        raise UsageError(
            f"the tasks of lm-eval's group {name!r} are of several kinds; name them one by one: "
            f"{_listed(list(loaded.tasks))}"
        )
    return loaded


def _manager(include_path: str | Path | None, name: str) -> Any:
    """lm-eval's index of tasks: of our and the user's folders if ``name`` is a task there, else of all.

    Indexing lm-eval's own 14,000 tasks takes seconds; only a group of ours could refer to one of them.
    """
    folders = [str(EXAMPLES)]
    if include_path is not None:
        folder = Path(include_path).expanduser()
        if not folder.is_dir():
            raise InputError(f"include_path: there is no folder {include_path}")
        folders.append(str(folder.resolve()))
    try:
        from lm_eval.tasks import TaskManager
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"tasks of lm-eval need the package {error.name!r}, which is not installed; install "
            "selfreward-eval[lm-eval]"
        ) from error
    near = TaskManager(include_path=folders, include_defaults=False)
    return near if name in near.all_subtasks else _whole_index(tuple(folders))


@cache
def _whole_index(folders: tuple[str, ...]) -> Any:
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=list(folders))


@contextmanager
def _seeded() -> Iterator[None]:
    """Sets lm-eval's seeds in the global generators while a task is loaded."""
    import numpy as np

    before, numpy_before = random.getstate(), np.random.get_state()
    random.seed(RANDOM_SEED)
    np.random.seed(NUMPY_SEED)
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpy_before)


def _check(leaf: str, task: Any, unsafe_code: bool) -> None:
    if task.OUTPUT_TYPE not in KINDS:
        raise UsageError(
            f"lm-eval's task {leaf!r} is of the kind {task.OUTPUT_TYPE}, which no adapter serves; served are "
            f"{', '.join(KINDS)}"
        )
    if getattr(task, "UNSAFE_CODE", False) and not unsafe_code:
        raise UsageError(
            f"lm-eval's task {leaf!r} runs code that the model writes; if you want that here, give "
            "--task-args unsafe_code=true"
        )


def _configure(
    task: Any, num_fewshot: int | None, fewshot_seed: int, gen_kwargs: Mapping[str, Any] | None
) -> None:
    """As ``lm_eval.simple_evaluate`` does; a task that is fixed at 0 examples keeps 0."""
    if gen_kwargs and task.OUTPUT_TYPE == "generate_until":
        task.set_config(key="generation_kwargs", value=dict(gen_kwargs), update=True)
    own = task.get_config("num_fewshot")
    if num_fewshot is not None and own != 0:
        task.set_config(key="num_fewshot", value=num_fewshot)
    elif own is None:
        task.set_config(key="num_fewshot", value=0)
    task.set_fewshot_seed(seed=fewshot_seed)


def _named(name: str, loaded_by_lm_eval: Mapping[str, Any]) -> Loaded:
    tasks, groups = dict(loaded_by_lm_eval["tasks"]), loaded_by_lm_eval["groups"]
    group = groups.get(name) or (next(iter(groups.values())) if groups else None)
    if group is None and len(tasks) == 1:
        ((leaf, task),) = tasks.items()
        return Loaded(leaf, tasks, str(task.VERSION))
    if group is None or not group.has_aggregation:
        raise UsageError(
            f"{name!r} stands for {len(tasks)} tasks of lm-eval without a number of their own; name them one "
            f"by one: {_listed(list(tasks))}"
        )
    aggregation = group.aggregate_metric_list[0]
    filters: Sequence[str] = aggregation.filter_list or ()
    aggregate = Aggregate(
        aggregation.metric, filters[0] if filters else None, bool(aggregation.weight_by_size)
    )
    return Loaded(group.name, tasks, group.version, aggregate)


def _has_pictures(task: Any) -> bool:
    return bool(getattr(task, "MULTIMODAL", False))


def _listed(names: Sequence[str]) -> str:
    return ",".join(f"lm_eval:{name}" for name in names[:3]) + (",..." if len(names) > 3 else "")
