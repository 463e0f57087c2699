"""The policy gradient of a flow model: ratios of its random steps, as whole pictures or token by token.

At a random step the policy is a normal distribution with independent numbers, so the likelihood of the next
latents factorises over tokens. Ratios are exact for the step. Credit is not: the noise of one token reaches
the others in later steps, which advantages per token leave out.

Log-likelihoods are means over numbers (:mod:`selfreward_eval.trainers.flow.likelihoods`). A clip is given in
nats of the true log-ratio and divided by how many numbers the mean is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.trainers.flow.likelihoods import log_density, per_picture, per_token
from selfreward_eval.trainers.flow.losses import clipped

if TYPE_CHECKING:
    import torch

    from selfreward_eval.harness.models.training import TrainsFlow
    from selfreward_eval.trainers.flow.sampling import Window
    from selfreward_eval.trainers.pool import FlowDrawings

__all__ = ["PolicyRows", "policy_rows", "policy_terms"]


class PolicyRows(NamedTuple):
    """Random steps replayed: B pictures, w steps each.

    Attributes:
        log_ratio: of every token to the model that drew, with gradients, (B, w, L).
        distance: mean squared distance of the velocity from the starting model's, with gradients, (B, w);
            None where that is not known.
    """

    log_ratio: torch.Tensor
    distance: torch.Tensor | None


def policy_rows(
    model: TrainsFlow, drawings: FlowDrawings, places: NDArray[np.int64], window: Window, points: int
) -> PolicyRows:
    """Replays the random steps of the pictures at ``places``, (group, candidate) each.

    Raises:
        AssertionError: the candidates were drawn without random steps.
    """
    import torch

    assert drawings.path is not None
    assert drawings.starts is not None
    assert drawings.sampling_logprobs is not None
    device = model.compute_device
    groups, ks = places[:, 0], places[:, 1]
    states = drawings.path[groups, ks].to(device)
    old = drawings.sampling_logprobs[groups, ks].to(device)
    steps = window.size
    times = model.times(points or None).to(device)
    first = drawings.starts[groups].to(device)
    at = (first[:, None] + torch.arange(steps, device=device)).flatten()
    s, s_next = times[at].float(), times[at + 1].float()
    prompts = [drawings.items[g].text for g in groups for _ in range(steps)]
    x, following = states[:, :-1].flatten(0, 1), states[:, 1:].flatten(0, 1)
    v = model.velocity(prompts, x, s, guided=True)
    step = window.step(x, v, s[:, None, None], s_next[:, None, None], float(times[1]))
    new = per_token(log_density(following, step, constants=False)).unflatten(0, (-1, steps))
    distance = None
    if drawings.reference_velocity is not None:
        reference = drawings.reference_velocity[groups, ks].flatten(0, 1).to(device)
        distance = per_picture((v - reference) ** 2).unflatten(0, (-1, steps))
    return PolicyRows(new - old, distance)


def policy_terms(
    rows: PolicyRows, advantage: torch.Tensor, clip: float, kl: float, *, per_token: bool = False
) -> tuple[torch.Tensor, dict[str, float]]:
    """The clipped loss, with a penalty on the velocity's distance, and numbers worth logging.

    Args:
        rows: of :func:`policy_rows`.
        advantage: of each picture, (B,), or of each token, (B, L).
        clip: where a ratio of mean log-likelihoods is clipped.
        kl: weight of the penalty.
        per_token: one ratio for every token instead of one for every picture and step.
    """
    log_ratio = rows.log_ratio if per_token else rows.log_ratio.mean(-1)
    weight = advantage.to(log_ratio.device)
    terms = clipped(log_ratio.exp(), weight[:, None], clip)
    loss = terms.loss.mean()
    logged = {
        "ratio": float(log_ratio.detach().exp().mean()),
        "clipped": float((terms.above + terms.below).mean()),
        "advantage": float(weight.abs().mean()),
    }
    if kl and rows.distance is not None:
        penalty = rows.distance.mean()
        loss = loss + kl * penalty
        logged["distance"] = float(penalty.detach())
    return loss, {"loss": float(loss.detach()), **logged}
