"""Random scenes are what their kind says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfreward_eval.tasks.shapes.sampling import KINDS, PLACES, mixed
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import CANVAS, MAX_COUNT, SHAPES

seeds = st.integers(0, 2**32)


def overlap(a: Thing, b: Thing) -> bool:
    return a.box[0] < b.box[2] and b.box[0] < a.box[2] and a.box[1] < b.box[3] and b.box[1] < a.box[3]


def two(scene: Scene) -> bool:
    return len(scene.things) == 2 and scene.things[0].colour != scene.things[1].colour


PROMISES: dict[str, Callable[[Scene], bool]] = {
    "plain": lambda s: all(t.form in SHAPES and (t.texture, t.size) == ("solid", "large") for t in s.things),
    "counted": lambda s: len(s.things) >= 2 and len({(t.form, t.colour) for t in s.things}) == 1,
    "lettered": lambda s: all(t.form.startswith("letter ") for t in s.things),
    "textured": lambda s: len(s.things) <= 3 and all(t.size == "large" for t in s.things),
    "sized": lambda s: all(t.texture == "solid" for t in s.things),
    "occluding": lambda s: two(s) and overlap(*s.things),
    "inside": lambda s: two(s) and s.things[0].contains(s.things[1]),
    "touching": lambda s: two(s) and not overlap(*s.things),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(seed=seeds)
@settings(max_examples=60, deadline=None)
def test_a_scene_keeps_the_promise_of_its_kind(kind: str, seed: int) -> None:
    scene = KINDS[kind](np.random.default_rng(seed))
    assert 1 <= len(scene.things) <= MAX_COUNT
    assert PROMISES[kind](scene)
    for thing in scene.things:
        x0, y0, x1, y1 = thing.box
        assert 0 <= x0 < x1 <= CANVAS
        assert 0 <= y0 < y1 <= CANVAS


@given(seeds)
def test_the_seed_is_the_scene(seed: int) -> None:
    for make in KINDS.values():
        assert make(np.random.default_rng(seed)) == make(np.random.default_rng(seed))


def test_things_that_touch_meet_without_a_gap() -> None:
    for seed in range(50):
        a, b = KINDS["touching"](np.random.default_rng(seed)).things
        assert a.box[2] == b.box[0] or a.box[3] == b.box[1]


def test_lattice_places_keep_large_things_apart() -> None:
    things = [Thing("square", "red", x, y) for x, y in PLACES]
    assert not any(overlap(a, b) for k, a in enumerate(things) for b in things[k + 1 :])


def test_a_mixture_draws_kinds_by_their_weights() -> None:
    rng = np.random.default_rng(0)
    drawn = Counter(
        "lettered" if PROMISES["lettered"](scene) else "inside"
        for scene in (mixed(rng, {"lettered": 3.0, "inside": 1.0}) for _ in range(800))
    )
    # 600 expected, standard deviation 12.2: four of them either way.
    assert abs(drawn["lettered"] - 600) < 49
