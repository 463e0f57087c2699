"""Measures pictures by asking a vision-language model one question per atom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.backends.first_words import FirstWord, ReadsFirstWords
from selfreward_eval.harness.records import Item, Measurement, Status
from selfreward_eval.tasks.geneval2.scoring import accepted, is_right, soft_tifa, tifa

if TYPE_CHECKING:
    from PIL.Image import Image


def measure_pictures(
    reader: ReadsFirstWords, items: Sequence[Item], images: Sequence[Image]
) -> list[Measurement]:
    """``soft_tifa_gm``, ``soft_tifa_am`` and ``tifa`` in [0, 1] for every picture.

    Args:
        reader: gets the question alone; the prompt around it is a setting of the instrument.
        items: of every picture, from :mod:`selfreward_eval.tasks.geneval2.items`.
        images: RGB, aligned.

    Raises:
        InputError: an item holds no questions, or a reading is no probability.
    """
    questions = [_questions(item) for item in items]
    pictures = [image for image, rows in zip(images, questions, strict=True) for _ in rows]
    flat = [row for rows in questions for row in rows]
    spellings = [accepted(question, answer) for question, answer, _ in flat]
    readings = iter(
        zip(reader.first_words(pictures, [row[0] for row in flat], spellings), spellings, strict=True)
        if flat
        else ()
    )
    return [_measurement(rows, readings) for rows in questions]


def _questions(item: Item) -> list[tuple[str, str, str]]:
    """(question, answer, skill) of every atom."""
    try:
        pairs, skills = item.metadata["vqa_list"], item.metadata["skills"]
        return [(question, answer, skill) for (question, answer), skill in zip(pairs, skills, strict=True)]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"item {item.id!r} holds no questions ({error}); load it anew") from error


def _measurement(
    rows: Sequence[tuple[str, str, str]], readings: Iterator[tuple[FirstWord, Sequence[str]]]
) -> Measurement:
    """The next readings as one picture's measurement."""
    atoms: list[dict[str, Any]] = []
    for question, answer, skill in rows:
        reading, spellings = next(readings)
        atoms.append(
            {
                "question": question,
                "answer": answer,
                "skill": skill,
                "probability": reading.probability,
                "said": reading.said,
                "right": is_right(reading.said, spellings),
            }
        )
    means = soft_tifa([atom["probability"] for atom in atoms])
    verdicts = [atom["right"] for atom in atoms]
    worst = min(atoms, key=lambda atom: float(atom["probability"]))
    reason = (
        f"{sum(verdicts)} of {len(verdicts)} atoms answered right; least sure: {worst['question']} "
        f"{worst['answer']} {worst['probability']:.3f}"
    )
    values = {
        "soft_tifa_gm": means.geometric,
        "soft_tifa_am": means.arithmetic,
        "tifa": tifa(verdicts),
    }
    return Measurement(Status.SUCCESS, values, reason, {"atoms": atoms})
