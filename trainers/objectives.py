"""The losses, as pure functions of log-likelihoods per token. Natural logarithms; all are minimised.

Sources: SRUM, arXiv:2510.12784, eq. 1-3; dual self-rewards (SUDER), arXiv:2506.07963, with SimPO,
arXiv:2405.14734, and GRPO, arXiv:2402.03300.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Away = Literal["unlikelihood", "likelihood"]


def likelihood(logp: torch.Tensor) -> torch.Tensor:
    """Mean negative log-likelihood per example: (B, N) to (B,)."""
    return -logp.mean(-1)


def mapped(
    logp: torch.Tensor, reward: torch.Tensor, constraint: float, away: Away = "unlikelihood"
) -> torch.Tensor:
    """SRUM's objective on picture tokens: mean over cells of R * e + lambda * e, e = -log p, per example.

    SRUM weighs a squared velocity error; an autoregressive model's error in a cell is its token's negative
    log-likelihood. A negative R lowers the token's likelihood. Weighing ``e`` itself by it has no lower
    bound: one token of likelihood 0 outweighs all others. By default such a cell's error is therefore
    -log(1 - p), weighed by abs(R) (unlikelihood training, arXiv:1908.04319); this is our choice.

    Args:
        logp: (B, N).
        reward: R of every cell, (B, N); in [0, 1] in the ``code`` reading, in [-1, 1] in the paper's.
        constraint: lambda, the weight of the reference term on the same picture.
        away: what a negative R does; ``likelihood`` is the literal formula.

    Returns:
        (B,).
    """
    error = -logp
    if away == "likelihood":
        return ((reward + constraint) * error).mean(-1)
    repelled = -(1 - logp.exp()).clamp_min(1e-6).log()
    return (reward.clamp_min(0) * error - reward.clamp_max(0) * repelled + constraint * error).mean(-1)


def simpo(better: torch.Tensor, worse: torch.Tensor, beta: float, gamma: float) -> torch.Tensor:
    """-log sigma(beta * (mean log pi(Y+) - mean log pi(Y-)) - gamma), per pair: (B,) and (B,) to (B,).

    Args:
        better: length-normalised log-likelihood of the candidate with the highest reward.
        worse: of the one with the lowest.
        beta: scale of the difference.
        gamma: margin that the difference is to pass.
    """
    import torch.nn.functional as F

    return -F.logsigmoid(beta * (better - worse) - gamma)


def grpo(
    logp: torch.Tensor,
    sampling: torch.Tensor,
    reference: torch.Tensor | None,
    advantage: torch.Tensor,
    clip: float,
    kl: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """GRPO's clipped objective with a KL penalty to the reference model.

    Per token: -min(r * A, clip(r, 1 - eps, 1 + eps) * A) + kl * (exp(s - l) - (s - l) - 1), where
    r = exp(l - d); l, d and s are the log-likelihoods under the policy, under the model that sampled, and
    under the reference model. The last term estimates KL(policy | reference) without bias and is never
    negative.

    Args:
        logp: (B, N), with gradients.
        sampling: (B, N).
        reference: (B, N); None where ``kl`` is 0.
        advantage: (B,) or, a token's own, (B, N); rewards normalised within their group.
        clip: eps.
        kl: weight of the penalty.

    Returns:
        Loss (B,), mean KL estimate (B,) and share of clipped tokens (B,), the last two without gradients.
    """
    import torch

    ratio = (logp - sampling).exp()
    weight = advantage if advantage.ndim == 2 else advantage[:, None]
    clipped = ratio.clamp(1 - clip, 1 + clip)
    loss = -torch.minimum(ratio * weight, clipped * weight)
    penalty = torch.zeros_like(loss)
    if kl and reference is not None:
        gap = reference - logp
        penalty = gap.exp() - gap - 1
        loss = loss + kl * penalty
    with torch.no_grad():
        binding = ((ratio * weight) > (clipped * weight)).float().mean(-1)
    return loss.mean(-1), penalty.detach().mean(-1), binding
