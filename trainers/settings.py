"""What every trainer can be told about sampling and optimisation, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from selfreward_eval.harness.errors import UsageError

SCHEDULES = ("constant", "cosine")
PRECISIONS = ("no", "bf16", "fp16")
YOUNGER = ("eps", "only")
"""Settings that earlier training runs did not have; they all had the defaults."""

COUNTS = (
    "prompts",
    "pictures",
    "candidates",
    "rounds",
    "steps",
    "batch_size",
    "accumulation",
    "save_every",
)


@dataclass(frozen=True)
class Settings:
    """How candidates are drawn and weights are moved.

    Attributes:
        prompts: prompts to draw for, a round.
        pictures: pictures to caption, a round; for trainers that learn captioning.
        candidates: pictures per prompt, captions per picture.
        rounds: how often candidates are drawn anew; 1 trains offline.
        steps: optimiser steps a round.
        batch_size: examples a step, on each side; over all processes and accumulated parts together.
        learning_rate: AdamW's highest.
        warmup: steps of linear warm-up.
        schedule: ``constant`` after the warm-up, or ``cosine`` down to a tenth.
        weight_decay: AdamW's.
        beta1: AdamW's first, of the mean gradient.
        beta2: AdamW's second, of the mean square.
        eps: what AdamW adds to the root of the mean square.
        clip: greatest gradient norm.
        ema: decay of the averaged weights that are kept in the end; 0 keeps the last ones.
        accumulation: parts into which a step's batch is cut to save memory.
        precision: ``no`` (float32), ``bf16`` or ``fp16``, of the forward passes.
        lora_rank: rank of low-rank adapters on the language model's linear layers; 0 trains all weights
            but those of picture codec and understanding encoder.
        only: text that the names of trained weights, or of layers with adapters, have to contain, such as
            ``moe_gen`` for the half of a BAGEL model that draws; empty for all. Adapters of a BAGEL model
            go on the half that draws when it is empty; ``layers`` puts them on both.
        lora_alpha: their scale, divided by the rank.
        checkpointing: recompute activations in the backward pass to save memory.
        guidance: of the candidates' drawing, and of the distribution whose likelihood is trained; 0 takes
            the model's own scale, so that what is evaluated is trained. Other than at 1 the conditional and
            the unconditional logits learn together, at twice the cost.
        temperature: of the candidates' drawing and captioning.
        save_every: steps between two checkpoints.
        seed: of prompts, candidates, batches and new weights.
    """

    prompts: int = 512
    pictures: int = 128
    candidates: int = 8
    rounds: int = 1
    steps: int = 200
    batch_size: int = 32
    learning_rate: float = 5e-4
    warmup: int = 20
    schedule: str = "cosine"
    weight_decay: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.95
    clip: float = 1.0
    ema: float = 0.0
    accumulation: int = 1
    precision: str = "bf16"
    lora_rank: int = 0
    lora_alpha: float = 16.0
    checkpointing: bool = False
    guidance: float = 0.0
    temperature: float = 1.0
    save_every: int = 50
    seed: int = 0
    eps: float = 1e-8
    only: str = ""

    def __post_init__(self) -> None:
        for name in COUNTS:
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.learning_rate > 0 or not self.clip > 0 or not self.temperature > 0:
            raise UsageError("learning_rate, clip and temperature must be above 0")
        if not self.guidance >= 0:
            raise UsageError(f"guidance must be above 0, or 0 for the model's own, got {self.guidance}")
        if not 0 <= self.ema < 1:
            raise UsageError(f"ema must be at least 0 and below 1, got {self.ema}")
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1) or self.weight_decay < 0:
            raise UsageError("beta1 and beta2 must be at least 0 and below 1, and weight_decay 0 or more")
        if not self.eps > 0:
            raise UsageError(f"eps must be above 0, got {self.eps}")
        if self.lora_rank and not self.lora_alpha > 0:
            raise UsageError(f"lora_alpha must be above 0, got {self.lora_alpha}: it scales what is trained")
        if self.warmup < 0 or self.lora_rank < 0:
            raise UsageError("warmup and lora_rank must be 0 or more")
        for name, known in (("schedule", SCHEDULES), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise UsageError(f"unknown {name} {getattr(self, name)!r}; known: {', '.join(known)}")

    def to_json(self) -> dict[str, Any]:
        """JSON values. Settings younger than recorded training runs are left out at their defaults."""
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in YOUNGER or value != getattr(type(self), name)
        }

    @property
    def total_steps(self) -> int:
        """Optimiser steps of all rounds."""
        return self.rounds * self.steps

    def changed(self, trainer: str, given: Mapping[str, Any], own: Mapping[str, Any]) -> Settings:
        """These with ``given`` in place; ``own`` are the trainer's own parameters, for the message.

        Raises:
            UsageError: a name that is none, or a value of another type.
        """
        known = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        for name, value in given.items():
            if name not in known:
                raise UsageError(
                    f"the trainer {trainer!r} has no setting {name!r}; known: {', '.join([*own, *known])}"
                )
            wanted = (int, float) if known[name] is float else (known[name],)
            if not isinstance(value, wanted) or (isinstance(value, bool) and known[name] is not bool):
                raise UsageError(
                    f"the setting {name} of {trainer!r} is a {known[name].__name__}, got {value!r}"
                )
        cast: dict[str, Any] = {
            name: float(value) if known[name] is float else value for name, value in given.items()
        }
        return replace(self, **cast)

    def rate(self, step: int) -> float:
        """The learning rate of ``step`` (from 0)."""
        from math import cos, pi

        warm = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        if self.schedule == "constant":
            return self.learning_rate * warm
        return self.learning_rate * warm * (0.1 + 0.45 * (1 + cos(pi * step / self.total_steps)))
