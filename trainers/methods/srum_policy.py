"""``srum`` with ``away=policy``: the reward map as a policy gradient's advantage, cell by cell.

Pictures are redrawn every round. A cell counts by how its reward differs from the mean of the same prompt's
candidates in that cell, over the deviation of all of the prompt's cells: a region that most candidates get
right has an advantage near 0, and a region that only this one gets wrong a negative one. A cell that no
region covers is held against the regions of other candidates, and so pushed away; with ``cells=regions``
regions are held against each other alone, and such a cell counts for nothing. The ratio to the
model that sampled is clipped, as in GRPO. The reference term, lambda times an estimate of the KL divergence
to the reference model, also covers pictures without a map.

The paper gives none of this. This project reads its loss so because training on pictures that were
drawn once has not improved drawing at the model's own guidance (docs/training.md).

Sources: arXiv:2510.12784, eq. 1-3; arXiv:2402.03300 for ratio, clip and KL estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.trainers.objectives import grpo

if TYPE_CHECKING:
    import torch

    from selfreward_eval.harness.models.training import TrainsLikelihoods
    from selfreward_eval.trainers.pool import Drawings

CLIP = 0.2
"""Where the ratio to the model that sampled is clipped; GRPO's usual value."""

STABILISER = 1e-2
"""Added to the deviation before dividing by it, so that small differences between maps are not inflated."""


def policy_loss(
    model: TrainsLikelihoods, drawings: Drawings, picks: Sequence[int], constraint: float, cells: str = "all"
) -> tuple[torch.Tensor, dict[str, float]]:
    """The loss over all candidates of the picked prompts, and numbers worth logging.

    Args:
        model: the policy; gradients flow through its likelihoods.
        drawings: with maps, sampling log-likelihoods and, unless ``constraint`` is 0, reference ones.
        picks: places of prompts in ``drawings``.
        constraint: lambda.
        cells: ``all``, or ``regions`` for maps in the paper's reading.
    """
    import torch

    assert drawings.sampling_logprobs is not None
    n = drawings.tokens.shape[1]
    groups = np.repeat(np.asarray(picks), n)
    ks = np.tile(np.arange(n), len(picks))
    logp = model.drawing_logprobs([drawings.items[g].text for g in groups], drawings.tokens[groups, ks])
    advantages = region_advantages if cells == "regions" else cell_advantages
    weight = np.concatenate([advantages(drawings, group) for group in picks])
    reference = drawings.reference_logprobs
    loss, penalty, binding = grpo(
        logp,
        drawings.sampling_logprobs[groups, ks].to(logp.device),
        None if reference is None else reference[groups, ks].to(logp.device),
        torch.from_numpy(weight).to(logp.device),
        CLIP,
        constraint,
    )
    mean_loss = loss.mean()
    return mean_loss, {
        "loss": float(mean_loss.detach()),
        "kl": float(penalty.mean()),
        "clipped": float(binding.mean()),
        "advantage": float(np.abs(weight).mean()),
    }


def cell_advantages(drawings: Drawings, group: int) -> NDArray[np.float32]:
    """The advantage of each cell of a prompt's candidates, (n, N); 0 for candidates without a map."""
    assert drawings.maps is not None
    maps = drawings.maps[group].astype(np.float64)
    has_map = drawings.scored[group] & np.isfinite(maps).all(-1)
    out = np.zeros(maps.shape, dtype=np.float32)
    if has_map.sum() > 1:
        gaps = maps[has_map] - maps[has_map].mean(0)
        out[has_map] = gaps / (gaps.std() + STABILISER)
    return out


def region_advantages(drawings: Drawings, group: int) -> NDArray[np.float32]:
    """The same among the cells that regions cover, (n, N); 0 for ground and for candidates without a map.

    The mean is that of all such cells of the prompt. In the paper's reading ground is 0.
    """
    assert drawings.maps is not None
    maps = drawings.maps[group].astype(np.float64)
    covered = np.isfinite(maps) & (maps != 0) & drawings.scored[group][:, None]
    out = np.zeros(maps.shape, dtype=np.float32)
    if covered.sum() > 1:
        gaps = maps[covered] - maps[covered].mean()
        out[covered] = gaps / (gaps.std() + STABILISER)
    return out
