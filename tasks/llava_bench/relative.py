"""The relative score: the candidate's total over the reference's, with an interval over images.

Several questions share an image, so images are the independent units. Failed answers are in no total;
coverage gives their share, and two bounds give the range of the score with any values for them.

>>> relative([(8.0, 6.0), (10.0, 9.0), None], ["a", "b", "b"]).value
83.33333333333333
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import fsum, sqrt

from selfreward_eval.harness.stats.means import t_quantile
from selfreward_eval.tasks.llava_bench.parsing import HIGHEST, LOWEST

LEVEL = 0.95


@dataclass(frozen=True)
class Relative:
    """100 x candidate / reference, with its uncertainty.

    Attributes:
        value: in per cent; None where nothing was scored.
        se: cluster-robust standard error, by linearising the ratio; None with fewer than two images.
        low: lower end of the 95 % t interval on images - 1 degrees of freedom, or None with ``se``.
        high: upper end, likewise.
        images: images with at least one scored answer.
        scored: answers with scores.
        expected: answers, scored or not.
        bound_low: the value had every failure been 1 against 10; None if nothing failed.
        bound_high: the value had every failure been 10 against 1; None if nothing failed.
    """

    value: float | None
    se: float | None
    low: float | None
    high: float | None
    images: int
    scored: int
    expected: int
    bound_low: float | None
    bound_high: float | None

    @property
    def coverage(self) -> float:
        """Scored / expected."""
        return self.scored / self.expected


def relative(pairs: Sequence[tuple[float, float] | None], images: Sequence[Hashable]) -> Relative:
    """The relative score of some answers, in any order.

    The ratio R = sum(c) / sum(r) has, with e_g the sum over image g of c - R r and G images, the
    variance G / (G - 1) x sum(e_g ** 2) / sum(r) ** 2.

    Args:
        pairs: (reference, candidate) of every answer, or None where there are no scores.
        images: the image of every answer, same length.

    Raises:
        ValueError: no answers, or not as many images.
    """
    if not pairs or len(pairs) != len(images):
        raise ValueError(f"{len(pairs)} answers about {len(images)} images have no relative score")
    kept = [(pair, image) for pair, image in zip(pairs, images, strict=True) if pair is not None]
    failed = len(pairs) - len(kept)
    references, candidates = (fsum(pair[k] for pair, _ in kept) for k in (0, 1))
    bounds: tuple[float | None, float | None] = (None, None)
    if failed:
        bounds = (
            100 * (candidates + failed * LOWEST) / (references + failed * HIGHEST),
            100 * (candidates + failed * HIGHEST) / (references + failed * LOWEST),
        )
    units: dict[Hashable, list[tuple[float, float]]] = {}
    for pair, image in kept:
        units.setdefault(image, []).append(pair)
    value = 100 * candidates / references if kept else None
    se = _standard_error(list(units.values()), candidates, references)
    half = None if se is None else t_quantile(len(units) - 1, 0.5 + LEVEL / 2) * se
    return Relative(
        value=value,
        se=se,
        low=None if value is None or half is None else value - half,
        high=None if value is None or half is None else value + half,
        images=len(units),
        scored=len(kept),
        expected=len(pairs),
        bound_low=bounds[0],
        bound_high=bounds[1],
    )


def _standard_error(
    units: Sequence[Sequence[tuple[float, float]]], candidates: float, references: float
) -> float | None:
    """In per cent; None with fewer than two images."""
    count = len(units)
    if count < 2:
        return None
    ratio = candidates / references
    residues = [fsum(candidate - ratio * reference for reference, candidate in unit) for unit in units]
    return 100 * sqrt(count / (count - 1) * fsum(residue**2 for residue in residues)) / references
