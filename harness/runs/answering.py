"""Has a batch of questions about pictures answered, and measures the answers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.attempts import attempt_each
from selfreward_eval.harness.models.base import Answers
from selfreward_eval.harness.plugins import calling
from selfreward_eval.harness.records import Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.runs.contract import named
from selfreward_eval.harness.runs.measuring import measure_each, not_generated
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.runs.store import RunFolder, sample_from_picture
from selfreward_eval.harness.task import Task
from selfreward_eval.harness.user_files.pictures import Unreadable, as_rgb, read_rgb_file

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Answered:
    """A batch with its answers, before they are measured; all mappings are by position in the batch.

    Attributes:
        batch: what was planned.
        samples: what came of it.
        pictures: RGB, those that were asked about.
        failures: why there is no answer.
        seconds: of answering one question.
    """

    batch: Sequence[Planned]
    samples: list[Sample]
    pictures: dict[int, Image]
    failures: dict[int, Measurement]
    seconds: float


def answer(model: Any, task: Task, folder: RunFolder, batch: Sequence[Planned]) -> Answered:
    """Asks the model each item's text about its picture.

    A picture that is not there or cannot be read is a status of its own sample; the model is not asked.
    """
    inputs = [_input(task, planned) for planned in batch]
    pictures = {k: picture for k, picture in enumerate(inputs) if not isinstance(picture, Measurement)}
    began = time.monotonic()
    answers = _answers(model, [batch[k] for k in pictures], list(pictures.values()))
    per_answer = (time.monotonic() - began) / max(1, len(pictures))
    samples = [Sample(planned.item.id, planned.index, planned.seed) for planned in batch]
    failures: dict[int, Measurement] = {
        k: picture for k, picture in enumerate(inputs) if isinstance(picture, Measurement)
    }
    for k, outcome in zip(pictures, answers, strict=True):
        if isinstance(outcome, Measurement):
            failures[k] = outcome
        else:
            samples[k] = text_sample(task, folder, batch[k], pictures[k], outcome)
    return Answered(batch, samples, pictures, failures, per_answer)


def measure_answered(task: Task, made: Answered) -> list[tuple[SampleRecord, bool]]:
    """Measures the answers of a batch; (record, newly answered) in plan order."""
    batch, samples, pictures = made.batch, made.samples, made.pictures
    answered = [k for k in pictures if k not in made.failures]
    began = time.monotonic()
    measured = measure_each(
        task, [batch[k] for k in answered], [samples[k] for k in answered], [pictures[k] for k in answered]
    )
    per_measure = (time.monotonic() - began) / max(1, len(answered))
    results = made.failures | dict(zip(answered, measured, strict=True))
    return [
        (
            SampleRecord(
                planned.doc_id,
                planned.item,
                samples[k],
                results[k],
                {
                    "gen_s": round(made.seconds, 4) if k in pictures else 0.0,
                    "score_s": round(per_measure, 4) if k in answered else 0.0,
                },
            ),
            True,
        )
        for k, planned in enumerate(batch)
    ]


def text_sample(task: Task, folder: RunFolder, planned: Planned, picture: Image | None, text: str) -> Sample:
    """The sample of an answer; the picture it is about is copied into the run folder, for its page."""
    item, index, seed = planned.item, planned.index, planned.seed
    if picture is None:
        return Sample(item.id, index, seed, text=text)
    path = folder.picture_path(task.info.name, item.id, index, seed)
    digest = folder.write_picture(path, picture)
    return replace(sample_from_picture(item.id, index, seed, path, digest), text=text)


def _input(task: Task, planned: Planned) -> Image | Measurement:
    """The picture that an item asks about, RGB, or why there is none."""
    with calling(named(task), f"input_image() of item {planned.item.id!r}"):
        picture = task.input_image(planned.item)
    if isinstance(picture, Path) and not picture.is_file():
        return Measurement(
            Status.MISSING_IMAGE, reason=f"{picture}, asked about by {planned.item.id}, is not there"
        )
    try:
        return read_rgb_file(picture) if isinstance(picture, Path) else as_rgb(picture)
    except (OSError, Unreadable) as error:
        name = picture if isinstance(picture, Path) else "the picture"
        reason = f"{name}, which {planned.item.id} asks about, cannot be read: {error}"
        return Measurement(Status.UNREADABLE_IMAGE, reason=reason)


def _answers(model: Answers, batch: Sequence[Planned], pictures: Sequence[Image]) -> list[str | Measurement]:
    """Answers, or failures with their reason."""

    def ask(members: Sequence[tuple[Planned, Image]]) -> list[str | Measurement]:
        answers = model.answer(
            [picture for _, picture in members], [planned.item.text for planned, _ in members]
        )
        return [_text(answer, planned) for answer, (planned, _) in zip(answers, members, strict=True)]

    members = list(zip(batch, pictures, strict=True))
    return attempt_each(ask, members, lambda _, error: not_generated(error), repeat_single=True)


def _text(answer: str | None, planned: Planned) -> str | Measurement:
    if answer is None:
        reason = f"no answer to {planned.item.id} ({planned.item.text!r})"
        return Measurement(Status.GENERATION_ERROR, reason=reason)
    return answer
