"""What training a flow-matching model takes, worked out from its configuration files alone.

The loss's forward and backward passes run on the meta device, where nothing is allocated
(:mod:`selfreward_eval.harness.models.metering`); weights, gradients and moments are counted. One process
holds everything. Several of them share weights, gradients, moments and averages out
(:mod:`selfreward_eval.trainers.sharding`), and each gathers two layers at a time, and what is in no layer.

Not in the numbers: the device's own context, fragmentation, and what the rewarder holds while it scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from selfreward_eval.harness.models.metering import Measured, autocasting, measuring
from selfreward_eval.trainers.recomputing import layers_of, recomputing
from selfreward_eval.trainers.trainable_weights import TrainableWeights

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import Shapes
    from selfreward_eval.trainers.settings import Settings

__all__ = ["PROCESSES", "Foreseen", "foresee", "step_on_meta"]

PROCESSES = (1, 2, 4, 8)
PROMPT_TOKENS = 34
"""Of a prompt, markers included."""

ENCODED_TOGETHER = 8
FEW = (3, 5)
"""Layers of the networks that a deep one's step is worked out from."""

FLOAT = 4
"""Bytes of a weight, a gradient, a moment and an average: masters are float32 in every precision."""


@dataclass(frozen=True)
class Foreseen:
    """One optimiser step on one of ``processes`` devices. All ``*_bytes`` are of one device.

    Attributes:
        processes: over which everything is sharded; 1 is unsharded.
        checkpointing: whether layers are computed again in the backward pass.
        parameters: of the network.
        trained: of them, or of the adapters.
        rows: pictures in one forward pass.
        weights_bytes: float32 weights, and what lies beside the network.
        moments_bytes: AdamW's two.
        average_bytes: of the exponential moving average; 0 without one.
        gradients_bytes: of all trained weights.
        gathered_bytes: of weights and gradients that a sharded process holds whole for a while.
        activations_bytes: most that the two passes hold beside weights and their gradients.
        peak_bytes: most at once.
        flops: of all devices together, a whole step; a multiplication and an addition count 2.
    """

    processes: int
    checkpointing: bool
    parameters: int
    trained: int
    rows: int
    weights_bytes: int
    moments_bytes: int
    average_bytes: int
    gradients_bytes: int
    gathered_bytes: int
    activations_bytes: int
    peak_bytes: int
    flops: int


def foresee(
    shapes: Shapes, settings: Settings, *, processes: Sequence[int] = PROCESSES, encodes: bool = True
) -> list[Foreseen]:
    """One entry for each number of processes that the batch divides into, without and with checkpointing.

    Args:
        shapes: of the model; adapters are put on and taken off again.
        settings: batch, accumulation, precision, LoRA, EMA and what is trained are read.
        processes: numbers of devices.
        encodes: whether pictures are encoded anew at every step.
    """
    weights = TrainableWeights(shapes, settings, restores=False)
    try:
        parts = [settings.accumulation * count for count in processes]
        return [
            _foreseen(shapes, settings, weights, count, checkpointing, encodes)
            for count, part in zip(processes, parts, strict=True)
            if settings.batch_size % part == 0
            for checkpointing in (False, True)
        ]
    finally:
        weights.close()


def _foreseen(
    shapes: Shapes,
    settings: Settings,
    weights: TrainableWeights,
    count: int,
    checkpointing: bool,
    encodes: bool,
) -> Foreseen:
    rows = settings.batch_size // (settings.accumulation * count)
    sharded = count > 1
    whole = sum(parameter.numel() for parameter in shapes.network.parameters())
    trained = weights.count
    average = FLOAT * trained if settings.ema else 0
    held = FLOAT * whole + 2 * FLOAT * trained + average
    how: dict[str, Any] = {"checkpointing": checkpointing, "precision": settings.precision}
    activations = _extended(shapes, settings, rows, **how, sharded=sharded, keeps=False)
    gradients = FLOAT * trained
    gathered = 0
    if sharded:
        layers, rest = _units(shapes, weights)
        # Two layers are on their way at once, with the gradients of one, whole and as they are summed up.
        gathered = rest[0] + rest[1] + 2 * layers[0] + 2 * layers[1]
        running = activations.peak_bytes + gathered + gradients // count
    else:
        running = _extended(shapes, settings, rows, **how, sharded=False, keeps=True).peak_bytes
        if settings.accumulation > 1:
            running = gradients + activations.peak_bytes
    # AdamW over all weights at once makes one more number for each.
    stepping = 2 * gradients // count
    encoding = 0
    if encodes:
        with measuring() as found:
            shapes.encode(min(rows, ENCODED_TOGETHER))
        encoding = found.peak_bytes
    beside = shapes.beside()
    return Foreseen(
        processes=count,
        checkpointing=checkpointing,
        parameters=whole - (trained if settings.lora_rank else 0),
        trained=trained,
        rows=rows,
        weights_bytes=FLOAT * whole // count + beside,
        moments_bytes=2 * FLOAT * trained // count,
        average_bytes=average // count,
        gradients_bytes=gradients // count,
        gathered_bytes=gathered,
        activations_bytes=activations.peak_bytes,
        peak_bytes=held // count + beside + max(running, stepping, encoding),
        flops=activations.flops * settings.accumulation * count,
    )


def _units(shapes: Shapes, weights: TrainableWeights) -> tuple[tuple[int, int], tuple[int, int]]:
    """(bytes of weights, of those that are trained) of the largest layer, and of all that is in none."""
    trained = {id(parameter) for parameter in weights.parameters.values()}

    def sizes(parameters: Iterator[torch.nn.Parameter]) -> tuple[int, int]:
        listed = list(parameters)
        mine = sum(parameter.numel() for parameter in listed if id(parameter) in trained)
        return FLOAT * sum(parameter.numel() for parameter in listed), FLOAT * mine

    layers = [sizes(layer.parameters()) for layer in layers_of(shapes.transformer)]
    whole, mine = sizes(shapes.network.parameters())
    rest = (whole - sum(size for size, _ in layers), mine - sum(own for _, own in layers))
    return max(layers), rest


def _extended(shapes: Shapes, settings: Settings, rows: int, **how: Any) -> Measured:
    """As :func:`step_on_meta`, from two networks of few layers: each layer more adds the same."""
    depth = len(layers_of(shapes.transformer))
    if depth <= FEW[1]:
        return step_on_meta(shapes, rows, **how)
    found = []
    for count in FEW:
        fewer = shapes.with_layers(count)
        weights = TrainableWeights(fewer, settings, restores=False)
        found.append(step_on_meta(fewer, rows, **how))
        weights.close()
    first, second = found
    whole, steps = Measured(), depth - FEW[0]
    whole.flops = first.flops + steps * (second.flops - first.flops) // (FEW[1] - FEW[0])
    added = steps * (second.peak_bytes - first.peak_bytes) // (FEW[1] - FEW[0])
    whole.peak_bytes = first.peak_bytes + added
    return whole


def step_on_meta(
    shapes: Shapes, rows: int, *, checkpointing: bool, precision: str, sharded: bool, keeps: bool
) -> Measured:
    """Operations and memory of a forward and a backward pass; what was there before is not counted.

    Args:
        shapes: with trained weights that require gradients.
        rows: pictures.
        checkpointing: compute layers again in the backward pass.
        precision: ``no`` or a narrow one, as the setting.
        sharded: narrow copies of trained weights are then not kept.
        keeps: whether gradients of weights stay; otherwise each is dropped when it is complete.
    """
    narrow = precision != "no"

    with ExitStack() as stack:
        if not keeps:
            stack.enter_context(_dropping(shapes.network))
        found = stack.enter_context(measuring())
        with ExitStack() as forward:
            if narrow:
                forward.enter_context(autocasting(torch.bfloat16, keeps_casts=not sharded))
            if checkpointing:
                forward.enter_context(recomputing(shapes.transformer, lambda: _Again(found, narrow)))
            velocity = shapes.velocity(rows, PROMPT_TOKENS)
        loss = ((velocity - torch.empty_like(velocity)) ** 2).mean()
        del velocity
        loss.backward()
        del loss
    shapes.network.zero_grad(set_to_none=True)
    return found


class _Again:
    """What layers are computed again in: torch leaves modes aside in a backward pass.

    A class, as torch stops in the middle by an exception: a generator would keep it, and all tensors with it.
    """

    def __init__(self, found: Measured, narrow: bool) -> None:
        self._modes: list[AbstractContextManager[Any]] = [found.attending()]
        if narrow:
            self._modes.append(autocasting(torch.bfloat16, keeps_casts=False))

    def __enter__(self) -> None:
        for mode in self._modes:
            mode.__enter__()

    def __exit__(self, *error: object) -> None:
        for mode in reversed(self._modes):
            mode.__exit__(None, None, None)


@contextmanager
def _dropping(network: torch.nn.Module) -> Iterator[None]:
    """Inside, a gradient of a weight is dropped as soon as it is complete."""

    def drop(parameter: Any) -> None:
        parameter.grad = None

    hooks = [
        parameter.register_post_accumulate_grad_hook(drop)
        for parameter in network.parameters()
        if parameter.requires_grad
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
