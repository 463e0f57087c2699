"""Numeracy, corrected: a separate protocol, not comparable with official numbers.

Differences from ``numeracy``:

- Numbers are read up to ten, in digits and upper case too, and "two sheep", "two dog" or "a dogs"
  are all parsed. A number without a countable noun is ignored.
- Labels match by meaning (``labels``) and are never renamed, so that "carrot" does not match "car" and
  an earlier object does not affect a later one.
- Objects with the same label are counted together: a girl and two men are three persons.
- A prompt that counts no object, or one that the detector has no label for, is unscorable.
- A box without area is ignored.

Unchanged: half of an object's share for its presence, half for its exact number; 0.9 for duplicates.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.tasks.t2i_compbench.boxes import edges, is_duplicate
from selfreward_eval.tasks.t2i_compbench.labels import standing_for
from selfreward_eval.tasks.t2i_compbench.numeracy import NOUNS
from selfreward_eval.tasks.t2i_compbench.ruling import Ruling, shown, unscorable

NUMBERS = {
    "a": 1,
    "an": 1,
    **{
        word: value
        for value, word in enumerate(
            ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), start=1
        )
    },
    **{str(value): value for value in range(1, 11)},
}
"""Words and digits that are parsed as numbers, in lower case."""


def counted(tokens: Sequence[str], nouns: Sequence[tuple[str, str]] = NOUNS) -> tuple[tuple[str, int], ...]:
    """(singular, number) of everything that a prompt counts, in order.

    Args:
        tokens: of the prompt.
        nouns: (singular, plural) of what can be counted, one or two words in lower case.
    """
    singular_of = {form: singular for singular, plural in reversed(nouns) for form in (plural, singular)}
    texts = [token.lower() for token in tokens]
    pairs = []
    for place, number in enumerate(texts):
        if number not in NUMBERS:
            continue
        for length in (2, 1):
            singular = singular_of.get(" ".join(texts[place + 1 : place + 1 + length]))
            if singular is not None:
                pairs.append((singular, NUMBERS[number]))
                break
    return tuple(pairs)


def numeracy(
    tokens: Sequence[str],
    detections: Sequence[Detection],
    label_space: Collection[str],
    nouns: Sequence[tuple[str, str]] = NOUNS,
) -> Ruling:
    """The corrected score of one picture in [0, 1].

    Args:
        tokens: of the prompt.
        detections: in the 479/480-pixel frame, in any order.
        label_space: every label that the detector could have given for this prompt.
        nouns: (singular, plural) of what counts.
    """
    asked = counted(tokens, nouns)
    if not asked:
        return unscorable("nothing counted", f"the prompt {' '.join(tokens)!r} counts no object")
    groups: dict[frozenset[str], list[tuple[str, int]]] = {}
    for singular, number in asked:
        labels = standing_for([singular], label_space)
        if labels is None:
            return unscorable("outside the label space", f"the detector has no label for {singular!r}")
        groups.setdefault(labels, []).append((singular, number))
    score, counts, boxes = 0.0, [], []
    for labels, members in groups.items():
        objects = _distinct([entry for entry in detections if entry.label in labels])
        number = sum(count for _, count in members)
        share = len(members) / len(asked)
        score += share * (0.5 * bool(objects) + 0.5 * (len(objects) == number))
        name = " and ".join(singular for singular, _ in members)
        counts.append({"object": name, "labels": sorted(labels), "wanted": number, "found": len(objects)})
        boxes += [shown(entry, "counted") for entry in objects]
    reason = "; ".join(
        f"{entry['object']}: {entry['wanted']} wanted, {entry['found']} found" for entry in counts
    )
    return Ruling(score, "presence and number", reason, tuple(boxes), {"objects": counts})


def _distinct(detections: Sequence[Detection]) -> list[Detection]:
    """Detections with an area, best first, without duplicates of a better one."""
    kept: list[Detection] = []
    for detection in sorted(detections, key=lambda detection: -detection.score):
        try:
            x0, y0, x1, y1 = edges(detection.box)
        except InputError:
            continue
        if x1 > x0 and y1 > y0 and not any(is_duplicate(detection.box, other.box) for other in kept):
            kept.append(detection)
    return kept
