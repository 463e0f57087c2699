"""The contract: a trainer turns rewarded candidates into a loss; everything else is shared.

A training run is a number of rounds. In each, the model draws candidates and a rewarder scores them
(:mod:`selfreward_eval.trainers.rollouts`); then so many optimiser steps are taken on losses over these
candidates (:mod:`selfreward_eval.trainers.fitting`). What a trainer adds is small: its settings, which
candidates a step learns from, and the loss. One round is offline training, several are the online variant.

>>> from selfreward_eval.trainers.building import build
>>> build("srum", reading="paper").identity()["reading"]  # doctest: +SKIP
'paper'
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from selfreward_eval.harness.models.training import TrainsCaptioning, TrainsDrawing
from selfreward_eval.trainers.settings import Settings

if TYPE_CHECKING:
    import torch

    from selfreward_eval.trainers.pool import Pool

Side = Literal["drawing", "captioning"]
Uses = Literal["value", "map"]


@dataclass(frozen=True)
class TrainerInfo:
    """What a trainer is, before it is built.

    Attributes:
        name: registry name.
        version: of the method; anything that changes a loss changes it.
        title: one line.
        sides: what is trained: drawing for prompts, captioning pictures, or both at once.
        uses: the part of a drawing's reward that it needs.
        paper: where the method is defined.
        ours: settings whose values the paper does not give and this project chose.
    """

    name: str
    version: str
    title: str
    sides: tuple[Side, ...] = ("drawing",)
    uses: Uses = "value"
    paper: str = ""
    ours: tuple[str, ...] = ()


class Trainer(ABC):
    """A method of training. Subclasses fill in :attr:`info`, :attr:`defaults` and :meth:`loss`.

    Attributes:
        info: what it is.
        defaults: settings that the method comes with.
        settings: the defaults with what the caller changed.
        own: the method's own parameters, by name; part of the identity.
        sides: what is trained with these parameters; all that the method can by default.
        on_policy: whether the loss needs the likelihoods under the model that drew; not by default.
        anchored: sides whose loss needs the likelihoods under the reference model, which is the starting
            model; none by default.
        step: number of the optimiser step that is being taken, from 1; set before every loss.
        needs: side -> the Protocol that a model has to meet.
        drops_text: whether a loss may leave a prompt out, and with it weights that read text.
        for_flow: the class that trains flow-matching models by the same method and takes its place there;
            None if there is none, or if it is this one.
    """

    info: TrainerInfo
    defaults: Settings = Settings()
    needs: ClassVar[Mapping[Side, type]] = {"drawing": TrainsDrawing, "captioning": TrainsCaptioning}
    drops_text: ClassVar[bool] = False
    for_flow: ClassVar[type[Trainer] | None] = None

    def __init__(self, own: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        self.own = dict(own)
        self.sides: tuple[Side, ...] = self.info.sides
        self.on_policy = False
        self.anchored: tuple[Side, ...] = ()
        self.step = 0
        self.settings = self.defaults.changed(self.info.name, settings, self.own)

    def identity(self) -> dict[str, Any]:
        """Everything that decides what is learnt beside model, prompts and rewarder; JSON values."""
        return {
            "name": self.info.name,
            "version": self.info.version,
            **self.own,
            "settings": self.settings.to_json(),
        }

    def examples(self, pool: Pool) -> Mapping[Side, int]:
        """How many examples each side of ``pool`` holds for this method; steps draw from so many.

        By default every group, on a side that is trained, that tells a better from a worse candidate.
        """
        counts: dict[Side, int] = {}
        if "drawing" in self.sides and pool.pictures is not None:
            counts["drawing"] = len(pool.pictures.groups)
        if "captioning" in self.sides and pool.captions is not None:
            counts["captioning"] = len(pool.captions.groups)
        return counts

    @abstractmethod
    def loss(
        self, model: Any, pool: Pool, picks: Mapping[Side, Sequence[int]]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss over the picked examples, and numbers worth logging.

        Args:
            model: the policy, which meets :attr:`needs`; gradients flow through ``drawing_logprobs`` and
                ``caption_logprobs``, or ``velocity``.
            pool: the round's candidates.
            picks: side -> numbers of examples, each below what :meth:`examples` gave.

        Returns:
            A scalar, the mean over examples (so that equal shares of a batch average to the whole), and
            a dictionary of plain numbers, averaged likewise.
        """
