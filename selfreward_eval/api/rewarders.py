"""Rewarders for a run's pictures or a folder's, and the model that rewards itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from selfreward_eval.api.arguments import parse
from selfreward_eval.api.objects import build_model
from selfreward_eval.harness.errors import InputError, SelfRewardError, UsageError
from selfreward_eval.harness.registry import construct, registry
from selfreward_eval.rewarders.building import rewards_itself

if TYPE_CHECKING:
    from selfreward_eval.harness.models.base import Model
    from selfreward_eval.harness.runs.reader import Run
    from selfreward_eval.rewarders.base import Rewarder

__all__ = ["Choice", "RewarderFactory", "model_of", "named"]

MODEL_ARGS = "--model-args"

OF_PROMPTS: Mapping[str, Mapping[str, Any]] = {"dsr_understanding": {"caption": "prompt"}}
"""Pictures of a run have no captions: what rewards captions is given the prompt, and says so."""


@dataclass(frozen=True)
class Choice:
    """A rewarder that was asked for.

    Attributes:
        label: what it is called in tables and file names.
        name: registry name.
        arguments: its constructor's, as given.
    """

    label: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


class RewarderFactory:
    """Builds rewarders for a run's pictures, or for a folder's.

    Args:
        run: whose pictures are rewarded; its own model rewards itself unless another is named.
        tasks: whose pictures they are; they name the pictures' world.
        model: another model: its registry name, or an adapter.
        model_args: its constructor's arguments, for a name.
        timeout: seconds that a picture may take.
        world: of the pictures; it follows from tasks and model by default.
    """

    def __init__(
        self,
        run: Run | None,
        tasks: Sequence[str] = (),
        model: str | Model | None = None,
        model_args: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        world: str | None = None,
    ) -> None:
        if model_args and model is None:
            raise UsageError(f"{MODEL_ARGS} is for a model that is named by --model")
        if timeout is not None and timeout <= 0:
            raise UsageError(f"--timeout must be above 0 seconds, got {timeout:g}")
        self.run, self.tasks, self.timeout = run, list(tasks), timeout
        self._given, self._args, self._world = model, model_args, world
        self._checked = False

    @cached_property
    def model(self) -> Any:
        """The adapter, or None where there is none."""
        if self._given is not None:
            return build_model(self._given, self._args, MODEL_ARGS)
        return None if self.run is None else own_model(self.run)

    @cached_property
    def world(self) -> str:
        """The one that was given; else the tasks', and the model's where no task is registered.

        Raises:
            UsageError: a world that is not known, or tasks of different worlds.
        """
        from selfreward_eval.rewarders.defaults import DEFAULTS, world_of

        if self._world is not None:
            if self._world not in DEFAULTS:
                raise UsageError(f"the world {self._world!r} is not known; known: {', '.join(DEFAULTS)}")
            return self._world
        known = registry("tasks")
        # A task that was given as an object from Python has no entry to ask.
        worlds = {name: world_of(known.load(name)) for name in self.tasks if name in known.names()}
        if len(set(worlds.values())) > 1:
            listed = ", ".join(f"{name} of {world}" for name, world in worlds.items())
            raise UsageError(f"the run's tasks are of different worlds ({listed}); choose some by --tasks")
        return next(iter(worlds.values())) if worlds else world_of(self.model)

    def build(self, choice: Choice) -> Rewarder:
        """The rewarder of a choice, with its model checked against the run where it uses one.

        Raises:
            SelfRewardError: it cannot be built, or the model is no longer the run's.
        """
        from selfreward_eval.rewarders.building import build, takes_model

        factory = registry("rewarders").load(choice.name)
        model = self.model if takes_model(factory) else None
        arguments = {**OF_PROMPTS.get(choice.name, {}), **choice.arguments}
        made = build(choice.name, model, world=self.world, **arguments)
        made.timeout = self.timeout
        if rewards_itself(made):
            self._check()
        return made

    def recipe(self, choice: Choice) -> Callable[[], Rewarder]:
        """What makes the rewarder of a choice anew in another process, where there is no run to read."""
        model, arguments = self._given, self._args
        if model is None and self.run is not None:
            model, arguments = _called(self.run)
        return partial(_anew, model, arguments, self.timeout, self.world, choice)

    def described(self, rewarders: Sequence[Rewarder]) -> str:
        """Which model rewards itself, for a reader; empty if none does."""
        if not any(map(rewards_itself, rewarders)):
            return ""
        whose = "the run's own" if self._given is None else "named by --model"
        judged = (
            ", two models: the one that judges is external"
            if getattr(self.model, "two_models", False)
            else ""
        )
        return named(self.model, whose + judged)

    def _check(self) -> None:
        """The run's own model must still be the one that drew its pictures."""
        if self.run is None or self._given is not None or self._checked:
            return
        recorded, now = self.run.manifest.identity["model"], self.model.identity()
        for part in ("adapter", "weights", "revision"):
            if recorded.get(part) != now.get(part):
                raise InputError(
                    f"the run's model is no longer there: its {part} was {recorded.get(part)!r} and is "
                    f"{now.get(part)!r} now; restore it, or name the model that rewards by --model"
                )
        self._checked = True


def named(model: Model, whose: str) -> str:
    """A model for a reader: its name, its revision if it has one, and whose it is."""
    identity = model.identity()
    revision = f" ({identity['revision']})" if identity.get("revision") else ""
    return f"{identity.get('name', 'unnamed model')}{revision}, {whose}"


def model_of(rewarder: Rewarder) -> Model | None:
    """The model that a rewarder, or the first of its parts that has one, was built with."""
    model: Model | None = getattr(rewarder, "model", None)
    return model or next(filter(None, map(model_of, rewarder.parts.values())), None)


def own_model(run: Run) -> Any:
    """The adapter that the run was made with, or None where its pictures were made elsewhere.

    Raises:
        InputError: it cannot be built from what the run says.
    """
    try:
        adapter, arguments = _called(run)
        if adapter is None:
            return None
        return construct(registry("models").load(adapter), arguments, f"model {adapter!r}", MODEL_ARGS)
    except SelfRewardError as error:
        recorded = run.results.get("config", {}).get("model_args", "")
        called = f"{run.manifest.identity['model'].get('adapter')} {recorded}".strip()
        raise InputError(
            f"the model of the run in {run.folder} ({called}) cannot be built again: {error}. Name the model "
            "that rewards by --model"
        ) from error


def _called(run: Run) -> tuple[str | None, dict[str, Any]]:
    """Adapter and arguments that the run was made with; no adapter where its pictures were made elsewhere."""
    adapter = run.manifest.identity["model"].get("adapter")
    if adapter == "folder":
        return None, {}
    return str(adapter), dict(parse(str(run.results.get("config", {}).get("model_args", "")), MODEL_ARGS))


def _anew(
    model: str | Model | None,
    arguments: Mapping[str, Any] | None,
    timeout: float | None,
    world: str,
    choice: Choice,
) -> Rewarder:
    return RewarderFactory(None, (), model, arguments, timeout, world).build(choice)
