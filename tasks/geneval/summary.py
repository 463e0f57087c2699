"""The official summary: accuracy per tag, and three ways to aggregate it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import SampleRecord


@dataclass(frozen=True)
class Row:
    """One picture's decision.

    Attributes:
        tag: category.
        prompt: identifies the prompt; upstream uses the whole metadata row.
        correct: the decision.
    """

    tag: str
    prompt: str
    correct: bool


@dataclass(frozen=True)
class TagScore:
    """Right pictures among the ``n`` of one tag."""

    correct: int
    n: int

    @property
    def accuracy(self) -> float:
        """Share of right pictures, in [0, 1]."""
        return self.correct / self.n


@dataclass(frozen=True)
class Summary:
    """What upstream prints.

    Attributes:
        images: pictures that were scored. Missing ones are not included; the harness reports coverage.
        prompts: different prompts among them.
        correct_images: share of right pictures.
        correct_prompts: share of prompts with at least one right picture.
        tags: tag -> score, in order of first appearance.
        overall: unweighted mean of the accuracies of the tags that are present.
    """

    images: int
    prompts: int
    correct_images: float
    correct_prompts: float
    tags: dict[str, TagScore]
    overall: float


def summarise(rows: Iterable[Row]) -> Summary:
    """The summary of ``rows``; their order matters to nothing but the order of ``tags``.

    Raises:
        InputError: there is no row, or one without a tag, a prompt or a decision.
    """
    tags: dict[str, TagScore] = {}
    prompts: dict[str, bool] = {}
    for row in rows:
        if not (isinstance(row.tag, str) and isinstance(row.prompt, str) and isinstance(row.correct, bool)):
            raise InputError(
                f"{row!r} is no verdict: it needs a tag, a prompt and true or false; measure the picture anew"
            )
        before = tags.get(row.tag, TagScore(0, 0))
        tags[row.tag] = TagScore(before.correct + row.correct, before.n + 1)
        prompts[row.prompt] = prompts.get(row.prompt, False) or row.correct
    if not tags:
        raise InputError("no verdict to summarise; measure at least one picture first")
    images = sum(score.n for score in tags.values())
    return Summary(
        images=images,
        prompts=len(prompts),
        correct_images=sum(score.correct for score in tags.values()) / images,
        correct_prompts=sum(prompts.values()) / len(prompts),
        tags=tags,
        overall=sum(score.accuracy for score in tags.values()) / len(tags),
    )


def official_numbers(records: Sequence[SampleRecord]) -> dict[str, float]:
    """Upstream's numbers over a run's samples; empty if nothing was measured.

    Like upstream's they are taken over the pictures that could be scored. The run's coverage counts
    the others.
    """
    rows = [
        Row(record.item.category, record.item.id, record.measurement.values["accuracy"] == 1.0)
        for record in records
        if record.measurement.ok
    ]
    if not rows:
        return {}
    summary = summarise(rows)
    return {
        "official_overall": summary.overall,
        "official_correct_images": summary.correct_images,
        "official_correct_prompts": summary.correct_prompts,
    }
