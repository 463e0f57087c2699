"""``srum`` with ``away=policy``: the reward map as a policy gradient's advantage, cell by cell.

Pictures are redrawn every round. A cell counts by how its reward differs from the mean of the same prompt's
candidates in that cell, over the deviation of all of the prompt's cells: what most candidates get right
moves nothing, and the region that is wrong in this one is moved away from. The ratio to the model that
drew is clipped, as in GRPO. The reference term, lambda times an estimate of the KL divergence to the
starting model, also holds pictures that have no map.

The paper gives none of this. The project reads its loss so because at a model's own guidance nothing that
was learnt from pictures drawn once has shown (docs/training.md).

Sources: arXiv:2510.12784, eq. 1-3; arXiv:2402.03300 for ratio, clip and KL estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

    from selfreward_eval.trainers.pool import Drawings

CLIP = 0.2
"""How far the ratio to the model that drew may count; GRPO's usual value."""

STEADY = 1e-2
"""Added to a prompt's deviation, so that maps that hardly differ do not count as much as any."""


def policy_loss(
    model: Any, drawings: Drawings, picks: Sequence[int], constraint: float
) -> tuple[torch.Tensor, dict[str, float]]:
    """The loss over all candidates of the picked prompts, and numbers worth logging.

    Args:
        model: an adapter whose likelihoods carry gradients.
        drawings: with maps, likelihoods under the model that drew and, unless ``constraint`` is 0, under
            the starting model.
        picks: places of prompts in ``drawings``.
        constraint: lambda.
    """
    import torch

    from selfreward_eval.trainers.objectives import grpo

    assert drawings.drawn is not None
    n = drawings.tokens.shape[1]
    groups = np.repeat(np.asarray(picks), n)
    ks = np.tile(np.arange(n), len(picks))
    logp = model.drawing_logprobs([drawings.items[g].text for g in groups], drawings.tokens[groups, ks])
    weight = np.concatenate([cell_advantages(drawings, group) for group in picks])
    start = None if drawings.start is None else drawings.start[groups, ks].to(logp.device)
    loss, penalty, binding = grpo(
        logp,
        drawings.drawn[groups, ks].to(logp.device),
        start,
        torch.from_numpy(weight).to(logp.device),
        CLIP,
        constraint,
    )
    whole = loss.mean()
    return whole, {
        "loss": float(whole.detach()),
        "kl": float(penalty.mean()),
        "clipped": float(binding.mean()),
        "advantage": float(np.abs(weight).mean()),
    }


def cell_advantages(drawings: Drawings, group: int) -> NDArray[np.float32]:
    """What each cell of a prompt's candidates counts, (n, N); 0 for candidates without a map."""
    assert drawings.maps is not None
    maps = drawings.maps[group].astype(np.float64)
    known = drawings.scored[group] & np.isfinite(maps).all(-1)
    out = np.zeros(maps.shape, dtype=np.float32)
    if known.sum() > 1:
        gaps = maps[known] - maps[known].mean(0)
        out[known] = gaps / (gaps.std() + STEADY)
    return out
