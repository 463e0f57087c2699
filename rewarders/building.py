"""From names to objects: rewarders by their registry name, instruments by theirs.

>>> from selfreward_eval.rewarders.building import build
>>> build("random", seed=3).identity()["seed"]  # doctest: +SKIP
3
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import MissingCapability, UsageError
from selfreward_eval.harness.instruments.build import build as build_instrument
from selfreward_eval.harness.models.base import require
from selfreward_eval.harness.registry import construct, registry
from selfreward_eval.rewarders.defaults import default_arguments, world_of

if TYPE_CHECKING:
    from selfreward_eval.harness.models.base import Model
    from selfreward_eval.rewarders.base import Rewarder


def build(name: str, model: Model | None = None, *, world: str | None = None, **arguments: Any) -> Rewarder:
    """The rewarder of that registry name.

    Arguments that are not given follow from the pictures' world, see
    :mod:`selfreward_eval.rewarders.defaults`.

    Args:
        name: in the group ``selfreward_eval.rewarders``.
        model: the adapter that rewards itself; given to rewarders that take one.
        world: of the pictures; the model's by default.
        arguments: its constructor's others.

    Raises:
        UnknownName: no such rewarder.
        UsageError: it does not take these arguments.
    """
    factory = registry("rewarders").load(name)
    world = world_of(model) if world is None else world
    arguments = {**default_arguments(name, world), **arguments}
    if "world" in signature(factory).parameters:
        arguments = {"world": world, **arguments}
    if model is not None and takes_model(factory):
        arguments = {"model": model, **arguments}
    rewarder: Rewarder = construct(factory, arguments, f"rewarder {name!r}", "its constructor")
    if rewarder.info.kind == "self" and getattr(model, "two_models", False):
        rewarder.judge = model
        rewarder.info = replace(rewarder.info, kind="external")
    return rewarder


def takes_model(factory: Callable[..., Any]) -> bool:
    """Whether a rewarder's class has a ``model`` argument."""
    return "model" in signature(factory).parameters


def rewards_itself(rewarder: Rewarder) -> bool:
    """Whether a rewarder, or a part of it, uses the model."""
    used = rewarder.info.kind == "self" or rewarder.judge is not None
    return used or any(map(rewards_itself, rewarder.parts.values()))


def instrument(given: Any, arguments: Mapping[str, Any] | None, method: str, role: str) -> Any:
    """An instrument: ``given`` itself, or the one of that registry name.

    Args:
        given: an instrument, or a name.
        arguments: the constructor's, for a name.
        method: what it must be able to do.
        role: what it is needed as, for messages.

    Raises:
        UnknownName: no such instrument.
        UsageError: it does not take these arguments, or cannot do what is needed.
    """
    if isinstance(given, str):
        candidate = build_instrument(given, arguments)
    else:
        candidate = given
        if arguments:
            raise UsageError(f"{role}: arguments {dict(arguments)} are for an instrument given by name")
    if not callable(getattr(candidate, method, None)):
        shown = given if isinstance(given, str) else type(candidate).__name__
        raise UsageError(f"{shown} cannot be the {role}: it has no {method!r}; name another instrument")
    return candidate


def needs_model(model: Model | None, rewarder: str, capability: str) -> Any:
    """``model``, if there is one that has ``capability``.

    Raises:
        MissingCapability: there is none, or it has not.
    """
    if model is None:
        raise MissingCapability(
            f"the rewarder {rewarder!r} needs the model that rewards itself, and none was given; "
            "name one by --model"
        )
    return require(model, capability, f"the rewarder {rewarder!r}")
