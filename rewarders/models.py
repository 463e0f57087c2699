"""What rewarders ask of a model that rewards itself, as Protocols on top of the adapters' capabilities.

A rewarder names the capability that it needs, and :func:`~selfreward_eval.rewarders.building.needs_model`
refuses a model without it before anything is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from selfreward_eval.harness.models.base import Answers, ImageLogProbs, Model, TextLogProbs

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "AnsweringModel",
    "FlowLosses",
    "FlowModel",
    "PictureScoringModel",
    "TextScoringModel",
]


class AnsweringModel(Answers, Protocol):
    """A model that writes answers to questions about pictures."""


class TextScoringModel(TextLogProbs, Protocol):
    """A model that gives log pi(text | picture)."""


class PictureScoringModel(Model, ImageLogProbs, Protocol):
    """A model that gives log pi(picture tokens | text)."""


@runtime_checkable
class FlowLosses(Protocol):
    """A model whose velocity field can be asked how well it predicts a picture."""

    def flow_losses(
        self, images: Sequence[Image], prompts: Sequence[str], times: Sequence[float], seeds: Sequence[int]
    ) -> list[list[float]]:
        """For every (picture, prompt) one loss per (time, seed): mean squared velocity error over the latent.

        ``times`` and ``seeds`` are aligned; a seed makes the noise of its time, the same for every picture.
        """
        ...


class FlowModel(Model, FlowLosses, Protocol):
    """A flow model that gives its losses."""
