"""What a run still lacks on this machine, found without downloading anything."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.data import state
from selfreward_eval.harness.errors import CheckpointError, MissingExtra, SelfRewardError

if TYPE_CHECKING:
    from selfreward_eval.harness.instruments.backends.openai_endpoint import Endpoint
    from selfreward_eval.harness.task import Task

__all__ = ["Missing", "endpoints", "missing_for_model", "missing_for_task", "offline", "roles"]


@dataclass(frozen=True)
class Missing:
    """Something that a run needs and that is not here.

    Attributes:
        kind: ``data``, ``weights``, ``key``, ``package``, ``folder``, or ``other``.
        needed_by: the model or task, and what of it.
        what: is missing, or why it cannot be used.
        option: how to get it, or to name another.
    """

    kind: str
    needed_by: str
    what: str
    option: str


@contextmanager
def offline() -> Iterator[None]:
    """Inside, the hub's library takes what is in its cache and asks no server."""
    name = "HF_HUB_OFFLINE"
    before = os.environ.get(name)
    constants = sys.modules.get("huggingface_hub.constants")
    was = getattr(constants, name, False)
    os.environ[name] = "1"
    if constants is not None:
        setattr(constants, name, True)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
        # Imported inside: it took the value of the environment, which is no longer the same.
        constants = constants or sys.modules.get("huggingface_hub.constants")
        if constants is not None:
            setattr(constants, name, was or (before or "").upper() in {"1", "ON", "YES", "TRUE"})


def missing_for_model(model: Any, name: str) -> list[Missing]:
    """What the model lacks: weights, packages, the key of a server."""
    needed_by = f"the model {name}"
    found = _tried(model.identity, needed_by, "--model-args weights=FOLDER, or connect once to download them")
    return [*found, *_keys(model, needed_by, "--model-args api_key_env=NAME")]


def missing_for_task(task: Task) -> list[Missing]:
    """What the task lacks: official files, the weights of its instruments, packages, a judge's key."""
    name = task.info.name
    found = []
    for one in map(state, getattr(task, "data_files", ())):
        if one.status != "ok":
            wrong = "is not on this machine" if one.status == "missing" else f"is another file at {one.path}"
            way_out = f"selfreward-eval data fetch {one.file.task}, or SELFREWARD_DATA=FOLDER"
            found.append(
                Missing("data", f"the task {name}", f"the official file {one.file.path} {wrong}", way_out)
            )
    instruments = roles(task)
    for role in instruments:
        needed_by = f"the {role} of the task {name}"
        made: list[Any] = []

        def identity(role: str = role, made: list[Any] = made) -> None:
            made.append(getattr(task, role))
            made[0].identity()

        lacking = _tried(identity, needed_by, "")
        where = f"--task-args {name}.{role}_args.{_argument(made)}=FOLDER, or connect once to download them"
        found += [replace(one, option=one.option or where) for one in lacking]
        if made:
            found += _keys(made[0], needed_by, f"--task-args {name}.{role}_args.api_key_env=NAME")
    if not instruments:
        found += _tried(task.instruments, f"the task {name}", "--task-args")
    return found


def roles(task: Any) -> list[str]:
    """Names of the instruments that a task builds when it needs them: ``judge``, ``detector``, ..."""
    arguments = inspect.signature(type(task)).parameters
    return [
        name
        for name in dir(type(task))
        if isinstance(inspect.getattr_static(type(task), name), cached_property)
        and f"{name}_args" in arguments
    ]


def _argument(made: Sequence[Any]) -> str:
    """The argument that names an instrument's weights."""
    known = inspect.signature(type(made[0])).parameters if made else ()
    return next((name for name in ("weights", "pretrained", "checkpoint") if name in known), "weights")


def endpoints(thing: Any) -> list[Endpoint]:
    """The servers that an instrument or model asks, its parts' included."""
    from selfreward_eval.harness.instruments.backends.openai_endpoint import Endpoint

    api = getattr(thing, "api", None)
    members = getattr(thing, "members", None)
    parts = [*(members.values() if isinstance(members, Mapping) else ()), getattr(thing, "judge", None)]
    inner = [endpoint for part in parts if part is not None for endpoint in endpoints(part)]
    return [*([api] if isinstance(api, Endpoint) else []), *inner]


def _keys(thing: Any, needed_by: str, option: str) -> list[Missing]:
    found = []
    for endpoint in endpoints(thing):
        try:
            endpoint.key()
        except SelfRewardError as error:
            found.append(Missing("key", needed_by, str(error), f"{endpoint.key_variable}=..., {option}"))
    return found


def _tried(call: Callable[[], Any], needed_by: str, option: str) -> Sequence[Missing]:
    """What ``call`` fails for, as a list of at most one."""
    try:
        call()
    except CheckpointError as error:
        # What follows in brackets is the hub's library, which says at length that it was told to be offline.
        return [Missing("weights", needed_by, str(error).partition(" (")[0], option)]
    except MissingExtra as error:
        return [Missing("package", needed_by, str(error), "pip install what it names")]
    except SelfRewardError as error:
        return [Missing("other", needed_by, str(error), option.partition(" ")[0])]
    return []
