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
from typing import Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample
from selfreward_eval.rewarders.building import instrument, needs_model
from selfreward_eval.rewarders.srum.elicitation import PROMPTS, ByYes, InWords, Scored, Way
from selfreward_eval.rewarders.srum.maps import Reading as MapReading
from selfreward_eval.rewarders.srum.maps import Region, reward_map
from selfreward_eval.rewarders.srum.parsing import Reading
from selfreward_eval.rewarders.srum.regions import DetectorRegions, Proposal, Proposer
from selfreward_eval.rewarders.vqa import SELF, reader

MOST_REGIONS = 5
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
        questions: how prompts are taken apart for ``ask=yes``; see ``rewarders.questions``.
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
        model: Any = None,
        ask: str = "text",
        regions: Any = "sam",
        regions_args: Mapping[str, Any] | None = None,
        most: int = MOST_REGIONS,
        reading: MapReading = "code",
        parser: str = "robust",
        prompts: str | Path = PROMPTS,
        questions: str = "auto",
        vqa: Any = SELF,
        vqa_args: Mapping[str, Any] | None = None,
        show: str = "masked",
        snapshot: str | None = None,
    ) -> None:
        if ask not in ASKS or reading not in READINGS:
            what, got, known = ("ask", ask, ASKS) if ask not in ASKS else ("reading", reading, READINGS)
            raise UsageError(f"the rewarder 'srum' has no {what} {got!r}; known: {', '.join(known)}")
        if most < 1:
            raise UsageError(f"the rewarder 'srum' needs at least one region, got most={most}")
        self.reading, self.most, self.snapshot = reading, int(most), snapshot
        self._failure = Status.JUDGE_PARSE_ERROR if ask == "text" else Status.MEASUREMENT_ERROR
        self.released = ask == "text" and parser == "released"
        self.proposer = proposer(regions, regions_args)
        self.way: Way
        own = ask == "text" or vqa == SELF
        capability = "answer" if ask == "text" else "text_logprobs"
        self.model = needs_model(model, self.info.name, capability) if own else None
        if ask == "text":
            self.way = InWords(self.model, parser, prompts)
        else:
            self.way = ByYes(reader(vqa, vqa_args, model, self.info.name), questions, show)
        self.info = replace(
            type(self).info,
            kind="self" if own else "external",
            needs=(capability if own else "vqa", "regions"),
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
            **self.way.identity(),
        )

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        proposals = [found[: self.most] for found in self.proposer.propose(prompts, samples)]
        scored = self.way.scores(prompts, samples, proposals)
        return [
            self._reward(sample, boxes, one)
            for sample, boxes, one in zip(samples, proposals, scored, strict=True)
        ]

    def _reward(self, sample: RewardSample, proposals: Sequence[Proposal], scored: Scored) -> Reward:
        evidence = {
            **scored.evidence,
            "layout": scored.layout.score,
            "regions": [_told(box, said) for box, said in zip(proposals, scored.regions, strict=True)],
        }
        layout, complaint = scored.layout.score, self._complaint(scored)
        if complaint or layout is None:
            return Reward.unscored(self._failure, complaint, evidence)
        regions = [
            Region(box.box, said.score)
            for box, said in zip(proposals, scored.regions, strict=True)
            if said.score is not None
        ]
        shape = (sample.image.height, sample.image.width)
        painted = reward_map(self.reading, shape, regions, layout)
        scores = [region.score for region in regions]
        local = {"local": fsum(scores) / len(scores), "worst_region": min(scores)} if scores else {}
        return Reward(
            summary(layout, scores),
            {"layout": layout, **local, "regions": float(len(scores)), "map_mean": float(painted.mean())},
            painted,
            evidence=evidence,
        )

    def _complaint(self, scored: Scored) -> str:
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


def proposer(given: Any, arguments: Mapping[str, Any] | None = None) -> Proposer:
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
    wanted = dict(arguments or {})
    settings = {name: wanted.pop(name) for name in ("labels", "threshold") if name in wanted}
    if given == "sam":
        from selfreward_eval.rewarders.srum.sam import SamRegions

        try:
            return SamRegions(**wanted, **settings)
        except TypeError as error:
            raise UsageError(f"the regions 'sam' cannot be built: {error}; correct regions_args") from error
    if given == "shapes":
        from selfreward_eval.tasks.shapes.oracle.detector import OracleDetector
        from selfreward_eval.tasks.shapes.vocabulary import FORMS

        if wanted:
            raise UsageError(f"the regions 'shapes' take labels and threshold only, got {', '.join(wanted)}")
        return DetectorRegions(OracleDetector(), **{"labels": FORMS, **settings})
    return DetectorRegions(instrument(given, wanted, "detect", "region detector"), **settings)


def _told(box: Proposal, said: Reading) -> dict[str, Any]:
    """A region as evidence."""
    return {
        "box": list(box.box),
        "label": box.label,
        "score": said.score,
        "identified": said.identified,
        "reason": said.reason,
    }
