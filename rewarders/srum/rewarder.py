"""``srum``: the model's own scores of a picture's regions and layout, as a map and as one number.

The map is SRUM's reward (:mod:`selfreward_eval.rewarders.srum.maps`). SRUM itself needs no single number;
for ranking pictures, and for trainers that take a scalar, ``value`` is the mean of the layout score and
of the regions' mean score, in [-1, 1]; of a picture without regions it is the layout score. That summary
is this project's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample
from selfreward_eval.rewarders.building import instrument, needs_model
from selfreward_eval.rewarders.srum.elicitation import (
    PROMPTS,
    Elicitation,
    ElicitedScores,
    WrittenScores,
    YesProbabilities,
)
from selfreward_eval.rewarders.srum.maps import MapReading, Region, reward_map
from selfreward_eval.rewarders.srum.parsing import ParsedScore
from selfreward_eval.rewarders.srum.regions import DetectorRegions, Proposal, Proposer
from selfreward_eval.rewarders.srum.sam import SamRegions
from selfreward_eval.rewarders.vqa import SELF, vqa_instrument

if TYPE_CHECKING:
    from selfreward_eval.harness.instruments.base import VQA
    from selfreward_eval.harness.models.base import Model

MAX_REGIONS = 5
"""As the released ``vlm.py``; its multi-GPU sibling takes 10."""

READINGS = ("code", "paper")
ASKS = ("text", "yes")


class SrumReward(Rewarder):
    """Scores regions and layout of a picture.

    Args:
        model: the adapter that rewards itself: it must ``answer`` (``ask=text``) or score texts
            (``ask=yes`` with ``vqa=self``). Not needed where another VQA instrument is named.
        ask: ``text``, scores that the model writes, or ``yes``, probabilities of a yes.
        regions: ``sam``; ``shapes`` (the oracle); a detector's registry name; or a
            :class:`~selfreward_eval.rewarders.srum.regions.Proposer`.
        regions_args: the constructor's arguments, for a name.
        most: regions kept, the largest first.
        reading: of the map, ``code`` or ``paper``.
        parser: of written scores, ``robust`` or ``released``.
        prompts: folder with the templates of ``ask=text``.
        questions: how prompts are decomposed into questions for ``ask=yes``; see ``rewarders.questions``.
        vqa: who is asked for ``ask=yes``: ``self``, an instrument or its registry name.
        vqa_args: its constructor's arguments, for a name.
        show: how a region is shown for ``ask=yes``: ``masked`` or ``crop``.
        snapshot: which weights these are, if they are no longer those of the model's identity.
    """

    info = RewarderInfo(
        "srum",
        "1",
        "SRUM: own scores of regions and layout, with a reward map",
        "self",
        (-1.0, 1.0),
        needs=("answer", "regions"),
        maps=True,
        paper="https://arxiv.org/abs/2510.12784",
    )

    def __init__(
        self,
        model: Model | None = None,
        ask: str = "text",
        regions: Proposer | str = "sam",
        regions_args: Mapping[str, Any] | None = None,
        most: int = MAX_REGIONS,
        reading: MapReading = "code",
        parser: str = "robust",
        prompts: str | Path = PROMPTS,
        questions: str = "auto",
        vqa: VQA | str = SELF,
        vqa_args: Mapping[str, Any] | None = None,
        show: str = "masked",
        snapshot: str | None = None,
    ) -> None:
        if ask not in ASKS or reading not in READINGS:
            what, got, known = ("ask", ask, ASKS) if ask not in ASKS else ("reading", reading, READINGS)
            raise UsageError(f"the rewarder 'srum' has no {what} {got!r}; known: {', '.join(known)}")
        if most < 1:
            raise UsageError(f"the rewarder 'srum' needs at least one region, got most={most}")
        self.reading: MapReading = reading
        self.most, self.snapshot = int(most), snapshot
        self._failure = Status.JUDGE_PARSE_ERROR if ask == "text" else Status.MEASUREMENT_ERROR
        self.released = ask == "text" and parser == "released"
        self.proposer = proposer(regions, regions_args)
        self.elicitation: Elicitation
        self.model: Model | None = None
        capability = "vqa"
        if ask == "text":
            capability = "answer"
            answering = needs_model(model, self.info.name, capability)
            self.model = answering
            self.elicitation = WrittenScores(answering, parser, prompts)
        else:
            if vqa == SELF:
                capability = "text_logprobs"
                self.model = needs_model(model, self.info.name, capability)
            self.elicitation = YesProbabilities(
                vqa_instrument(vqa, vqa_args, model, self.info.name), questions, show
            )
        self.info = replace(
            type(self).info,
            kind="self" if self.model is not None else "external",
            needs=(capability, "regions"),
            # The released parser lets any number through, and the mean follows it.
            range=(None, None) if self.released else (-1.0, 1.0),
        )

    def identity(self) -> dict[str, Any]:
        return self.described(
            model=None if self.model is None else self.model.identity(),
            snapshot=self.snapshot,
            regions=self.proposer.identity(),
            most=self.most,
            reading=self.reading,
            **self.elicitation.identity(),
        )

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        proposals = [regions[: self.most] for regions in self.proposer.propose(prompts, samples)]
        elicited = self.elicitation.elicit(prompts, samples, proposals)
        return [
            self._reward(sample, boxes, scores)
            for sample, boxes, scores in zip(samples, proposals, elicited, strict=True)
        ]

    def _reward(self, sample: RewardSample, proposals: Sequence[Proposal], scored: ElicitedScores) -> Reward:
        evidence = {
            **scored.evidence,
            "layout": scored.layout.score,
            "regions": [
                _as_evidence(box, score) for box, score in zip(proposals, scored.regions, strict=True)
            ],
        }
        layout, missing = scored.layout.score, self._missing_score(scored)
        if missing or layout is None:
            return Reward.unscored(self._failure, missing, evidence)
        regions = [
            Region(proposal.box, parsed.score)
            for proposal, parsed in zip(proposals, scored.regions, strict=True)
            if parsed.score is not None
        ]
        shape = (sample.image.height, sample.image.width)
        pixel_rewards = reward_map(self.reading, shape, regions, layout)
        scores = [region.score for region in regions]
        local = {"local": fsum(scores) / len(scores), "worst_region": min(scores)} if scores else {}
        return Reward(
            summary(layout, scores),
            {
                "layout": layout,
                **local,
                "regions": float(len(scores)),
                "map_mean": float(pixel_rewards.mean()),
            },
            pixel_rewards,
            evidence=evidence,
        )

    def _missing_score(self, scored: ElicitedScores) -> str:
        """Why there is no reward, or nothing.

        As released, a picture with a layout score of 0 is left out, because 0 also stands for a reply
        that could not be read; one whose regions cannot be read stays, with a flat map.
        """
        layout = scored.layout
        if layout.score is None:
            return f"no layout score: {layout.reason}"
        if self.released:
            return "" if layout.score else "as released, a picture with a layout score of 0 is left out"
        if scored.regions and all(region.score is None for region in scored.regions):
            return f"no region has a score: {scored.regions[0].reason}"
        return ""


def summary(layout: float, regions: Sequence[float]) -> float:
    """The scalar of a picture: the mean of its layout score and of its regions' mean score.

    >>> summary(0.5, [1.0, -1.0]), summary(0.5, [])
    (0.25, 0.5)
    """
    return (layout + fsum(regions) / len(regions)) / 2 if regions else layout


def proposer(given: Proposer | str, arguments: Mapping[str, Any] | None = None) -> Proposer:
    """The region proposer of that name, or ``given`` itself.

    Raises:
        UnknownName: no such instrument.
        UsageError: it is no detector, or does not take these arguments.
    """
    if not isinstance(given, str):
        if not isinstance(given, Proposer) or arguments:
            raise UsageError(
                f"the rewarder 'srum' cannot take regions from {type(given).__name__}: give a name, with its "
                "arguments, or an object that proposes"
            )
        return given
    constructor = dict(arguments or {})
    settings = {name: constructor.pop(name) for name in ("labels", "threshold") if name in constructor}
    if given == "sam":
        try:
            return SamRegions(**constructor, **settings)
        except TypeError as error:
            raise UsageError(f"the regions 'sam' cannot be built: {error}; correct regions_args") from error
    if given == "shapes":
        from selfreward_eval.tasks.shapes.oracle.detector import OracleDetector
        from selfreward_eval.tasks.shapes.vocabulary import FORMS

        if constructor:
            raise UsageError(
                f"the regions 'shapes' take labels and threshold only, got {', '.join(constructor)}"
            )
        return DetectorRegions(OracleDetector(), **{"labels": FORMS, **settings})
    return DetectorRegions(instrument(given, constructor, "detect", "region detector"), **settings)


def _as_evidence(proposal: Proposal, parsed: ParsedScore) -> dict[str, Any]:
    return {
        "box": list(proposal.box),
        "label": proposal.label,
        "score": parsed.score,
        "identified": parsed.identified,
        "reason": parsed.reason,
    }
