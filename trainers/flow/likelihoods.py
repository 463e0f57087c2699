"""Log-likelihoods of a sampler's step, as means over numbers; natural logarithms.

The field's convention is the *mean* over a picture's numbers, not the sum: a ratio of such likelihoods is the
true ratio to the power 1/D, and a clip of c bounds the true log-ratio by c * D nats.

Sources: Flow-GRPO (yifan123/flow_grpo at 9745241), AWM (scxue/advantage_weighted_matching at be51372).
"""

from __future__ import annotations

from math import log, pi
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch

    from selfreward_eval.trainers.flow.steps import Step

__all__ = ["AWM_WEIGHTINGS", "cps_density", "log_density", "matching_log_prob", "per_picture", "per_token"]


def log_density(sample: torch.Tensor, step: Step, *, constants: bool = True) -> torch.Tensor:
    """log N(sample; mean, std) of every number; of the shape of ``sample``, which gets no gradient.

    Args:
        sample: the latents that were drawn.
        step: their distribution; ``std`` above 0.
        constants: with -log std - log(2 pi)/2, which ratios do not contain; Flow-GRPO's code for BAGEL leaves
            them out.
    """
    import torch

    squares = (sample.detach() - step.mean) ** 2 / (2 * step.std**2)
    if not constants:
        return -squares
    std = torch.as_tensor(step.std, dtype=squares.dtype, device=squares.device)
    return -squares - std.log() - log(2 * pi) / 2


def cps_density(sample: torch.Tensor, step: Step) -> torch.Tensor:
    """What takes the density's place for CPS: -(sample - mean)^2, with neither deviation nor constants."""
    return -((sample.detach() - step.mean) ** 2)


def per_picture(density: torch.Tensor) -> torch.Tensor:
    """Means over all numbers of each picture: (B, ...) to (B,)."""
    return density.flatten(1).mean(1)


def per_token(density: torch.Tensor) -> torch.Tensor:
    """Means over the channels of each token: (..., L, C) to (..., L); their mean is the picture's."""
    return density.mean(-1)


AWMWeighting = Literal["uniform", "t", "t2", "huber", "ghuber"]

AWM_WEIGHTINGS = ("uniform", "t", "t2", "huber", "ghuber")

OFFSET = 1e-10
"""Added to the mean squared error before a power below 1 is taken."""


def matching_log_prob(
    v: torch.Tensor, target: torch.Tensor, t: Any, weighting: str = "uniform", power: float = 0.25
) -> torch.Tensor:
    """AWM's stand-in for a log-likelihood: minus a function of the velocity's error, float64 (B,).

    With m the mean over the picture of (v - target)^2: m for ``uniform``, t m for ``t``, t^2 m for ``t2``,
    t (sqrt(m + e) - sqrt(e)) for ``huber``, t ((m + e)^p - e^p) / p for ``ghuber``, e = 1e-10.

    Args:
        v: the policy's velocity, (B, ...).
        target: noise - x0.
        t: times, (B,).
        weighting: one of :data:`AWM_WEIGHTINGS`.
        power: p.

    Raises:
        ValueError: an unknown weighting.
    """
    mean = per_picture((v.double() - target.double()) ** 2)
    match weighting:
        case "uniform":
            return -mean
        case "t":
            return -t * mean
        case "t2":
            return -(t**2) * mean
        case "huber":
            return -t * ((mean + OFFSET) ** 0.5 - OFFSET**0.5)
        case "ghuber":
            return -t * ((mean + OFFSET) ** power - OFFSET**power) / power
    raise ValueError(f"unknown weighting {weighting!r}; known: {', '.join(AWM_WEIGHTINGS)}")
