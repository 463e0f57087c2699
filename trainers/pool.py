"""What a round of training learns from: candidates with their rewards, as arrays.

A reward that could not be measured is NaN here and nowhere a number: every reader goes through
:meth:`Scored.scored`, which skips it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.harness.records import Item
from selfreward_eval.rewarders.normalising import normalised

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

SPREAD = 1e-9
"""A group whose rewards differ by less has no best and no worst."""


class Scored:
    """Groups of candidates with one reward each, ``values`` float64 (P, n), NaN where there is none."""

    values: NDArray[np.float64]

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Which candidates have a reward: (P, n)."""
        return np.isfinite(self.values)

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """Numbers of the groups whose candidates differ in reward."""
        highest = np.where(self.scored, self.values, -np.inf).max(1)
        lowest = np.where(self.scored, self.values, np.inf).min(1)
        spread = np.where(np.isfinite(highest) & np.isfinite(lowest), highest - lowest, 0.0)
        return np.flatnonzero(spread > SPREAD)

    def best(self, group: int) -> int:
        """The candidate with the highest reward; of equal ones the first."""
        return int(np.where(self.scored[group], self.values[group], -np.inf).argmax())

    def worst(self, group: int) -> int:
        """The candidate with the lowest reward; of equal ones the first."""
        return int(np.where(self.scored[group], self.values[group], np.inf).argmin())

    def advantages(self, group: int) -> NDArray[np.float64]:
        """Rewards minus their group's mean, over their deviation; NaN where there is no reward: (n,)."""
        values = [
            float(value) if has_reward else None
            for value, has_reward in zip(self.values[group], self.scored[group], strict=True)
        ]
        return np.asarray([np.nan if value is None else value for value in normalised(values)])


@dataclass(frozen=True, eq=False)
class Drawings(Scored):
    """Pictures drawn for prompts.

    Attributes:
        items: the prompts, P of them.
        tokens: picture tokens, int64 (P, n, N).
        values: rewards, float64 (P, n).
        maps: reward of every cell, float32 (P, n, N), NaN where a picture has no map; None if none has.
        sampling_logprobs: log-likelihoods under the model that drew, float32 (P, n, N), where a trainer
            needs them.
        reference_logprobs: the same under the reference model, which is the starting model.
    """

    items: tuple[Item, ...]
    tokens: torch.Tensor
    values: NDArray[np.float64]
    maps: NDArray[np.float32] | None = None
    sampling_logprobs: torch.Tensor | None = None
    reference_logprobs: torch.Tensor | None = None


@dataclass(frozen=True, eq=False)
class FlowDrawings(Scored):
    """Pictures that a flow-matching model drew for prompts, as latents of L tokens with C numbers each.

    Attributes:
        items: the prompts, P of them.
        latents: what is learnt, float32 (P, n, L, C): encodings of the pictures, or the drawn latents.
        values: rewards, float64 (P, n).
        maps: reward of every token, float32 (P, n, L), NaN where a picture has no map; None if none has.
        pictures: the pictures, uint8 (P, n, H, W, 3), where a trainer encodes them anew at every step.
        starts: first step of each prompt's window of random steps, int64 (P,); where likelihoods of steps
            are trained.
        path: latents before each step of the window and after its last one, float32 (P, n, w + 1, L, C).
        sampling_logprobs: log-likelihoods of the window's steps under the model that drew, per token,
            float32 (P, n, w, L).
        drawing_velocity: velocities of the model that drew, float32 (P, n, k, L, C), at noisy versions of
            ``latents``, where a trainer needs them.
        reference_velocity: velocities of the starting model, (P, n, k, L, C), at these or at ``path``.
    """

    items: tuple[Item, ...]
    latents: torch.Tensor
    values: NDArray[np.float64]
    maps: NDArray[np.float32] | None = None
    pictures: torch.Tensor | None = None
    starts: torch.Tensor | None = None
    path: torch.Tensor | None = None
    sampling_logprobs: torch.Tensor | None = None
    drawing_velocity: torch.Tensor | None = None
    reference_velocity: torch.Tensor | None = None


@dataclass(frozen=True, eq=False)
class Captions(Scored):
    """Captions of pictures.

    Attributes:
        pictures: P of them.
        question: what was asked.
        texts: n captions of each.
        values: rewards, float64 (P, n).
        sampling_logprobs: per caption its tokens' log-likelihoods under the model that wrote it.
        reference_logprobs: the same under the reference model, which is the starting model.
    """

    pictures: tuple[Image, ...]
    question: str
    texts: tuple[tuple[str, ...], ...]
    values: NDArray[np.float64]
    sampling_logprobs: Sequence[Sequence[torch.Tensor]] | None = None
    reference_logprobs: Sequence[Sequence[torch.Tensor]] | None = None


@dataclass(frozen=True, eq=False)
class Pool:
    """One round's candidates.

    Attributes:
        round: its number, from 0.
        drawings: for prompts, as tokens; None where drawing is not trained.
        captions: of pictures; None where captioning is not trained.
        reasons: why candidates have no reward -> how many.
        flow: for prompts, as latents of a flow-matching model.
    """

    round: int
    drawings: Drawings | None = None
    captions: Captions | None = None
    reasons: dict[str, int] = field(default_factory=dict)
    flow: FlowDrawings | None = None

    @property
    def pictures(self) -> Drawings | FlowDrawings | None:
        """What was drawn for prompts, as tokens or as latents."""
        return self.drawings if self.flow is None else self.flow
