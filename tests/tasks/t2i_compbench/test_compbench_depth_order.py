"""The official 3D rule, faults included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.tasks.t2i_compbench.depth_order import (
    depth_spatial,
    mean_depth,
    objects_seen,
    position,
    relation,
)
from selfreward_eval.tasks.t2i_compbench.ruling import Ruling
from selfreward_eval.tasks.t2i_compbench.words import tagged

A, B = (100.0, 100.0, 300.0, 300.0), (120.0, 120.0, 320.0, 320.0)
APART = (310.0, 310.0, 400.0, 400.0)


def plane(*painted: tuple[tuple[float, ...], float], size: tuple[int, int] = (479, 479)) -> Any:
    """A depth map of 0.2 with boxes painted on it, in order."""
    depth = np.full(size, 0.2, dtype=np.float32)
    for (x0, y0, x1, y1), value in painted:
        depth[int(y0) : int(y1), int(x0) : int(x1)] = value
    return depth


def judge(prompt: str, depth: Any, *things: tuple[str, tuple[float, ...], float]) -> Ruling:
    tokens = prompt.split()
    words = tagged(tokens, ["NOUN" if t in {"dog", "frog", "bee", "boy", "girl"} else "X" for t in tokens])
    found = [Detection(label, box, score) for label, box, score in things]  # type: ignore[arg-type]
    return depth_spatial(prompt, words, found, depth)


class TestPosition:
    NEAR_A = plane((B, 0.3), (A, 0.9))

    @pytest.mark.parametrize(
        ("wording", "holds"), [("in front of", 1), ("behind", 0), ("hidden", 0), (None, 0)]
    )
    def test_the_nearer_box_is_in_front(self, wording: str | None, holds: float) -> None:
        assert position(wording, A, B, self.NEAR_A) == holds

    def test_a_small_overlap_counts_by_its_size(self) -> None:
        other = (250.0, 250.0, 350.0, 350.0)
        overlap = 2500 / (40000 + 10000 - 2500)
        assert position("in front of", A, other, plane((other, 0.3), (A, 0.9))) == pytest.approx(
            overlap / 0.5
        )

    def test_no_overlap_is_no_position(self) -> None:
        assert position("in front of", A, APART, plane((A, 0.9))) == 0

    def test_an_overlap_of_exactly_one_half_falls_between(self) -> None:
        whole, half = (0.0, 0.0, 100.0, 100.0), (0.0, 0.0, 50.0, 100.0)
        depth = np.zeros((479, 479), np.float32)
        depth[60:100, :] = 1
        assert position("in front of", whole, half, depth) == 0

    def test_equal_depths_are_in_no_order(self) -> None:
        assert (
            position("in front of", A, B, plane((A, 0.5), (B, 0.5))) == position("behind", A, B, plane()) == 0
        )


class TestMeanDepth:
    def test_the_axes_are_swapped(self) -> None:
        depth = plane(((10, 200, 60, 400), 0.9))
        assert mean_depth(depth, (200, 10, 400, 60)) == pytest.approx(0.9)

    def test_a_slice_beyond_the_map_has_no_mean(self) -> None:
        assert np.isnan(mean_depth(plane(size=(270, 480)), (300, 10, 470, 200)))

    def test_negative_edges_count_from_the_far_end(self) -> None:
        assert np.isnan(mean_depth(plane(), (-20, 0, 100, 100)))

    def test_small_negative_edges_are_cut_to_nought(self) -> None:
        assert mean_depth(plane(), (-0.9, -0.9, 10, 10)) == pytest.approx(0.2)


class TestWhichDetections:
    @pytest.mark.parametrize(
        ("labels", "places"),
        [
            (["dog", "frog"], (0, 1)),
            (["dog", "hot dog", "frog"], (1, 2)),
            (["dog", "frog", "hot dog"], (0, 1)),
            (["frog", "frogman", "dog"], (2, 1)),
            (["hot dog", "dog"], (0, None)),
            (["tree", "frog", "frog"], (None, 1)),
            ([], (None, None)),
        ],
    )
    def test_the_last_match_until_both_are_seen(
        self, labels: list[str], places: tuple[int | None, int | None]
    ) -> None:
        assert objects_seen(["dog", "frog"], labels) == places

    def test_one_label_can_be_both(self) -> None:
        assert objects_seen(["person", "person"], ["tree", "personal care", "person"]) == (1, 1)


class TestScore:
    def test_both_in_order(self) -> None:
        depth = plane((B, 0.3), (A, 0.9))
        ruling = judge("a dog in front of a frog", depth, ("dog", A, 0.9), ("frog", B, 0.8))
        assert ruling.score == pytest.approx(0.925)
        assert ruling.numbers["depths"] == pytest.approx([0.9, 0.81 * 0.9 + 0.19 * 0.3])

    def test_nothing_is_cut(self) -> None:
        assert judge("a dog in front of a frog", plane(), ("frog", A, 0.6)).score == pytest.approx(0.15)

    def test_a_frisbee_is_a_bee(self) -> None:
        depth = plane((B, 0.3), (A, 0.9))
        ruling = judge("a bee in front of a frog", depth, ("frisbee", A, 0.9), ("frog", B, 0.8))
        assert ruling.score == pytest.approx(0.925)

    def test_two_persons_are_one_box_without_position(self) -> None:
        ruling = judge("a girl behind a boy", plane(), ("person", A, 0.9), ("person", B, 0.8))
        assert ruling.score == pytest.approx(0.45)

    def test_a_region_without_pixel_is_recorded_as_absent(self) -> None:
        depth = plane(size=(270, 480))
        far = (300.0, 10.0, 470.0, 200.0)
        ruling = judge("a dog behind a frog", depth, ("dog", far, 0.9), ("frog", far, 0.8))
        assert ruling.numbers["depths"] == [None, None]
        assert ruling.score == pytest.approx(0.425)

    def test_nothing_detected(self) -> None:
        assert judge("a dog behind a frog", plane()).score == 0


class TestNoScore:
    def test_a_prompt_without_noun(self) -> None:
        assert "has no noun" in judge("one behind another", plane()).reason

    def test_boxes_without_area(self) -> None:
        flat = (5.0, 5.0, 5.0, 5.0)
        assert judge("a dog behind a frog", plane(), ("dog", flat, 0.9), ("frog", flat, 0.9)).score is None

    def test_a_stack_of_maps(self) -> None:
        ruling = judge("a dog behind a frog", np.zeros((1, 479, 479)))
        assert ruling.score is None
        assert "(1, 479, 479)" in ruling.reason


@pytest.mark.parametrize(
    ("prompt", "wording"),
    [("a dog hidden by a frog", "hidden"), ("a dog behind a frog", "behind"), ("a dog near a frog", None)],
)
def test_the_relation_of_a_prompt(prompt: str, wording: str | None) -> None:
    assert relation(prompt) == wording
