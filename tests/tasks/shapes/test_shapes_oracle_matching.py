"""The best outline is the one that trying every outline at every place finds, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from selfreward_eval.tasks.shapes.oracle import matching
from selfreward_eval.tasks.shapes.oracle.matching import HIDDEN_COST, MOST_HIDDEN, best_match
from selfreward_eval.tasks.shapes.oracle.segment import segment
from selfreward_eval.tasks.shapes.outlines import outline
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import COLOURS, FORMS, SIZES

Layer = NDArray[np.float32]
PAD = 16

SCENES = {
    "one in the open": Scene((Thing("star", "red", 24, 24),)),
    "a small one": Scene((Thing("letter A", "blue", 16, 32, size="small"),)),
    "half hidden": Scene((Thing("circle", "red", 20, 24), Thing("square", "blue", 27, 24))),
    "at the edge": Scene((Thing("heart", "green", 3, 40),)),
    "two that touch": Scene((Thing("cross", "red", 16, 24), Thing("ring", "red", 29, 24))),
}


def layers(picture: NDArray[np.uint8], colour: str) -> tuple[Layer, Layer]:
    """Coverage of one colour, and what the others cover."""
    coverage = segment(picture).coverage
    own = coverage[list(COLOURS).index(colour)]
    return own, np.clip(coverage.sum(0) - own, 0.0, 1.0)


def tried(own: Layer, hidden: Layer, places: list[tuple[str, int, int]]) -> dict[str, tuple[float, float]]:
    """Form -> the best value with its overlap, one outline and place after the other."""
    padded = np.pad(own, PAD)
    clear = 1 - np.pad(hidden, PAD, constant_values=1.0)
    total = float(padded.sum())
    best: dict[str, tuple[float, float]] = {}
    for size, x0, y0 in places:
        d = SIZES[size]
        window = np.s_[y0 + PAD : y0 + PAD + d, x0 + PAD : x0 + PAD + d]
        seen = padded[window].copy()
        for form in FORMS:
            template = outline(form, size)
            least = template * clear[window]
            shared, area = np.minimum(template, seen).sum(), template.sum()
            union = np.maximum(least, seen).sum() + total - float(seen.sum())
            overlap = shared / np.maximum(union, 1e-6)
            value = float(overlap - HIDDEN_COST * (1 - shared / area))
            if 1 - least.sum() / area <= MOST_HIDDEN and value > best.get(form, (-np.inf,))[0]:
                best[form] = value, float(overlap)
    return best


@pytest.mark.parametrize("noise", [0, 30])
@pytest.mark.parametrize("scene", SCENES)
def test_no_outline_at_no_place_is_better(scene: str, noise: int, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = render(SCENES[scene]).astype(float)
    picture += np.random.default_rng(0).normal(0, noise, picture.shape)
    own, hidden = layers(np.clip(picture, 0, 255).astype(np.uint8), SCENES[scene].things[0].colour)
    places: list[tuple[str, int, int]] = []
    windows = matching._windows

    def noting(layer: Layer, down: range, across: range, diameter: int) -> Layer:
        size = next(name for name, d in SIZES.items() if d == diameter)
        places.extend((size, x, y) for y in down for x in across)
        return windows(layer, down, across, diameter)

    monkeypatch.setattr(matching, "_windows", noting)
    found = best_match(own, hidden)
    assert found is not None
    best = tried(own, hidden, list(dict.fromkeys(places)))
    winner = max(best, key=lambda form: best[form][0])
    assert (found.form, found.overlap) == (winner, best[winner][1])
    gaps = {form: best[winner][0] - value for form, (value, _) in best.items()}
    odds = {form: np.exp(-matching.SHARPNESS * gap) for form, gap in gaps.items()}
    assert dict(found.rivals) == pytest.approx({f: odds.get(f, 0.0) / sum(odds.values()) for f in FORMS})


def test_nothing_covered_is_no_match() -> None:
    nothing = np.zeros((48, 48), dtype=np.float32)
    assert best_match(nothing, nothing) is None
