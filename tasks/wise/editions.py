"""The two editions of WISE: which ids belong to which category, what a score is, and the weights.

Source: PKU-YuanGroup/WISE at eb51174, ``WISE_legacy/Calculate.py`` and ``calculate_verified.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import fsum
from typing import Any

ASPECTS = ("consistency", "realism", "aesthetic_quality")
"""What the judge of the first edition scores, in its order."""

BEST = 2
"""The best score of an aspect; the others are 0 and 1."""

ALL_IDS = range(1, 1001)


def wiscore(consistency: float, realism: float, aesthetic_quality: float) -> float:
    """One picture's score, in [0, 1] for aspects in [0, 2].

    >>> wiscore(2, 0, 0)
    0.7
    """
    return (0.7 * consistency + 0.2 * realism + 0.1 * aesthetic_quality) / 2


@dataclass(frozen=True)
class Edition:
    """One edition of the benchmark.

    Attributes:
        ids: category -> its prompts' ids; upstream never reads the category that a row names.
        weights: category -> its weight in the overall score: its share of the 1,000 prompts.
        groups: the name of a group of prompts in a file of upstream's -> its ids.
        scored: the keys of a line of scores.
        score: what a line's values are worth; None if upstream skips the line for them.
    """

    ids: Mapping[str, range]
    weights: Mapping[str, float]
    groups: Mapping[str, range]
    scored: tuple[str, ...]
    score: Callable[..., float | None]

    def category(self, number: object) -> str | None:
        """The category of a prompt's id, or None."""
        return next((name for name, ids in self.ids.items() if number in ids), None)

    def overall(self, means: Mapping[str, float]) -> float:
        """The weighted sum of the categories' means. With all 1,000 prompts it is their plain mean."""
        return fsum(weight * means[name] for name, weight in self.weights.items())


def _binary(score: Any) -> float | None:
    return float(score) if score in (0, 1) else None


LEGACY = Edition(
    ids={
        "culture": range(1, 401),
        "time": range(401, 568),
        "space": range(568, 701),
        "biology": range(701, 801),
        "physics": range(801, 901),
        "chemistry": range(901, 1001),
    },
    weights={
        "culture": 0.4,
        "time": 0.167,
        "space": 0.133,
        "biology": 0.1,
        "physics": 0.1,
        "chemistry": 0.1,
    },
    groups={"culture": range(1, 401), "space-time": range(401, 701), "science": range(701, 1001)},
    scored=ASPECTS,
    score=wiscore,
)
"""The protocol of all papers up to April 2026; upstream calls it WISE_legacy since."""

VERIFIED = Edition(
    ids={
        "culture": range(1, 401),
        "time": range(401, 521),
        "space": range(521, 641),
        "biology": range(641, 761),
        "physics": range(761, 881),
        "chemistry": range(881, 1001),
    },
    weights={"culture": 0.4, **dict.fromkeys(("time", "space", "biology", "physics", "chemistry"), 0.12)},
    groups={"culture": range(1, 401), "space-time": range(401, 641), "science": range(641, 1001)},
    scored=("score",),
    score=_binary,
)
"""WISE Verified, upstream's default since April 2026: other prompts, another judge, 0 or 1 per picture."""
