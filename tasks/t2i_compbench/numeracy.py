"""Numeracy: are the objects present, in the number that the prompt states? The official rule.

>>> found = [Detection("dog", (x, 0, x + 40, 40), 0.9) for x in (0, 50, 100)]
>>> numeracy("two dogs".split(), found).score
0.5

Known bugs, kept here and corrected in ``fixed_numeracy``: if no label equals a
name, every label that contains it is renamed to it, also for later objects; girls
and men are each counted as all persons; some wordings crash.

Source: Karine-Huang/T2I-CompBench at 1b70949, ``UniDet_eval/numeracy_eval.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.tasks.t2i_compbench.boxes import is_duplicate, require_usable
from selfreward_eval.tasks.t2i_compbench.ruling import Ruling, shown, unscorable

NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
"""Number words and their values; nine and above are not parsed."""

ARTICLES = ("a", "an")

ALIASES = {
    **dict.fromkeys(("boy", "girl", "man", "woman"), "person"),
    "ship": "boat",
    "telivision": "tv",
    "goldfish": "fish",
    "painting": "picture",
}
"""Singular -> the label that it is matched with. The misspelling is upstream's."""

_REGULAR = (
    "airplane apple backpack bag balloon banana bear bee bicycle bird boat book bottle bowl boy bread cake "
    "camel camera candle car cat chair chicken clock computer cow cup desk dog drum duck egg flag frog "
    "giraffe girl guitar hamburger helicopter helmet horse key kite lamp lemon microphone microwave paddle "
    "painting pear pen phone pig pillow plate printer rabbit refrigerator ship sink sofa stool "
    "suitcase swan table television tent toy train truck turtle vase"
)
_SIBILANT = "couch peach tomato"
_Y_TO_IES = "butterfly strawberry"
_SAME = "deer fish goldfish sheep shrimp"
_IRREGULAR = {"knife": "knives", "man": "men", "mouse": "mice", "person": "people", "woman": "women"}

NOUNS: tuple[tuple[str, str], ...] = (
    *((noun, f"{noun}s") for noun in _REGULAR.split()),
    *((noun, f"{noun}es") for noun in _SIBILANT.split()),
    *((noun, f"{noun[:-1]}ies") for noun in _Y_TO_IES.split()),
    *((noun, noun) for noun in _SAME.split()),
    *_IRREGULAR.items(),
)
"""(singular, plural) of the nouns that count; upstream reads the same ones from ``new_objects.txt``."""


@dataclass(frozen=True)
class Wanted:
    """The objects and numbers of a prompt, as upstream parses them.

    Attributes:
        objects: singulars in order of mention.
        counts: their numbers. Upstream keeps a separate list, which lacks an entry for every plural
            after an article, so that later entries no longer match ``objects``.
    """

    objects: tuple[str, ...]
    counts: tuple[int, ...]


def wanted(tokens: Sequence[str], nouns: Sequence[tuple[str, str]] = NOUNS) -> Wanted:
    """The objects and numbers of a prompt.

    A number word or article counts if one or two tokens of the vocabulary follow it directly.

    Args:
        tokens: of the prompt; upper case is not read.
        nouns: (singular, plural) in lower case; two-word nouns are tried first.

    Raises:
        InputError: upstream crashes: a number word is the last token, more than one is asked of a
            noun in the singular, or no object is named.
    """
    plural_of = {}
    singular_of: dict[str, str] = {}
    for singular, plural in nouns:
        plural_of[singular] = plural
        singular_of.setdefault(plural, singular)
    objects: list[str] = []
    counts: list[int] = []
    for place, number in enumerate(tokens):
        if number not in NUMBERS and number not in ARTICLES:
            continue
        single = number in ARTICLES or number == "one"
        pair = " ".join(tokens[place + 1 : place + 3]) if place < len(tokens) - 2 else ""
        if pair in plural_of or pair in singular_of:
            if pair in singular_of and not single:
                objects.append(singular_of[pair])
                counts.append(NUMBERS[number])
            else:
                objects.append(pair)
                counts.append(1)
            continue
        if place == len(tokens) - 1:
            raise InputError(f"{number!r} ends the prompt {' '.join(tokens)!r}, so that nothing is counted")
        noun = tokens[place + 1]
        if noun in plural_of and single:
            objects.append(noun)
            counts.append(1)
        elif noun in singular_of:
            objects.append(singular_of[noun])
            if number in NUMBERS:
                counts.append(NUMBERS[number])
        elif noun in plural_of:
            raise InputError(f"{number} {noun!r}: upstream finds no plural {noun!r} in its vocabulary")
    if not objects:
        raise InputError(f"the prompt {' '.join(tokens)!r} names no object of the vocabulary with a number")
    return Wanted(tuple(objects), tuple(counts))


def without_duplicates(detections: Sequence[Detection]) -> list[Detection]:
    """Detections but those that lie on an earlier one of the same label.

    Raises:
        InputError: two boxes without area are compared; upstream divides by zero there.
    """
    kept: list[Detection] = []
    for detection in detections:
        # Boxes before labels, as upstream: a box without area fails beside any label.
        if not any(
            is_duplicate(detection.box, other.box) and detection.label == other.label for other in kept
        ):
            kept.append(detection)
    return kept


def numeracy(
    tokens: Sequence[str], detections: Sequence[Detection], nouns: Sequence[tuple[str, str]] = NOUNS
) -> Ruling:
    """The official score of one picture in [0, 1].

    Each of n objects contributes 0.5 / n for its presence and 0.5 / n for its exact number.

    Args:
        tokens: of the prompt.
        detections: in the 479/480-pixel frame, best first; of duplicates the first is kept.
        nouns: (singular, plural) of what counts.

    Returns:
        No score where upstream crashes: see :func:`wanted` and :func:`without_duplicates`.
    """
    try:
        return _numeracy(tokens, detections, nouns)
    except InputError as error:
        return unscorable("upstream crashes", error)


def _numeracy(
    tokens: Sequence[str], detections: Sequence[Detection], nouns: Sequence[tuple[str, str]]
) -> Ruling:
    require_usable(detections)
    kept = without_duplicates(detections)
    labels = [detection.label for detection in kept]
    asked = wanted(tokens, nouns)
    weight = 1.0 / len(asked.objects)
    score = 0.0
    counts = []
    for place, singular in enumerate(asked.objects):
        name = ALIASES.get(singular, singular)
        if name not in labels:
            # The renaming persists: later objects are matched with the new labels.
            labels = [name if name in label else label for label in labels]
        number = labels.count(name)
        count = asked.counts[place] if place < len(asked.counts) else None
        if number and count is None:
            raise InputError(f"upstream reads no number for {singular!r} in {' '.join(tokens)!r}")
        score += 0.5 * weight if number else 0.0
        score += 0.5 * weight if number and number == count else 0.0
        counts.append({"object": singular, "label": name, "wanted": count, "found": number})
    chosen = {id(detection) for detection in kept}
    return Ruling(
        score,
        "presence and number",
        "; ".join(f"{entry['object']}: {entry['wanted']} wanted, {entry['found']} found" for entry in counts),
        tuple(
            shown(detection, "counted" if id(detection) in chosen else "duplicate", id(detection) in chosen)
            for detection in detections
        ),
        {"objects": counts},
    )
