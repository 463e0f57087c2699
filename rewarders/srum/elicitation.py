"""Two ways to ask a model for its scores: in words, as SRUM does, and by the probability of a yes.

In words, the model writes a score for every region and one for the layout. By yes, it is asked what
the prompt comes to as questions: the layout's about the whole picture, the objects' about each region
shown alone. A probability p becomes the score 2 p - 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import nan, prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.instruments.base import VQA
from selfreward_eval.rewarders.asking import Answer, Question, answers
from selfreward_eval.rewarders.questions import Asked, maker
from selfreward_eval.rewarders.srum.parsing import LAYOUT, REGIONS, Reading
from selfreward_eval.rewarders.srum.regions import Proposal
from selfreward_eval.rewarders.srum.showing import WAYS, shown

if TYPE_CHECKING:
    from selfreward_eval.rewarders.base import RewardSample

PROMPTS = Path(__file__).with_name("prompts")


@dataclass(frozen=True)
class Scored:
    """What a model says of one picture.

    Attributes:
        layout: of the whole picture.
        regions: one reading per proposal, aligned.
        evidence: how it was said; JSON values.
    """

    layout: Reading
    regions: tuple[Reading, ...]
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Way(Protocol):
    """A way to ask."""

    def identity(self) -> dict[str, Any]: ...

    def scores(
        self,
        prompts: Sequence[str],
        samples: Sequence[RewardSample],
        proposals: Sequence[Sequence[Proposal]],
    ) -> list[Scored]:
        """One result per sample, aligned; what cannot be read has no score, and a reason."""
        ...


class InWords:
    """Scores that the model writes.

    Boxes are told as numbers in the text; nothing is drawn into the picture, as in the released code.

    Args:
        model: an adapter with ``answer``. Its longest answer must hold three lines per region.
        parser: ``robust`` or ``released``; see :mod:`selfreward_eval.rewarders.srum.parsing`.
        prompts: folder with ``region.md`` (``{prompt}``, ``{regions}``) and ``layout.md`` (``{prompt}``).
    """

    def __init__(self, model: Any, parser: str = "robust", prompts: str | Path = PROMPTS) -> None:
        from selfreward_eval.harness.models.base import require

        if parser not in REGIONS:
            raise UsageError(f"the rewarder 'srum' has no parser {parser!r}; known: {', '.join(REGIONS)}")
        self.model = require(model, "answer", "the rewarder 'srum' with ask=text")
        self.parser = parser
        self._region, self._layout = (_template(Path(prompts) / name) for name in ("region.md", "layout.md"))

    def identity(self) -> dict[str, Any]:
        texts = {"region": self._region, "layout": self._layout}
        return {
            "ask": "text",
            "parser": self.parser,
            "prompts": {name: sha256(text.encode("utf-8")).hexdigest() for name, text in texts.items()},
        }

    def scores(
        self,
        prompts: Sequence[str],
        samples: Sequence[RewardSample],
        proposals: Sequence[Sequence[Proposal]],
    ) -> list[Scored]:
        """One result per sample, aligned. A picture without proposals is asked for its layout only."""
        asked = [(k, "layout", filled(self._layout, prompt=prompt)) for k, prompt in enumerate(prompts)]
        asked += [
            (k, "regions", filled(self._region, prompt=prompts[k], regions=listed(boxes)))
            for k, boxes in enumerate(proposals)
            if boxes
        ]
        said = self.model.answer([samples[k].image for k, _, _ in asked], [text for _, _, text in asked])
        replies: list[dict[str, str]] = [{} for _ in samples]
        for (k, what, _), reply in zip(asked, said, strict=True):
            replies[k][what] = reply
        return [self._read(reply, boxes) for reply, boxes in zip(replies, proposals, strict=True)]

    def _read(self, reply: Mapping[str, str], proposals: Sequence[Proposal]) -> Scored:
        told = REGIONS[self.parser](reply.get("regions", ""))
        absent = Reading(None, reason="the reply leaves it out")
        regions = tuple(self._usable(told.get(number + 1, absent)) for number in range(len(proposals)))
        return Scored(LAYOUT[self.parser](reply["layout"]), regions, {"replies": dict(reply)})

    def _usable(self, reading: Reading) -> Reading:
        """As released, a region counts only where the reply also says what it shows."""
        if self.parser == "released" and reading.identified is None:
            return Reading(None, reason="the reply does not identify it")
        return reading


class ByYes:
    """Scores from P(yes), read off a VQA instrument, or off the model as its own.

    Args:
        vqa: the instrument.
        questions: how prompts are taken apart; see :mod:`selfreward_eval.rewarders.questions`.
        show: how a region is shown; see :func:`~selfreward_eval.rewarders.srum.showing.shown`.
    """

    def __init__(self, vqa: VQA, questions: str = "auto", show: str = WAYS[0]) -> None:
        if show not in WAYS:
            raise UsageError(f"a region cannot be shown {show!r}; known: {', '.join(WAYS)}")
        self.vqa, self.show = vqa, show
        self.questions, self._maker = questions, maker(questions)

    def identity(self) -> dict[str, Any]:
        return {"ask": "yes", "vqa": self.vqa.identity(), "questions": self.questions, "show": self.show}

    def scores(
        self,
        prompts: Sequence[str],
        samples: Sequence[RewardSample],
        proposals: Sequence[Sequence[Proposal]],
    ) -> list[Scored]:
        """One result per sample, aligned; all questions about all pictures are asked together.

        A region's probability is that of the object, among those the prompt names, that it shows best:
        the product over the questions about this object.
        """
        plans = [self._plan(prompt, sample) for prompt, sample in zip(prompts, samples, strict=True)]
        pairs: list[tuple[Any, Question]] = []
        for sample, plan, boxes in zip(samples, plans, proposals, strict=True):
            if isinstance(plan, Asked):
                image = sample.image.convert("RGB")
                pairs += [(image, question) for question in plan.layout]
                parts = [shown(image, one.box, self.show) for one in boxes]
                pairs += [(part, q) for part in parts for each in plan.objects for q in each]
        found = iter(answers(self.vqa, [image for image, _ in pairs], [question for _, question in pairs]))
        return [
            self._read(plan, [next(found) for _ in plan.layout], [_objects(plan, found) for _ in boxes])
            if isinstance(plan, Asked)
            else Scored(Reading(None, reason=plan), tuple(Reading(None, reason=plan) for _ in boxes))
            for plan, boxes in zip(plans, proposals, strict=True)
        ]

    def _plan(self, prompt: str, sample: RewardSample) -> Asked | str:
        """The questions, or why there are none."""
        try:
            return self._maker(prompt, sample.metadata)
        except InputError as error:
            return str(error)

    def _read(self, plan: Asked, layout: list[Answer], regions: list[list[list[Answer]]]) -> Scored:
        readings = []
        for objects in regions:
            chances = [_all(each) for each in objects]
            # An answer that is no number must not hide behind another object's.
            best = max(range(len(chances)), key=lambda k: (chances[k] != chances[k], chances[k]))
            readings.append(_reading(chances[best], " ".join(answer.question for answer in objects[best])))
        evidence = {"layout_answers": [_told(answer) for answer in layout]}
        # The geometric mean, so that prompts of any length compare.
        return Scored(_reading(_all(layout) ** (1 / len(layout))), tuple(readings), evidence)


def listed(proposals: Sequence[Proposal]) -> str:
    """Regions as a reader is told them, numbered from 1."""
    return "\n".join(
        f"Region ID: {number}, box {list(one.box)}" for number, one in enumerate(proposals, start=1)
    )


def filled(template: str, **values: str) -> str:
    """``template`` with each ``{name}`` replaced, once: a prompt that spells a name stays as it is."""
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), template)


def _template(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the prompt template {path} cannot be read ({error}); name its folder") from error


def _objects(plan: Asked, found: Any) -> list[list[Answer]]:
    return [[next(found) for _ in each] for each in plan.objects]


def _all(told: Sequence[Answer]) -> float:
    """The product of the probabilities; NaN if one of them is none."""
    chances = [answer.probability for answer in told]
    return prod(chances) if all(0.0 <= chance <= 1.0 for chance in chances) else nan


def _reading(probability: float, identified: str = "") -> Reading:
    if not 0.0 <= probability <= 1.0:
        return Reading(None, identified, "an answer is no probability")
    return Reading(2 * probability - 1, identified)


def _told(answer: Answer) -> dict[str, Any]:
    return {"question": answer.question, "yes": answer.probability}
