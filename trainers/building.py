"""From names to trainers, and which rewarder fits which trainer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import MissingCapability, UsageError
from selfreward_eval.harness.models.training import TrainsDrawing, TrainsFlow, lacking
from selfreward_eval.harness.registry import registry
from selfreward_eval.rewarders.base import Rewarder
from selfreward_eval.rewarders.building import build as build_rewarder
from selfreward_eval.rewarders.building import rewards_itself

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import Trains
    from selfreward_eval.trainers.base import Trainer

RewarderBuilder = Callable[[str | None, "Trains"], Rewarder]
"""(Registry name, or None for the chosen rewarder; adapter) -> rewarder."""


def is_flow(model: object) -> bool:
    """Whether a model is trained by its velocities: it has them, and no likelihoods of pictures."""
    return not lacking(model, TrainsFlow) and bool(lacking(model, TrainsDrawing))


def build(name: str, model: object = None, /, **arguments: Any) -> Trainer:
    """The trainer of that registry name (group ``selfreward_eval.trainers``).

    Args:
        name: in the registry.
        model: what will be trained. For a flow-matching model the method's class for those is taken, where
            there is one.
        arguments: the class's own parameters and settings.

    Raises:
        UnknownName: no such trainer.
        UsageError: it does not take these arguments.
    """
    factory = registry("trainers").load(name)
    if is_flow(model):
        factory = getattr(factory, "for_flow", None) or factory
    for key, default in parameters(factory).items():
        value = arguments.get(key, default)
        if isinstance(default, float) and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise UsageError(f"the parameter {key} of {name!r} is a number, got {value!r}")
    trainer: Trainer = factory(**arguments)
    return trainer


def parameters(factory: Any) -> dict[str, Any]:
    """A trainer class's own parameters with their defaults; its settings apart."""
    return {
        name: parameter.default
        for name, parameter in signature(factory).parameters.items()
        if parameter.kind is not Parameter.VAR_KEYWORD
    }


def require_fit(trainer: Trainer, rewarder: Rewarder, model: Trains) -> None:
    """Returns if trainer, rewarder and model can work together.

    Raises:
        UsageError: the rewarder gives no map and has no bounded range to make a flat one of, or lower is
            better.
        MissingCapability: the model lacks what the trainer needs.
    """
    info = trainer.info
    if info.uses == "map" and not rewarder.info.maps and None in rewarder.info.range:
        raise UsageError(
            f"the trainer {info.name!r} weighs cells by a reward map; the rewarder "
            f"{rewarder.info.name!r} gives none, and its open range makes no flat one either. Use a "
            "rewarder with maps (srum) or a bounded one (vqa, random), or a trainer that takes values "
            "(rejection, dsr_simpo, dsr_grpo)"
        )
    require_higher(rewarder)
    _require_reading(trainer, rewarder)
    refuse_pair(model, f"the trainer {info.name!r}")
    needed = dict.fromkeys(member for side in trainer.sides for member in lacking(model, trainer.needs[side]))
    if needed:
        name = model.identity().get("name", type(model).__name__)
        raise MissingCapability(
            f"the trainer {info.name!r} needs a model that can be trained; {name} cannot (it lacks "
            f"{', '.join(needed)}). {_way_out(trainer)}"
        )


def require_higher(rewarder: Rewarder) -> None:
    """Returns if a higher reward is a better one.

    Raises:
        UsageError: it is the other way round.
    """
    if not rewarder.info.higher_is_better:
        raise UsageError(
            f"the rewarder {rewarder.info.name!r} is better when it is lower, and trainers raise rewards; "
            "put it into a composite with a negative weight"
        )


def _way_out(trainer: Trainer) -> str:
    """Which models can be trained by this class."""
    if trainer.needs["drawing"] is TrainsFlow:
        only = " With captioning=0 no captions are needed." if "captioning" in trainer.sides else ""
        return f"It trains flow-matching models: --model tiny-flow, or --model bagel.{only}"
    return "Models of the Janus family can: --model tiny, or --model janus"


def _require_reading(trainer: Trainer, rewarder: Rewarder) -> None:
    """Returns if the rewarder's maps have the reading that the trainer's preset is defined with."""
    wanted, given = trainer.own.get("reading"), rewarder.reading
    if wanted and given and wanted != given:
        raise UsageError(
            f"the trainer {trainer.info.name!r} is set to maps of the reading {wanted!r}, and the rewarder "
            f"gives {given!r}; add --rewarder-args reading={wanted}, or another preset"
        )


def refuse_pair(model: object, needed_by: str) -> None:
    """Returns if a model is one model.

    Raises:
        MissingCapability: it is two, one that draws and one that judges.
    """
    if getattr(model, "two_models", False):
        raise MissingCapability(
            f"{needed_by} trains one model on its own judgement; --model pair is two, a generator and an "
            "understander, and rewards of one say nothing about the other. Name one model that does both, "
            "such as --model tiny or --model janus; rewarders can use a pair as an external judge"
        )


def default_caption_rewarder(rewarder: Rewarder, model: object = None) -> str:
    """Registry name of what rewards captions beside ``rewarder`` for pictures.

    A control stays a control; everything else goes with the dual reward of captions, which on a
    flow-matching model is a surrogate: there is no likelihood of a picture.
    """
    if rewarder.info.kind == "control":
        return rewarder.info.name
    return "flow_surrogate" if is_flow(model) else "dsr_understanding"


def rewarder_builder(
    rewarder: str | Rewarder, arguments: Mapping[str, Any], option: str = "rewarder_args"
) -> RewarderBuilder:
    """What builds the chosen rewarder, or another by name, for an adapter.

    Args:
        rewarder: registry name, or a rewarder.
        arguments: its constructor's, for a name.
        option: where they were given, for messages.

    Raises:
        UsageError: arguments for an object, or an object that uses the model.
    """
    if not isinstance(rewarder, str):
        if arguments:
            raise UsageError(f"{option} are for a rewarder that is given by name")
        if rewards_itself(rewarder):
            raise UsageError(
                f"the rewarder {rewarder.info.name!r} uses the model, and training builds it anew for "
                "every model; register it, and give its name"
            )

    def built(name: str | None, seen_by: Trains) -> Rewarder:
        if not isinstance(rewarder, str) and name in (None, rewarder.info.name):
            return rewarder
        if name is None or name == rewarder:
            return build_rewarder(str(rewarder), seen_by, **arguments)
        return build_rewarder(name, seen_by)

    return built


def captions_builder(rewarder: str | Rewarder | None, arguments: Mapping[str, Any]) -> RewarderBuilder | None:
    """What builds the chosen rewarder of captions; None where none was chosen.

    Raises:
        UsageError: as :func:`rewarder_builder`, or arguments for none.
    """
    if rewarder is not None:
        return rewarder_builder(rewarder, arguments, "caption_rewarder_args")
    if arguments:
        raise UsageError(
            "caption_rewarder_args (--caption-rewarder-args) without caption_rewarder (--caption-rewarder): "
            "name the rewarder of captions that these arguments are for"
        )
    return None
