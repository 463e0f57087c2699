"""From names to trainers, and which rewarder fits which trainer."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import MissingCapability, UsageError

if TYPE_CHECKING:
    from selfreward_eval.rewarders.base import Rewarder
    from selfreward_eval.trainers.base import Trainer


def build(name: str, **arguments: Any) -> Trainer:
    """The trainer of that registry name (group ``selfreward_eval.trainers``).

    Raises:
        UnknownName: no such trainer.
        UsageError: it does not take these arguments.
    """
    from selfreward_eval.harness.registry import registry

    factory = registry("trainers").load(name)
    for key, default in parameters(factory).items():
        value = arguments.get(key, default)
        if isinstance(default, float) and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise UsageError(f"the parameter {key} of {name!r} is a number, got {value!r}")
    made: Trainer = factory(**arguments)
    return made


def parameters(factory: Any) -> dict[str, Any]:
    """A trainer class's own parameters with their defaults; its settings apart."""
    return {
        name: one.default
        for name, one in signature(factory).parameters.items()
        if one.kind is not Parameter.VAR_KEYWORD
    }


def require_fit(trainer: Trainer, rewarder: Rewarder, model: Any) -> None:
    """Returns if trainer, rewarder and model can work together.

    Raises:
        UsageError: the rewarder gives no map and has no bounded range to make a flat one of, or is better
            where it is lower.
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
    if not rewarder.info.higher_is_better:
        raise UsageError(
            f"the rewarder {rewarder.info.name!r} is better where it is lower, and trainers raise rewards; "
            "put it into a composite with a negative weight"
        )
    needed = ["trainable", "generate_tokens", "drawing_logprobs"]
    needed += ["draw_captions", "caption_logprobs"] if "captioning" in trainer.sides else []
    lacking = [name for name in needed if not callable(getattr(model, name, None))]
    if lacking:
        who = model.identity().get("name", type(model).__name__)
        raise MissingCapability(
            f"the trainer {info.name!r} needs a model that can be trained; {who} cannot (it lacks "
            f"{', '.join(lacking)}). Models of the Janus family can: --model tiny, or --model janus"
        )


def caption_rewarder(rewarder: Rewarder) -> str:
    """Registry name of what rewards captions beside ``rewarder`` for pictures.

    A control stays a control; everything else goes with the dual reward of captions.
    """
    return rewarder.info.name if rewarder.info.kind == "control" else "dsr_understanding"
