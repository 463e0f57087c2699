"""The losses of flow trainers, as pure functions of velocities, means of steps and log-likelihoods.

Sources: SRUM (WayneJin0918/SRUM at a53ba18), Flow-GRPO (yifan123/flow_grpo at 9745241), GRPO-Guard (there,
and verl-project/verl-omni at a1139ba), Flow-DPPO (Tencent-Hunyuan/UniRL at 1a7b501), DiffusionNFT
(NVlabs/DiffusionNFT at 24af555).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from selfreward_eval.trainers.flow.likelihoods import per_picture

if TYPE_CHECKING:
    import torch

__all__ = [
    "ADVANTAGE_BOUND",
    "Clipped",
    "NftLoss",
    "clipped",
    "guarded_ratio",
    "masked_by_divergence",
    "mean_divergence",
    "nft",
    "nft_share",
    "srum",
]

ADVANTAGE_BOUND = 5.0
"""Advantages are cut to this range on both sides."""

NFT_MODES = ("all", "positive_only", "negative_only", "one_only", "binary")

LEAST_ERROR = 1e-5
"""Below this the mean absolute error of DiffusionNFT's weight does not fall."""


def srum(
    v: torch.Tensor,
    noise: torch.Tensor,
    bad: torch.Tensor,
    good: torch.Tensor,
    reward: Any,
    constraint: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """SRUM's two terms, whose sum is its loss.

    mean(R (v - (noise - bad))^2) and lambda mean((v - (noise - good))^2), means over all pictures, tokens and
    channels. A negative R raises the error, without a lower bound where R is below -lambda.

    Args:
        v: velocity at (1 - t) bad + t noise, (B, L, C).
        noise: (B, L, C).
        bad: latents of the picture that was scored.
        good: latents of the picture that is kept close to.
        reward: R, alpha included, broadcastable: (B, L, 1).
        constraint: lambda.
    """
    rewarded = (reward * (v - (noise - bad)) ** 2).mean()
    return rewarded, constraint * ((v - (noise - good)) ** 2).mean()


class Clipped(NamedTuple):
    """Of a clipped policy-gradient loss.

    Attributes:
        loss: of every element, of the shape of the ratio.
        above: whether the ratio is above the clip's range, as 0 or 1.
        below: whether it is below.
    """

    loss: torch.Tensor
    above: torch.Tensor
    below: torch.Tensor


def clipped(ratio: torch.Tensor, advantage: Any, low: float, high: float | None = None) -> Clipped:
    """max(-A r, -A clip(r, 1 - low, 1 + high)).

    Args:
        ratio: r, of the policy to the one that sampled.
        advantage: A, broadcastable; already cut to its bound.
        low: clip below 1.
        high: clip above 1; None for ``low``.
    """
    import torch

    high = low if high is None else high
    loss = torch.maximum(-advantage * ratio, -advantage * ratio.clamp(1 - low, 1 + high))
    with torch.no_grad():
        return Clipped(loss, (ratio - 1 > high).float(), (1 - ratio > low).float())


def mean_divergence(mean: torch.Tensor, reference: torch.Tensor, coefficient: Any) -> torch.Tensor:
    """Flow-GRPO's KL term of every picture: mean of (mean - reference)^2, over 2 coefficient^2, (B,).

    ``coefficient`` is the diffusion coefficient, not the step's deviation: the step's length is left out.
    """
    return per_picture((mean - reference) ** 2) / (2 * coefficient**2)


def guarded_ratio(
    log_ratio: torch.Tensor, mean: torch.Tensor, old: torch.Tensor, std: float, *, over_batch: bool = False
) -> torch.Tensor:
    """GRPO-Guard's ratio, whose logarithm has mean 0 and one scale at every step, (B,).

    exp((log_ratio + d^2 / (2 std^2)) std), with d^2 the mean square of how far the mean moved.

    Args:
        log_ratio: of mean log-likelihoods, (B,).
        mean: of the policy's step, (B, ...).
        old: of the step of the policy that sampled.
        std: the step's deviation.
        over_batch: average d^2 over the whole batch, as Flow-GRPO's script does; its author called it a slip.
    """
    moved = (mean - old) ** 2
    drift = moved.mean() if over_batch else per_picture(moved)
    return ((log_ratio + drift / (2 * std**2)) * std).exp()


def masked_by_divergence(
    ratio: torch.Tensor, advantage: torch.Tensor, divergence: torch.Tensor, threshold: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Flow-DPPO: no clip; what has moved too far, and would move further, counts as 0.

    Args:
        ratio: r.
        advantage: A, broadcastable.
        divergence: k, mean (mean - old)^2 over twice the step's variance.
        threshold: an element with k at or above it is dropped if r > 1 and A > 0, or r < 1 and A < 0.

    Returns:
        Loss of every element, zeros included, and which were dropped.
    """
    import torch

    with torch.no_grad():
        further = ((ratio > 1) & (advantage > 0)) | ((ratio < 1) & (advantage < 0))
        dropped = (divergence >= threshold) & further
    return torch.where(dropped, torch.zeros_like(ratio), -advantage * ratio), dropped


class NftLoss(NamedTuple):
    """DiffusionNFT's loss.

    Attributes:
        positive: of the branch towards the policy, per picture (B,).
        negative: of the mirrored branch.
        loss: the mean over pictures, scaled.
    """

    positive: torch.Tensor
    negative: torch.Tensor
    loss: torch.Tensor


def nft_share(advantage: torch.Tensor, bound: float, mode: str = "all") -> torch.Tensor:
    """r in [0, 1], the weight of the positive branch: 1/2 for an advantage of 0.

    Args:
        advantage: any shape.
        bound: advantages are cut to it; it becomes 1.
        mode: ``all``; ``positive_only`` and ``negative_only`` cut the other side to 0; ``one_only`` makes
            every positive one 1 and the rest 0; ``binary`` takes the sign.

    Raises:
        ValueError: an unknown mode.
    """
    cut = advantage.clamp(-bound, bound)
    match mode:
        case "all":
            pass
        case "positive_only":
            cut = cut.clamp(min=0)
        case "negative_only":
            cut = cut.clamp(max=0)
        case "one_only":
            cut = (cut > 0).to(cut.dtype)
        case "binary":
            cut = cut.sign()
        case _:
            raise ValueError(f"unknown mode {mode!r}; known: {', '.join(NFT_MODES)}")
    return (cut / bound / 2 + 0.5).clamp(0, 1)


def nft(
    v: torch.Tensor,
    old: torch.Tensor,
    noisy: torch.Tensor,
    x0: torch.Tensor,
    t: torch.Tensor,
    share: torch.Tensor,
    *,
    beta: float,
    scale: float = ADVANTAGE_BOUND,
) -> NftLoss:
    """DiffusionNFT: towards good pictures along v, away from bad ones along its mirror image at ``old``.

    Args:
        v: the policy's velocity at ``noisy``, (B, ...).
        old: that of the policy that sampled, without gradients.
        noisy: (1 - t) x0 + t noise.
        x0: the pictures.
        t: times, broadcastable to them: (B, 1, 1).
        share: r of :func:`nft_share`, (B,); or of every token, (B, L), for latents (B, L, C).
        beta: how far along v the branches lie; the loss is divided by it.
        scale: factor of the loss; the advantages' bound in the released code.
    """
    towards = _branch(noisy - t * (beta * v + (1 - beta) * old), x0)
    away = _branch(noisy - t * ((1 + beta) * old - beta * v), x0)
    weighted = _shared(towards, share) + _shared(away, 1 - share)
    return NftLoss(per_picture(towards), per_picture(away), scale * weighted.mean() / beta)


def _branch(predicted: torch.Tensor, x0: torch.Tensor) -> torch.Tensor:
    """Squared error over the picture's detached mean absolute error, (B, ...)."""
    import torch

    gap = predicted - x0
    with torch.no_grad():
        weight = per_picture(gap.double().abs()).clamp_min(LEAST_ERROR).to(gap.dtype)
    return gap**2 / weight.view(-1, *[1] * (gap.ndim - 1))


def _shared(branch: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """The branch's mean per picture, weighed by a share of every picture or of every token."""
    return share * per_picture(branch) if share.ndim == 1 else per_picture(share[..., None] * branch)
