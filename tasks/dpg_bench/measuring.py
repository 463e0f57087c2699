"""Measures pictures by asking every question of their item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item, Measurement, Status
from selfreward_eval.tasks.dpg_bench.answering import Answer, Answerer, answer
from selfreward_eval.tasks.dpg_bench.items import questions_of
from selfreward_eval.tasks.dpg_bench.scoring import YES, official_rule
from selfreward_eval.tasks.dpg_bench.table import Questions

if TYPE_CHECKING:
    from PIL.Image import Image

METRIC = "dpg"


def measure_pictures(
    instrument: Answerer, items: Sequence[Item], images: Sequence[Image], strict: bool
) -> list[Measurement]:
    """``dpg`` in [0, 1] for every picture, with every question's answer as evidence.

    Args:
        instrument: answers.
        items: of every picture, from :mod:`selfreward_eval.tasks.dpg_bench.items`.
        images: RGB, aligned with ``items``.
        strict: whether an answer is a yes in any case and spacing; upstream wants exactly ``yes``.
    """
    asked = [questions_of(item) for item in items]
    pictures = [image for image, questions in zip(images, asked, strict=True) for _ in questions.texts]
    texts = [text for questions in asked for text in questions.texts.values()]
    answers = iter(answer(instrument, pictures, texts))
    return [_measurement(questions, answers, strict) for questions in asked]


def _measurement(questions: Questions, answers: Iterator[Answer], strict: bool) -> Measurement:
    """The next answers as one picture's measurement. One question without an answer fails the picture."""
    given = {number: next(answers) for number in questions.texts}
    evidence: dict[str, Any] = {"questions": []}
    if not given:
        return _failed("the question file has no question for this item", evidence)
    evidence["questions"] = [
        {
            "number": number,
            "question": questions.texts[number],
            "tuple": questions.tuples[number],
            "answer": one.text,
            **({} if one.probability is None else {"probability": one.probability}),
        }
        for number, one in given.items()
    ]
    for number, one in given.items():
        if one.status is not Status.SUCCESS:
            return Measurement(one.status, reason=f"question {number}: {one.reason}", evidence=evidence)
        if not isinstance(one.text, str):
            return _failed(f"question {number}: the answer {one.text!r} is no text", evidence)
    raw = {number: float(_text(str(one.text), strict) == YES) for number, one in given.items()}
    try:
        picture = official_rule(questions, raw)
    except InputError as error:
        return _failed(str(error), evidence)
    for row in evidence["questions"]:
        row["raw"], row["kept"] = picture.raw[row["number"]], picture.kept[row["number"]]
    right = sum(picture.kept.values())
    wrong = [questions.texts[number] for number, value in picture.raw.items() if not value]
    reason = f"{right:g} of {len(given)} questions count" + (f"; first no: {wrong[0]}" if wrong else "")
    return Measurement(Status.SUCCESS, {METRIC: picture.score}, reason, evidence)


def _text(said: str, strict: bool) -> str:
    return said.strip().lower() if strict else said


def _failed(reason: str, evidence: dict[str, Any]) -> Measurement:
    return Measurement(Status.MEASUREMENT_ERROR, reason=reason, evidence=evidence)
