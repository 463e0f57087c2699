"""Draws a batch of samples that have no picture yet, and writes them; then measures them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from selfreward_eval.harness.attempts import attempt_each
from selfreward_eval.harness.models.base import REVISED_PROMPT, Generates, Request, Supplies
from selfreward_eval.harness.records import Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.runs.measuring import measure_each, not_generated
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.runs.store import RunFolder, sample_from_picture
from selfreward_eval.harness.task import Task
from selfreward_eval.harness.user_files.pictures import as_rgb

if TYPE_CHECKING:
    from PIL.Image import Image

Phase = Literal["all", "draw", "measure"]
"""What of the work on every sample a process does."""


@dataclass(frozen=True)
class Unmeasured(Measurement):
    """In place of the measurement of a picture that another process measures; never recorded."""


@dataclass(frozen=True)
class Drawn:
    """A batch with its pictures, before it is measured; all mappings are by position in the batch.

    Attributes:
        batch: what was planned.
        samples: what came of it.
        pictures: RGB; none where drawing failed.
        failures: why there is no picture.
        fresh: which samples were drawn now.
        seconds: of drawing one picture.
        measured: whether the pictures are to be measured by this process.
        own: whether the model drew them, instead of handing out those of others.
    """

    batch: Sequence[Planned]
    samples: dict[int, Sample]
    pictures: dict[int, Image]
    failures: dict[int, Measurement]
    fresh: frozenset[int]
    seconds: float
    measured: bool
    own: bool


def draw(model: Any, task: Task, folder: RunFolder, batch: Sequence[Planned], phase: Phase = "all") -> Drawn:
    """Draws what has no picture yet, and writes it.

    In the phase ``draw`` pictures are left :class:`Unmeasured`; in ``measure``, samples without a picture
    are left out.
    """
    name = task.info.name
    paths = [folder.picture_path(name, p.item.id, p.index, p.seed) for p in batch]
    existing = [folder.read_picture(path) for path in paths]
    if phase == "measure":
        there = [k for k, picture in enumerate(existing) if picture is not None]
        batch, paths = [batch[k] for k in there], [paths[k] for k in there]
        existing = [existing[k] for k in there]
    missing = [k for k, picture in enumerate(existing) if picture is None]
    began = time.monotonic()
    outcomes = _generate(model, name, [batch[k] for k in missing])
    per_picture = (time.monotonic() - began) / max(1, len(missing))
    pictures: dict[int, Image] = {}
    samples: dict[int, Sample] = {}
    failures: dict[int, Measurement] = {}
    for k, picture in enumerate(existing):
        if picture is not None:
            pictures[k], digest = picture
            samples[k] = _sample(batch[k], paths[k], digest)
    for k, outcome in zip(missing, outcomes, strict=True):
        if isinstance(outcome, Measurement):
            failures[k] = outcome
            samples[k] = Sample(batch[k].item.id, batch[k].index, batch[k].seed)
        else:
            digest = folder.write_picture(paths[k], outcome)
            pictures[k] = outcome
            samples[k] = _sample(batch[k], paths[k], digest)
    measured, own = phase != "draw", not isinstance(model, Supplies)
    return Drawn(batch, samples, pictures, failures, frozenset(missing), per_picture, measured, own)


def measure_drawn(task: Task, drawn: Drawn) -> list[tuple[SampleRecord, bool]]:
    """Measures the pictures of a batch; (record, newly drawn) in plan order."""
    batch, samples, pictures = drawn.batch, drawn.samples, drawn.pictures
    began = time.monotonic()
    with_picture = sorted(pictures)
    measured: Sequence[Measurement]
    if drawn.measured:
        measured = measure_each(
            task,
            [batch[k] for k in with_picture],
            [samples[k] for k in with_picture],
            [pictures[k] for k in with_picture],
        )
    else:
        measured = [Unmeasured(Status.SUCCESS)] * len(with_picture)
    per_measure = (time.monotonic() - began) / max(1, len(with_picture))
    results = dict(zip(with_picture, measured, strict=True)) | drawn.failures
    if drawn.own:
        for k in with_picture:
            results[k] = _with_revised_prompt(results[k], pictures[k].info.get(REVISED_PROMPT))
    return [
        (
            SampleRecord(
                planned.doc_id,
                planned.item,
                samples[k],
                results[k],
                {
                    "gen_s": round(drawn.seconds, 4) if k in drawn.fresh else 0.0,
                    "score_s": round(per_measure, 4) if k in pictures else 0.0,
                },
            ),
            k in drawn.fresh,
        )
        for k, planned in enumerate(batch)
    ]


def _with_revised_prompt(measurement: Measurement, prompt: object) -> Measurement:
    """The measurement, with the prompt in its evidence that was drawn in place of the item's."""
    if not isinstance(prompt, str):
        return measurement
    return replace(measurement, evidence={**measurement.evidence, REVISED_PROMPT: prompt})


def _sample(planned: Planned, path: str, digest: str) -> Sample:
    return sample_from_picture(planned.item.id, planned.index, planned.seed, path, digest)


def _generate(model: Generates | Supplies, task: str, batch: Sequence[Planned]) -> list[Image | Measurement]:
    """Pictures, or failures with their reason."""

    def ask(members: Sequence[Planned]) -> list[Image | Measurement]:
        answers: Sequence[Image | Measurement | None]
        if isinstance(model, Supplies):
            answers = model.pictures([Request(task, p.item, p.index, p.seed) for p in members])
        else:
            answers = model.generate([p.item.text for p in members], [p.seed for p in members])
        return [_present(picture, p) for picture, p in zip(answers, members, strict=True)]

    return attempt_each(ask, batch, lambda _, error: not_generated(error), repeat_single=True)


def _present(picture: Image | Measurement | None, planned: Planned) -> Image | Measurement:
    if picture is None:
        reason = f"no picture for prompt {planned.item.id} ({planned.item.text!r}), index {planned.index}"
        return Measurement(Status.MISSING_IMAGE, reason=reason)
    if isinstance(picture, Measurement):
        if picture.ok:
            raise ValueError(f"a model supplied a measurement of {planned.item.id} in place of its picture")
        return picture
    return as_rgb(picture)
