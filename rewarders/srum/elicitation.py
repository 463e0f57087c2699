"""Two ways to elicit scores from a model: written, as in SRUM, and from the probability of a yes.

Written scores: the model writes a score for every region and one for the layout. Yes probabilities: the
prompt is decomposed into questions; those about the layout are asked of the whole picture, those about
objects of each region shown alone. A probability p becomes the score 2 p - 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import nan, prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.instruments.backends.storable import without_lone_surrogates
from selfreward_eval.harness.instruments.base import VQA
from selfreward_eval.harness.models.base import CutAnswer, require
from selfreward_eval.rewarders.questions import PromptQuestions, question_maker
from selfreward_eval.rewarders.self_vqa import Answer, Question, answers
from selfreward_eval.rewarders.srum.parsing import LAYOUT, REGIONS, ParsedScore
from selfreward_eval.rewarders.srum.region_views import REGION_VIEWS, region_view
from selfreward_eval.rewarders.srum.regions import Proposal

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.harness.models.base import Model
    from selfreward_eval.rewarders.base import RewardSample
    from selfreward_eval.rewarders.models import AnsweringModel

PROMPTS = Path(__file__).with_name("prompts")


@dataclass(frozen=True)
class ElicitedScores:
    """The scores that a model gives one picture.

    Attributes:
        layout: of the whole picture.
        regions: one per proposal, aligned.
        evidence: replies, or answers with their probabilities; JSON values.
    """

    layout: ParsedScore
    regions: tuple[ParsedScore, ...]
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Elicitation(Protocol):
    """A way to elicit scores."""

    def identity(self) -> dict[str, Any]:
        """Every setting that can change a score; JSON values."""
        ...

    def elicit(
        self,
        prompts: Sequence[str],
        samples: Sequence[RewardSample],
        proposals: Sequence[Sequence[Proposal]],
    ) -> list[ElicitedScores]:
        """One result per sample, aligned; a score that cannot be read is missing, with a reason."""
        ...


class WrittenScores:
    """Scores that the model writes.

    Boxes are given as numbers in the text; nothing is drawn into the picture, as in the released code.

    Args:
        model: an adapter with ``answer``. Its longest answer must hold three lines per region.
        parser: ``robust`` or ``released``; see :mod:`selfreward_eval.rewarders.srum.parsing`.
        prompts: folder with ``region.md`` (``{prompt}``, ``{regions}``) and ``layout.md`` (``{prompt}``).
    """

    def __init__(self, model: Model, parser: str = "robust", prompts: str | Path = PROMPTS) -> None:
        if parser not in REGIONS:
            raise UsageError(f"the rewarder 'srum' has no parser {parser!r}; known: {', '.join(REGIONS)}")
        self.model: AnsweringModel = require(model, "answer", "the rewarder 'srum' with ask=text")
        self.parser = parser
        self._region, self._layout = (_template(Path(prompts) / name) for name in ("region.md", "layout.md"))

    def identity(self) -> dict[str, Any]:
        texts = {"region": self._region, "layout": self._layout}
        return {
            "ask": "text",
            "parser": self.parser,
            "prompts": {name: sha256(text.encode("utf-8")).hexdigest() for name, text in texts.items()},
        }

    def elicit(
        self,
        prompts: Sequence[str],
        samples: Sequence[RewardSample],
        proposals: Sequence[Sequence[Proposal]],
    ) -> list[ElicitedScores]:
        """One result per sample, aligned. A picture without proposals is asked for its layout only."""
        requests = [
            (k, "layout", fill_template(self._layout, prompt=prompt)) for k, prompt in enumerate(prompts)
        ]
        for k, boxes in enumerate(proposals):
            if boxes:
                text = fill_template(self._region, prompt=prompts[k], regions=numbered_regions(boxes))
                requests.append((k, "regions", text))
        images = [samples[k].image for k, _, _ in requests]
        texts = [text for _, _, text in requests]
        replies: list[dict[str, str]] = [{} for _ in samples]
        for (k, about, _), reply in zip(requests, self.model.answer(images, texts), strict=True):
            replies[k][about] = reply
        return [self._read(reply, boxes) for reply, boxes in zip(replies, proposals, strict=True)]

    def _read(self, reply: Mapping[str, str], proposals: Sequence[Proposal]) -> ElicitedScores:
        cut = {about: isinstance(text, CutAnswer) for about, text in reply.items()}
        texts = {about: without_lone_surrogates(text) for about, text in reply.items()}
        by_number = REGIONS[self.parser](texts.get("regions", ""), cut.get("regions", False))
        absent = ParsedScore(None, reason="the reply leaves it out")
        regions = tuple(self._usable(by_number.get(number + 1, absent)) for number in range(len(proposals)))
        layout = LAYOUT[self.parser](texts["layout"], cut["layout"])
        return ElicitedScores(layout, regions, {"replies": texts})

    def _usable(self, score: ParsedScore) -> ParsedScore:
        """As released, a region counts only where the reply also says what it shows."""
        if self.parser == "released" and score.identified is None:
            return ParsedScore(None, reason="the reply does not identify it")
        return score


class YesProbabilities:
    """Scores from P(yes), read off a VQA instrument, or off the model as its own.

    Args:
        vqa: the instrument.
        questions: how prompts are decomposed into questions; see :mod:`selfreward_eval.rewarders.questions`.
        show: how a region is shown; see :func:`~selfreward_eval.rewarders.srum.region_views.region_view`.
    """

    def __init__(self, vqa: VQA, questions: str = "auto", show: str = REGION_VIEWS[0]) -> None:
        if show not in REGION_VIEWS:
            raise UsageError(f"a region cannot be shown {show!r}; known: {', '.join(REGION_VIEWS)}")
        self.vqa, self.show = vqa, show
        self.questions, self._question_maker = questions, question_maker(questions)

    def identity(self) -> dict[str, Any]:
        return {"ask": "yes", "vqa": self.vqa.identity(), "questions": self.questions, "show": self.show}

    def elicit(
        self,
        prompts: Sequence[str],
        samples: Sequence[RewardSample],
        proposals: Sequence[Sequence[Proposal]],
    ) -> list[ElicitedScores]:
        """One result per sample, aligned; all questions about all pictures are asked together.

        A region's probability is that of the object, among those the prompt names, that it shows best:
        the product over the questions about this object.
        """
        plans = [self._plan(prompt, sample) for prompt, sample in zip(prompts, samples, strict=True)]
        pairs: list[tuple[Image, Question]] = []
        for sample, plan, boxes in zip(samples, plans, proposals, strict=True):
            if isinstance(plan, PromptQuestions):
                image = sample.image.convert("RGB")
                pairs += [(image, question) for question in plan.layout]
                views = [region_view(image, proposal.box, self.show) for proposal in boxes]
                pairs += [(view, question) for view in views for each in plan.objects for question in each]
        answered = iter(answers(self.vqa, [image for image, _ in pairs], [question for _, question in pairs]))
        return [
            self._read(
                plan, [next(answered) for _ in plan.layout], [_by_object(plan, answered) for _ in boxes]
            )
            if isinstance(plan, PromptQuestions)
            else ElicitedScores(
                ParsedScore(None, reason=plan), tuple(ParsedScore(None, reason=plan) for _ in boxes)
            )
            for plan, boxes in zip(plans, proposals, strict=True)
        ]

    def _plan(self, prompt: str, sample: RewardSample) -> PromptQuestions | str:
        """The questions, or why there are none."""
        try:
            return self._question_maker(prompt, sample.metadata)
        except InputError as error:
            return str(error)

    def _read(
        self, plan: PromptQuestions, layout: list[Answer], regions: list[list[list[Answer]]]
    ) -> ElicitedScores:
        scores = []
        for objects in regions:
            probabilities = [_joint_probability(each) for each in objects]
            # NaN counts as the largest, so that it is reported and not outweighed by another object.
            best = max(
                range(len(probabilities)),
                key=lambda k: (probabilities[k] != probabilities[k], probabilities[k]),
            )
            identified = " ".join(answer.question for answer in objects[best])
            scores.append(_score_of(probabilities[best], identified))
        evidence = {"layout_answers": [_as_evidence(answer) for answer in layout]}
        # The geometric mean, so that prompts of any length compare.
        layout_score = _score_of(_joint_probability(layout) ** (1 / len(layout)))
        return ElicitedScores(layout_score, tuple(scores), evidence)


def numbered_regions(proposals: Sequence[Proposal]) -> str:
    """The regions of a request, a line each, numbered from 1."""
    return "\n".join(
        f"Region ID: {number}, box {list(proposal.box)}" for number, proposal in enumerate(proposals, start=1)
    )


def fill_template(template: str, **values: str) -> str:
    """``template`` with each ``{name}`` replaced, once: braces within a value are not replaced."""
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), template)


def _template(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the prompt template {path} cannot be read ({error}); name its folder") from error


def _by_object(plan: PromptQuestions, answered: Iterator[Answer]) -> list[list[Answer]]:
    return [[next(answered) for _ in each] for each in plan.objects]


def _joint_probability(given: Sequence[Answer]) -> float:
    """The product of the answers' probabilities; NaN if one is outside [0, 1]."""
    probabilities = [answer.probability for answer in given]
    return prod(probabilities) if all(0.0 <= p <= 1.0 for p in probabilities) else nan


def _score_of(probability: float, identified: str = "") -> ParsedScore:
    if not 0.0 <= probability <= 1.0:
        return ParsedScore(None, identified, "an answer is no probability")
    return ParsedScore(2 * probability - 1, identified)


def _as_evidence(answer: Answer) -> dict[str, Any]:
    return {"question": answer.question, "yes": answer.probability}
