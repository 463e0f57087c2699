"""A share of right answers corrected for a judge's known error rates (Rogan & Gladen 1978).

For yes-or-no judges whose errors were counted once on labelled data. It needs those
error rates to hold for the pictures at hand; where labels on these very pictures
exist, :mod:`selfreward_eval.harness.stats.ppi` is better, as it assumes nothing of the kind.

>>> rogan_gladen(55, 100, sensitivity=(90, 100), specificity=(80, 100)).value
0.5
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

__all__ = ["CorrectedShare", "rogan_gladen"]


@dataclass(frozen=True)
class CorrectedShare:
    """A corrected share.

    Attributes:
        value: the estimate, clipped to [0, 1]; None where the judge is no better than chance.
        low: lower end (Lang & Reiczigel 2014), or None with ``value``.
        high: upper end, likewise.
        why: why there is no value, else empty.
    """

    value: float | None
    low: float | None
    high: float | None
    why: str = ""


def rogan_gladen(
    positives: int,
    n: int,
    *,
    sensitivity: tuple[int, int],
    specificity: tuple[int, int],
    level: float = 0.95,
) -> CorrectedShare:
    """(share + specificity - 1) / (sensitivity + specificity - 1), with Lang and Reiczigel's interval.

    Args:
        positives: samples the judge calls right.
        n: samples judged, independent of each other, >= 1.
        sensitivity: of so many truly right samples (second) the judge called so many right (first).
        specificity: of so many truly wrong samples (second) the judge called so many wrong (first).
        level: coverage, in (0, 1).

    Raises:
        ValueError: counts that do not fit, or a level outside (0, 1).
    """
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    for name, (part, whole) in {
        "positives": (positives, n),
        "sensitivity": sensitivity,
        "specificity": specificity,
    }.items():
        if whole < 1 or not 0 <= part <= whole:
            raise ValueError(f"{name}: {part} of {whole} is not a share")
    raw, hit, reject = positives / n, sensitivity[0] / sensitivity[1], specificity[0] / specificity[1]
    if hit + reject <= 1:
        return CorrectedShare(None, None, None, "the judge is right no more often than a coin")
    value = (raw + reject - 1) / (hit + reject - 1)
    # The interval is built on counts moved towards one half, as Agresti and Coull's is.
    z = float(ndtri(0.5 + level / 2))
    share = (positives + z * z / 2) / (n + z * z)
    hit, reject = (sensitivity[0] + 1) / (sensitivity[1] + 2), (specificity[0] + 1) / (specificity[1] + 2)
    gain = hit + reject - 1
    if gain <= 0:
        return CorrectedShare(None, None, None, "too few labelled samples to tell the judge from a coin")
    centre = (share + reject - 1) / gain
    of_hits = hit * (1 - hit) / (sensitivity[1] + 2)
    of_rejects = reject * (1 - reject) / (specificity[1] + 2)
    shift = 2 * z * z * (centre * of_hits - (1 - centre) * of_rejects)
    of_share = share * (1 - share) / (n + z * z)
    half = z * sqrt(of_share + centre**2 * of_hits + (1 - centre) ** 2 * of_rejects) / gain
    return CorrectedShare(
        min(max(value, 0.0), 1.0),
        min(max(centre + shift - half, 0.0), 1.0),
        min(max(centre + shift + half, 0.0), 1.0),
    )
