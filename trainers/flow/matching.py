"""Training pictures made noisy anew at every step: what fine-tuning by flow matching computes its errors
from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.flow import draws

if TYPE_CHECKING:
    import torch

    from selfreward_eval.harness.models.training import TrainsFlow
    from selfreward_eval.trainers.pool import FlowDrawings

__all__ = ["ENCODINGS", "Matched", "matched", "require_matching"]

ENCODINGS = ("mean", "sample")


class Matched(NamedTuple):
    """The velocity at a batch of noisy pictures and what it is compared with, each (B, L, C).

    Attributes:
        velocity: of the policy, with gradients.
        noise: that the pictures were mixed with.
        learnt: their latents.
        kept: latents of the pictures that are kept close to.
    """

    velocity: torch.Tensor
    noise: torch.Tensor
    learnt: torch.Tensor
    kept: torch.Tensor


def require_matching(trainer: str, own: Mapping[str, Any]) -> None:
    """Returns if ``dropout``, ``shift`` and ``encoding`` are possible.

    Raises:
        UsageError: they are not.
    """
    if not 0 <= own["dropout"] < 1:
        raise UsageError(
            f"the trainer {trainer!r} needs a dropout of at least 0 and below 1, got {own['dropout']}"
        )
    if not own["shift"] > 0:
        raise UsageError(f"the trainer {trainer!r} needs a shift above 0, got {own['shift']}")
    if own["encoding"] not in ENCODINGS:
        raise UsageError(
            f"the trainer {trainer!r} has no encoding={own['encoding']!r}; known: {', '.join(ENCODINGS)}"
        )


def matched(
    model: TrainsFlow,
    drawings: FlowDrawings,
    places: NDArray[np.int64],
    kept: NDArray[np.int64],
    own: Mapping[str, Any],
    *,
    step: int,
    seed: int,
) -> Matched:
    """Makes pictures noisy and asks for the velocity, without guidance.

    Args:
        model: the policy.
        drawings: the round's.
        places: (group, candidate) of the pictures that are learnt, (B, 2).
        kept: the same of those that are kept close to.
        own: ``dropout`` of prompts, time ``shift``, and ``encoding``: ``mean`` uses the latents that the
            candidates were kept with, ``sample`` encodes the pictures anew, each with a sample of its own.
        step: number of the optimiser step.
        seed: the training seed.
    """
    pictures = [(drawings.items[g].id, int(k)) for g, k in places]
    draw = draws.noisy(
        pictures, drawings.latents.shape[2:], step=step, seed=seed, shift=own["shift"], dropout=own["dropout"]
    )
    if own["encoding"] == "sample":
        learnt = _encoded(model, drawings, places, [first for first, _ in draw.seeds])
        close_to = _encoded(model, drawings, kept, [second for _, second in draw.seeds])
    else:
        learnt = drawings.latents[places[:, 0], places[:, 1]]
        close_to = drawings.latents[kept[:, 0], kept[:, 1]]
    device = model.compute_device
    learnt, close_to = learnt.to(device), close_to.to(device)
    noise, times = draw.noise.to(device), draw.times.to(device)
    t = times[:, None, None]
    prompts = [
        None if dropped else drawings.items[g].text
        for dropped, g in zip(draw.dropped, places[:, 0], strict=True)
    ]
    velocity = model.velocity(prompts, (1 - t) * learnt + t * noise, times)
    return Matched(velocity, noise, learnt, close_to)


def _encoded(
    model: TrainsFlow, drawings: FlowDrawings, places: NDArray[np.int64], seeds: Sequence[int]
) -> torch.Tensor:
    from PIL import Image

    assert drawings.pictures is not None
    pixels = drawings.pictures[places[:, 0], places[:, 1]].numpy()
    return model.encode([Image.fromarray(picture) for picture in pixels], list(seeds))
