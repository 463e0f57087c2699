"""The :class:`~selfreward_eval.harness.instruments.base.VQA` of the shapes world: is there such a thing in
the picture?

It understands noun phrases of the shapes language, with or without ``is there``:
``"a striped red star?"``, ``"a star shape?"``, ``"two small blue rings?"``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selfreward_eval.tasks.shapes.oracle.reading import Seen
from selfreward_eval.tasks.shapes.vocabulary import COLOURS, FORMS, NUMBERS, SIZES, TEXTURES, plural

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMS = {form.lower(): form for form in FORMS} | {plural(form).lower(): form for form in FORMS}
_FORMS |= {f"{form} shape": form for form in FORMS}


@dataclass(frozen=True)
class Phrase:
    """The object that a noun phrase asks for; a property that is None is not specified.

    Attributes:
        form: a label of FORMS.
        colour, texture, size: names of the vocabulary.
        count: exactly so many, or None for at least one.
    """

    form: str
    colour: str | None
    texture: str | None
    size: str | None
    count: int | None


def parse(question: str) -> Phrase:
    """A question's noun phrase.

    Raises:
        ValueError: it is no noun phrase of the shapes language.
    """
    words = question.lower().rstrip("?!. ").removeprefix("is there ").split()
    count: int | None = None
    if words and words[0] in ("a", "an", "the"):
        words = words[1:]
    elif words and words[0] in NUMBERS:
        count = NUMBERS.index(words[0])
        words = words[1:]
    properties: dict[str, str] = {}
    for name, table in (("size", tuple(SIZES)), ("texture", TEXTURES), ("colour", tuple(COLOURS))):
        if words and words[0] in table:
            properties[name] = words[0]
            words = words[1:]
    form = _FORMS.get(" ".join(words))
    if form is None:
        raise ValueError(f"{question!r} asks for nothing that the shapes world has")
    return Phrase(form, properties.get("colour"), properties.get("texture"), properties.get("size"), count)


def belief(thing: Seen, phrase: Phrase) -> float:
    """How sure it is, in [0, 1], that ``thing`` is what the phrase names: 0 if a stated property differs."""
    for stated, seen in (
        (phrase.colour, thing.colour),
        (phrase.texture, thing.texture),
        (phrase.size, thing.size),
    ):
        if stated is not None and stated != seen:
            return 0.0
    best = thing.rivals[0][1]
    return thing.score * dict(thing.rivals).get(phrase.form, 0.0) / best if best else 0.0


class OracleVQA:
    """Answers from the oracle's readings of the picture."""

    def identity(self) -> dict[str, Any]:
        from selfreward_eval.tasks.shapes.oracle import VERSION

        return {"name": "shapes_oracle_vqa", "revision": VERSION}

    def yes_probabilities(self, images: Sequence[Image], questions: Sequence[str]) -> list[float]:
        """P(yes) in [0, 1] for every (picture, question); a repeated picture is read once.

        Raises:
            ValueError: a question outside the shapes language.
        """
        from selfreward_eval.tasks.shapes.oracle.frame import to_frame
        from selfreward_eval.tasks.shapes.oracle.reading import read

        seen: dict[int, list[Seen]] = {}
        answers = []
        for image, question in zip(images, questions, strict=True):
            if id(image) not in seen:
                seen[id(image)] = read(to_frame(image))
            answers.append(_yes(seen[id(image)], parse(question)))
        return answers


def _yes(seen: Sequence[Seen], phrase: Phrase) -> float:
    beliefs = sorted((belief(thing, phrase) for thing in seen), reverse=True)
    if phrase.count is None:
        return beliefs[0] if beliefs else 0.0
    likely = [value for value in beliefs if value > 0.5]
    if len(likely) != phrase.count:
        return 0.0
    return likely[-1] if likely else 1.0
