"""Template matching: the outline and position that fit a blob best."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.tasks.shapes.outlines import outline
from selfreward_eval.tasks.shapes.vocabulary import CANVAS, FORMS, SIZES

SHARPNESS = 35.0
"""Inverse temperature of the softmax over the forms' soft IoUs: 0.1 of IoU is a factor of 33."""

HIDDEN_COST = 0.15
"""Penalty of a match per hidden fraction of the outline, so that fully visible outlines are preferred."""

MOST_HIDDEN = 0.8
"""An outline with a larger hidden fraction is not considered."""

_PAD = 16

_ROUNDING = 1e-3
"""Far more than rounding can make of a difference between two values."""


@dataclass(frozen=True)
class Match:
    """An outline laid on the picture.

    Attributes:
        form, size: which outline.
        x, y: its centre in pixels.
        overlap: soft IoU with the visible coverage, [0, 1].
        confidence: softmax probability of the form among all forms.
        rivals: all forms with their probabilities, the best first.
        extent: pixels covered by at least a quarter, boolean (48, 48).
        interior: pixels covered fully, boolean (48, 48).
    """

    form: str
    size: str
    x: float
    y: float
    overlap: float
    confidence: float
    rivals: tuple[tuple[str, float], ...]
    extent: NDArray[np.bool_]
    interior: NDArray[np.bool_]

    def paste(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        """``patch`` (d, d) laid where the outline lies, zero elsewhere: (48, 48)."""
        return _paste(patch, round(self.x - patch.shape[1] / 2), round(self.y - patch.shape[0] / 2))


@cache
def _templates(size: str) -> NDArray[np.float32]:
    """Outlines of all forms at ``size``: (forms, d, d)."""
    return np.stack([outline(form, size) for form in FORMS])


def _paste(patch: NDArray[np.float32], x0: int, y0: int) -> NDArray[np.float32]:
    canvas = np.zeros((CANVAS + 2 * _PAD, CANVAS + 2 * _PAD), dtype=np.float32)
    canvas[y0 + _PAD : y0 + _PAD + patch.shape[0], x0 + _PAD : x0 + _PAD + patch.shape[1]] = patch
    return canvas[_PAD:-_PAD, _PAD:-_PAD]


def _places(low: int, high: int, diameter: int, hidden_before: bool, hidden_after: bool) -> range:
    """Offsets along one axis at which an outline could explain a blob from ``low`` to ``high`` (exclusive).

    The blob's edges are the outline's edges, give or take a pixel, except where something
    could be hiding the rest.
    """
    span = high - low
    slack = 2
    first = low - slack
    last = high - diameter + slack
    if span >= diameter:
        first, last = low - slack, high - diameter + slack
    else:
        first = (high - diameter - slack) if hidden_before else max(low - slack, high - diameter - slack)
        last = (
            (low + slack) if hidden_after else min(low + slack, high - diameter + slack + (diameter - span))
        )
    return range(min(first, last), max(first, last) + 1)


def _within(places: range, diameter: int) -> range:
    """Those offsets at which an outline lies within the padded picture."""
    return range(max(places.start, -_PAD), min(places.stop, CANVAS + _PAD - diameter + 1))


def _windows(padded: NDArray[np.float32], down: range, across: range, diameter: int) -> NDArray[np.float32]:
    """What lies under an outline at every place, row by row of places: (P, d * d)."""
    views = np.lib.stride_tricks.sliding_window_view(padded, (diameter, diameter))
    chosen = views[down.start + _PAD : down.stop + _PAD, across.start + _PAD : across.stop + _PAD]
    return chosen.reshape(len(down) * len(across), diameter * diameter)


def _fits(
    size: str,
    seen: NDArray[np.float32],
    open_: NDArray[np.float32],
    total: float,
    beaten: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How well every form of ``size`` fits at every place where it may be the best.

    What an outline and a blob share, and what shows of the outline, bound their soft IoU from above. Both
    are computed everywhere; the rest, where the bound reaches the best value known.

    Args:
        size: of the outlines.
        seen: the blob's coverage at every place, (P, d * d).
        open_: share of every pixel that no other object covers, (P, d * d).
        total: the blob's coverage in the whole picture.
        beaten: for every form a value that is no use unless exceeded, (forms,).

    Returns:
        Soft IoU and the value that decides, (P, forms) each; the value is -inf where too much is hidden
        and where the form cannot be the best.
    """
    templates = _templates(size).reshape(len(FORMS), -1)
    areas = templates.sum(-1)
    parts = [np.minimum(templates, part[:, None]).sum(-1) for part in _split(seen)]
    shared = np.concatenate(parts)
    unseen = 1.0 - shared / areas
    least_union = np.maximum(total + open_ @ templates.T - shared, 1e-6)
    bound = shared / least_union - HIDDEN_COST * unseen
    overlap = np.zeros_like(shared)
    value = np.full_like(shared, -np.inf)

    def compute(places: NDArray[np.int64], forms: NDArray[np.int64]) -> None:
        chosen, under = templates[forms], seen[places]
        least = chosen * open_[places]
        concealed = 1.0 - least.sum(-1) / areas[forms]
        union = np.maximum(least, under).sum(-1) + total - under.sum(-1)
        found = shared[places, forms] / np.maximum(union, 1e-6)
        overlap[places, forms] = found
        worth = found - HIDDEN_COST * unseen[places, forms]
        value[places, forms] = np.where(concealed <= MOST_HIDDEN, worth, -np.inf)

    every = np.arange(len(FORMS))
    compute(bound.argmax(0), every)
    compute(*np.nonzero(bound >= np.maximum(beaten, value.max(0)) - _ROUNDING))
    return overlap, value


def _split(places: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Some places at a time: what they give for all forms then stays in a processor's cache."""
    return [places[start : start + 64] for start in range(0, len(places), 64)]


def best_match(coverage: NDArray[np.float32], hidden: NDArray[np.float32]) -> Match | None:
    """The best outline for a blob.

    Where other objects cover a share h of a pixel, an outline that covers t of it may show
    anything from t(1 - h), if it lies behind, to t, if it lies in front: the soft IoU counts
    every value in between as agreement.

    Args:
        coverage: the blob's own coverage in [0, 1], zero elsewhere; (48, 48).
        hidden: share of every pixel that shows another object, [0, 1]; (48, 48).

    Returns:
        The match, or None if the blob is empty.
    """
    rows, columns = np.flatnonzero(coverage.max(1) > 0.3), np.flatnonzero(coverage.max(0) > 0.3)
    if len(rows) == 0 or len(columns) == 0:
        return None
    y_low, y_high, x_low, x_high = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    pad = ((_PAD, _PAD), (_PAD, _PAD))
    padded = np.pad(coverage, pad).astype(np.float32)
    # Beyond the frame an object may go on unseen.
    clear = 1.0 - np.pad(hidden, pad, constant_values=1.0).astype(np.float32)
    covers = hidden > 0.5
    total = float(padded.sum())
    best_per_form = np.full(len(FORMS), -np.inf)
    best_place: list[tuple[float, str, int, int]] = [(0.0, "large", 0, 0)] * len(FORMS)
    grown_rows = slice(max(y_low - 1, 0), y_high + 1)
    grown_columns = slice(max(x_low - 1, 0), x_high + 1)
    left = x_low == 0 or bool(covers[grown_rows, max(x_low - 2, 0) : x_low].any())
    right = x_high == CANVAS or bool(covers[grown_rows, x_high : x_high + 2].any())
    above = y_low == 0 or bool(covers[max(y_low - 2, 0) : y_low, grown_columns].any())
    below = y_high == CANVAS or bool(covers[y_high : y_high + 2, grown_columns].any())
    for size, diameter in SIZES.items():
        down = _within(_places(y_low, y_high, diameter, above, below), diameter)
        across = _within(_places(x_low, x_high, diameter, left, right), diameter)
        if not (down and across):
            continue
        seen, open_ = (_windows(layer, down, across, diameter) for layer in (padded, clear))
        overlap, value = _fits(size, seen, open_, total, best_per_form)
        # Of equally good places the first one.
        first = value.argmax(0)
        for k in np.flatnonzero(value.max(0) > best_per_form):
            y, x = divmod(int(first[k]), len(across))
            best_per_form[k] = value[first[k], k]
            best_place[k] = (float(overlap[first[k], k]), size, across[x], down[y])
    if not np.isfinite(best_per_form).any():
        return None
    _fill_unseen_hole(best_per_form, best_place, clear)
    odds = np.exp(SHARPNESS * (best_per_form - best_per_form.max()))
    odds /= odds.sum()
    order = np.argsort(-odds, kind="stable")
    winner = int(order[0])
    overlap_value, size, x0, y0 = best_place[winner]
    placed = _paste(outline(FORMS[winner], size), x0, y0)
    half = SIZES[size] / 2
    return Match(
        form=FORMS[winner],
        size=size,
        x=x0 + half,
        y=y0 + half,
        overlap=overlap_value,
        confidence=float(odds[winner]),
        rivals=tuple((FORMS[k], float(odds[k])) for k in order),
        extent=placed > 0.25,
        interior=placed > 0.9,
    )


def _fill_unseen_hole(
    values: NDArray[np.float64], places: list[tuple[float, str, int, int]], clear: NDArray[np.float32]
) -> None:
    """A hole that something else mostly fills is not known to be one: such a ring is read as a circle."""
    ring, circle = FORMS.index("ring"), FORMS.index("circle")
    _, size, x0, y0 = places[ring]
    if not np.isfinite(values[ring]):
        return
    hole = outline("circle", size) - outline("ring", size)
    diameter = SIZES[size]
    window = clear[y0 + _PAD : y0 + _PAD + diameter, x0 + _PAD : x0 + _PAD + diameter]
    if float((hole * window).sum()) < 0.5 * float(hole.sum()):
        values[circle] = max(values[circle], values[ring])
        values[ring] = -np.inf
        places[circle] = places[ring]
