"""Terms of group-relative losses that trainers of both kinds of models share: members, captions, one side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from selfreward_eval.trainers.base import Side
from selfreward_eval.trainers.objectives import grpo

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import TrainsCaptioning
    from selfreward_eval.trainers.pool import Captions, Scored

__all__ = ["SideTerms", "captioning_terms", "members", "side_loss"]


class SideTerms(NamedTuple):
    """The candidates of one side, row by row.

    Attributes:
        policy: log-likelihoods per token, with gradients.
        sampling: under the model that drew.
        reference: under the starting model; None where no penalty is asked for.
        advantages: of each candidate.
        shares: of each candidate in the side's loss; they sum to 1.
    """

    policy: list[torch.Tensor]
    sampling: list[torch.Tensor]
    reference: list[torch.Tensor] | None
    advantages: list[float]
    shares: list[float]


def side_loss(side: Side, logged: dict[str, float], terms: SideTerms, clip: float, kl: float) -> torch.Tensor:
    """The side's loss: candidates of equal length together, each weighed by its share of its group.

    Args:
        side: names what is logged.
        logged: gets the mean penalty and the share of clipped tokens.
        terms: the candidates.
        clip: where the ratio is clipped.
        kl: weight of the penalty.
    """
    parts: list[torch.Tensor] = []
    reference = terms.reference
    for rows in _by_length(terms.policy):
        logp = torch.stack([terms.policy[k] for k in rows])
        sampled = torch.stack([terms.sampling[k] for k in rows]).to(logp.device)
        frozen = None if reference is None else torch.stack([reference[k] for k in rows]).to(logp.device)
        weight = logp.new_tensor([terms.advantages[k] for k in rows])
        loss, penalty, binding = grpo(logp, sampled, frozen, weight, clip, kl)
        share = logp.new_tensor([terms.shares[k] for k in rows])
        parts.append(torch.stack([(term * share).sum() for term in (loss, penalty, binding)]))
    sums = torch.stack(parts).sum(0)
    logged[f"{side}_kl"] = float(sums[1].detach())
    logged[f"{side}_clipped"] = float(sums[2].detach())
    return sums[0]


def _by_length(rows: Sequence[torch.Tensor]) -> list[list[int]]:
    """Numbers of rows of one length together."""
    rows_by_length: dict[int, list[int]] = {}
    for k, row in enumerate(rows):
        rows_by_length.setdefault(len(row), []).append(k)
    return list(rows_by_length.values())


def members(side: Scored, picks: Sequence[int]) -> tuple[list[tuple[int, int]], list[float], list[float]]:
    """(group, candidate) of everything scored in the picked groups, advantages, and shares that sum to 1."""
    places: list[tuple[int, int]] = []
    advantages: list[float] = []
    shares: list[float] = []
    groups = side.groups[list(picks)]
    for group in groups:
        scored = np.flatnonzero(side.scored[group])
        values = side.advantages(group)
        places += [(int(group), int(k)) for k in scored]
        advantages += [float(values[k]) for k in scored]
        shares += [1.0 / (len(scored) * len(groups))] * len(scored)
    return places, advantages, shares


def captioning_terms(model: TrainsCaptioning, captions: Captions, picks: Sequence[int]) -> SideTerms:
    """Captions of the picked groups, with gradients."""
    places, advantages, shares = members(captions, picks)
    assert captions.sampling_logprobs is not None
    policy = model.caption_logprobs(
        [captions.pictures[g] for g, _ in places],
        captions.question,
        [captions.texts[g][k] for g, k in places],
    )
    logprobs = captions.reference_logprobs
    reference = None if logprobs is None else [logprobs[g][k] for g, k in places]
    sampling = [captions.sampling_logprobs[g][k] for g, k in places]
    return SideTerms(policy, sampling, reference, advantages, shares)
