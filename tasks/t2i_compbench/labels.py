"""Which of a detector's labels stand for a noun: by meaning, for the corrected rules.

Upstream compares texts: "cow" equals no label although "cattle, cow" is one,
and "bee" is found in "frisbee". Here a label's own names count, then a short
list of words that mean the same or something wider. What is decided depends on
the prompt and the label space alone, never on the picture.

>>> sorted(standing_for(["cow"], {"cattle, cow", "cowboy hat"}))
['cattle, cow']
>>> standing_for(["bee"], {"frisbee"}) is None
True
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_PERSON = ("person", "people", "human")

ACCEPTED: dict[str, tuple[str, ...]] = {
    "airplane": ("plane", "aeroplane"),
    "bag": ("handbag", "plastic bag", "luggage and bags", "tote bag", "shoulder bag"),
    "bicycle": ("bike",),
    "bird": ("wild bird",),
    "boat": ("ship",),
    "boy": _PERSON,
    "car": ("automobile", "race car", "sports car"),
    "child": _PERSON,
    "clock": ("wall clock", "alarm clock", "digital clock"),
    "computer": ("laptop", "laptop computer", "desktop computer", "computer monitor", "computer box"),
    "couch": ("sofa", "studio couch", "loveseat", "sofa bed"),
    "cup": ("coffee cup", "mug"),
    "fish": ("goldfish",),
    "girl": _PERSON,
    "goldfish": ("fish",),
    "hamburger": ("burger",),
    "man": _PERSON,
    "microwave": ("microwave oven",),
    "painting": ("picture", "picture frame"),
    "person": ("people", "human", "man", "woman", "boy", "girl"),
    "phone": ("telephone", "mobile phone", "cell phone", "corded phone", "smartphone"),
    "refrigerator": ("fridge",),
    "ship": ("boat",),
    "sofa": ("couch", "studio couch", "loveseat", "sofa bed"),
    "table": ("dining table", "coffee table", "kitchen & dining room table"),
    "television": ("tv", "tv monitor", "television set"),
    "turtle": ("sea turtle", "tortoise"),
    "wallet": ("purse",),
    "woman": _PERSON,
}
"""Noun -> names that stand for it where no label carries its own name: synonyms, and wider classes."""

_NUMBER_BEHIND = re.compile(r"(?<!\d)\d++$")


def names(label: str) -> frozenset[str]:
    """What a label calls its class: its parts between commas and slashes, lower case, no number behind.

    >>> sorted(names("mouse2, Mouse")), sorted(names("corded phone, telephone"))
    (['mouse'], ['corded phone', 'telephone'])
    """
    parts = (part.strip().lower() for part in re.split(r"[,/]", label))
    return frozenset(_NUMBER_BEHIND.sub("", part).strip() for part in parts) - {""}


def standing_for(nouns: Sequence[str], label_space: Collection[str]) -> frozenset[str] | None:
    """The labels that match an object, or None if the label space has none.

    Args:
        nouns: its names, the most specific first (``["coat rack", "rack"]``).
        label_space: every label that the detector could have given.
    """
    called = {label: names(label) for label in label_space}
    for noun in (noun.lower() for noun in nouns):
        for wanted in ({noun}, set(ACCEPTED.get(noun, ()))):
            matching = frozenset(label for label, own in called.items() if own & wanted)
            if matching:
                return matching
    return None
