"""What trainers of flow-matching models share: what they need of candidates, and which are examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.harness.models.training import TrainsCaptioning, TrainsFlow
from selfreward_eval.trainers.base import Side, Trainer
from selfreward_eval.trainers.flow.advantages import normalised_groups
from selfreward_eval.trainers.flow.losses import ADVANTAGE_BOUND

if TYPE_CHECKING:
    from selfreward_eval.trainers.flow.sampling import Window
    from selfreward_eval.trainers.pool import FlowDrawings, Pool

__all__ = ["FlowTrainer", "advantages"]


class FlowTrainer(Trainer):
    """A method for models that draw by flow matching.

    Attributes:
        encodes: whether what is learnt is the encoding of the drawn picture, as in fine-tuning on pictures;
            otherwise it is the drawn latents.
        keeps_pictures: whether pictures are kept beside their latents, to be encoded anew at every step.
        window: random steps of drawing, whose likelihoods are trained; None draws deterministically.
        noisy_points: so many noisy versions of each picture are fixed when a round begins, and the velocity
            of the model that drew is kept at each; 0 for none.
        points: times that drawing stops at; 0 for the model's own number.
    """

    needs: ClassVar[Mapping[Side, type]] = {"drawing": TrainsFlow, "captioning": TrainsCaptioning}
    encodes: bool = True
    keeps_pictures: bool = False
    window: Window | None = None
    noisy_points: int = 0
    points: int = 0

    def identity(self) -> dict[str, Any]:
        return {**super().identity(), "model_kind": "flow"}


def advantages(
    drawings: FlowDrawings, groups: Sequence[int] | NDArray[np.int64], across: bool
) -> NDArray[np.float64]:
    """Advantages of all candidates of ``groups``, (G, n), cut to [-5, 5]; NaN where there is no reward.

    Args:
        drawings: the round's.
        groups: prompts.
        across: divide by the deviation of all rewards of the round instead of the prompt's own.
    """
    scored = drawings.scored
    keys = np.broadcast_to(np.arange(len(scored))[:, None], scored.shape)[scored]
    out = np.full(drawings.values.shape, np.nan)
    values = normalised_groups(drawings.values[scored].tolist(), keys.tolist(), across=across)
    out[scored] = values.clip(-ADVANTAGE_BOUND, ADVANTAGE_BOUND)
    return out[list(groups)]


def scored_pictures(pool: Pool) -> NDArray[np.int64]:
    """(group, candidate) of every picture with a reward in a group whose rewards differ: (K, 2)."""
    drawings = pool.flow
    assert drawings is not None
    differ = np.zeros(len(drawings.items), dtype=bool)
    differ[drawings.groups] = True
    return np.argwhere(drawings.scored & differ[:, None])
