"""What ``reward`` and ``reward-audit`` share: rewarders from text, and the model that rewards itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError, SelfRewardError, UsageError

if TYPE_CHECKING:
    from selfreward_eval.harness.runs.reader import Run
    from selfreward_eval.rewarders.base import Rewarder

REWARDER, REWARDER_ARGS, MODEL_ARGS = "--rewarder", "--rewarder-args", "--model-args"

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


def one_choice(text: str) -> Choice:
    """``"srum,reading=paper"`` as a choice.

    Raises:
        UsageError: no name, or arguments that are not key=value.
    """
    from selfreward_eval.cli.arguments import parse

    name, _, rest = text.partition(",")
    if not name.strip() or "=" in name:
        raise UsageError(f"{REWARDER} {text!r} names no rewarder; write {REWARDER} NAME,key=value")
    return Choice(name.strip(), name.strip(), parse(rest, REWARDER))


def several_choices(text: str, arguments: str) -> list[Choice]:
    """``"srum,strict=srum"`` with ``"strict.parser=released"`` as choices; ``label=name`` names one twice.

    Raises:
        UsageError: a label that comes twice, or arguments for one that is not there.
    """
    from selfreward_eval.cli.arguments import parse

    given = parse(arguments, REWARDER_ARGS)
    named: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        label, _, name = part.partition("=")
        if label in named:
            raise UsageError(f"--rewarders: {label!r} comes twice; write another_label={name or label}")
        named[label.strip()] = (name or label).strip()
    for label, value in given.items():
        if named and label not in named:
            known = ", ".join(named)
            raise UsageError(f"{REWARDER_ARGS}: {label!r} is none of the rewarders ({known})")
        if not isinstance(value, Mapping):
            raise UsageError(f"{REWARDER_ARGS}: write {label}.key=value, got {label}={value}")
    return [Choice(label, name, given.get(label, {})) for label, name in named.items()]


class RewarderFactory:
    """Builds rewarders for a run's pictures, or for a folder's.

    Args:
        run: whose pictures are rewarded; its own model rewards itself unless another is named.
        tasks: whose pictures they are; they name the pictures' world.
        model: registry name of another model.
        model_args: its arguments.
        timeout: seconds that a picture may take.
    """

    def __init__(
        self,
        run: Run | None,
        tasks: Sequence[str] = (),
        model: str | None = None,
        model_args: str = "",
        timeout: float | None = None,
    ) -> None:
        if model_args and model is None:
            raise UsageError(f"{MODEL_ARGS} is for a model that is named by --model")
        if timeout is not None and timeout <= 0:
            raise UsageError(f"--timeout must be above 0 seconds, got {timeout:g}")
        self.run, self.tasks, self.timeout = run, list(tasks), timeout
        self._named, self._args = model, model_args
        self._checked = False

    @cached_property
    def model(self) -> Any:
        """The adapter, or None where there is none."""
        from selfreward_eval.cli.arguments import construct, parse
        from selfreward_eval.harness.registry import registry

        if self._named is not None:
            arguments = parse(self._args, MODEL_ARGS)
            return construct(
                registry("models").load(self._named), arguments, f"model {self._named!r}", MODEL_ARGS
            )
        return None if self.run is None else own_model(self.run)

    @cached_property
    def world(self) -> str:
        """The tasks' world; the model's where there is no task.

        Raises:
            UsageError: the tasks are of different worlds.
        """
        from selfreward_eval.harness.registry import registry
        from selfreward_eval.rewarders.defaults import world_of

        worlds = {name: world_of(registry("tasks").load(name)) for name in self.tasks}
        if len(set(worlds.values())) > 1:
            listed = ", ".join(f"{name} of {world}" for name, world in worlds.items())
            raise UsageError(f"the run's tasks are of different worlds ({listed}); choose some by --tasks")
        return next(iter(worlds.values())) if worlds else world_of(self.model)

    def build(self, choice: Choice) -> Rewarder:
        """The rewarder of a choice, with its model checked against the run where it uses one.

        Raises:
            SelfRewardError: it cannot be built, or the model is no longer the run's.
        """
        from selfreward_eval.harness.registry import registry
        from selfreward_eval.rewarders.building import build, takes_model

        factory = registry("rewarders").load(choice.name)
        model = self.model if takes_model(factory) else None
        arguments = {**OF_PROMPTS.get(choice.name, {}), **choice.arguments}
        rewarder = build(choice.name, model, world=self.world, **arguments)
        rewarder.timeout = self.timeout
        if rewards_itself(rewarder):
            self._check()
        return rewarder

    def described(self, rewarders: Sequence[Rewarder]) -> str:
        """Which model rewards itself, for a reader; empty if none does."""
        if not any(map(rewards_itself, rewarders)):
            return ""
        identity = self.model.identity()
        whose = "the run's own" if self._named is None else "named by --model"
        revision = f" ({identity['revision']})" if identity.get("revision") else ""
        return f"{identity.get('name', 'unnamed model')}{revision}, {whose}"

    def _check(self) -> None:
        """The run's own model must still be the one that drew its pictures."""
        if self.run is None or self._named is not None or self._checked:
            return
        recorded, now = self.run.manifest.identity["model"], self.model.identity()
        for part in ("adapter", "weights", "revision"):
            if recorded.get(part) != now.get(part):
                raise InputError(
                    f"the run's model is no longer there: its {part} was {recorded.get(part)!r} and is "
                    f"{now.get(part)!r} now; restore it, or name the model that rewards by --model"
                )
        self._checked = True


def rewards_itself(rewarder: Rewarder) -> bool:
    """Whether a rewarder, or a part of it, uses the model."""
    return rewarder.info.kind == "self" or any(map(rewards_itself, rewarder.parts.values()))


def own_model(run: Run) -> Any:
    """The adapter that the run was made with, or None where its pictures were made elsewhere.

    Raises:
        InputError: it cannot be built from what the run says.
    """
    from selfreward_eval.cli.arguments import construct, parse
    from selfreward_eval.harness.registry import registry

    adapter = run.manifest.identity["model"].get("adapter")
    if adapter == "folder":
        return None
    arguments = str(run.results.get("config", {}).get("model_args", ""))
    try:
        factory = registry("models").load(str(adapter))
        return construct(factory, parse(arguments, MODEL_ARGS), f"model {adapter!r}", MODEL_ARGS)
    except SelfRewardError as error:
        called = f"{adapter} {arguments}".strip()
        raise InputError(
            f"the model of the run in {run.folder} ({called}) cannot be built again: {error}. Name the model "
            "that rewards by --model"
        ) from error
