"""Instruments by name: what tasks and rewarders build theirs with.

>>> build("mask2former", {"batch_size": 4})  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from selfreward_eval.harness.errors import CheckpointError, InputError
from selfreward_eval.harness.registry import construct, registry


def build(name: str, arguments: Mapping[str, Any] | None = None) -> Any:
    """The instrument registered as ``name``; it loads its weights when it is first used.

    Args:
        name: of an entry point in ``selfreward_eval.instruments``.
        arguments: of its constructor.

    Raises:
        UnknownName: no such instrument.
        MissingExtra: it needs a package that is not installed.
        UsageError: it does not take these arguments.
    """
    factory = registry("instruments").load(name)
    return construct(factory, dict(arguments or {}), f"instrument {name!r}", "its constructor")


WEIGHTS_OPTIONS = ("weights", "pretrained")
"""What instruments call the argument that says where their weights are."""


def identities(task: str, instruments: Mapping[str, Callable[[], Any]]) -> dict[str, dict[str, Any]]:
    """The identity of every instrument of a task; all that cannot be had are named together.

    Args:
        task: its name.
        instruments: role -> what builds or gives the instrument. The task takes its arguments as
            ``ROLE_args``.

    Raises:
        CheckpointError: weights of one or more are not on this machine; the message has every option that
            would name them.
        SelfRewardError: whatever else one raises.
    """
    found: dict[str, dict[str, Any]] = {}
    lacking: list[str] = []
    for role, get in instruments.items():
        instrument = get()
        try:
            found[role] = dict(instrument.identity())
        except InputError as error:
            taken = signature(type(instrument)).parameters
            named = next((option for option in WEIGHTS_OPTIONS if option in taken), None)
            option = f"{task}.{role}_args.{named}" if named else f"{task}.{role}_args"
            lacking.append(f"{option}: {error}")
    if lacking:
        options = " and ".join(line.partition(": ")[0] for line in lacking)
        raise CheckpointError(
            f"task {task!r} cannot measure without weights; name them by --task-args {options}. "
            + "; ".join(lacking)
        )
    return found
