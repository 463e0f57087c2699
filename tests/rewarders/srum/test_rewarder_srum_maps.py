"""SRUM's reward map against cases worked out by hand, in both readings, and what it does to a loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.rewarders.srum.maps import (
    Region,
    code_map,
    layout_factor,
    paper_map,
    reward_map,
    to_grid,
)
from selfreward_eval.rewarders.srum.weighting import CONSTRAINT, constrained, weights

SHAPE = (8, 10)
WHOLE = (0, 0, 10, 8)
CORNER = (0, 0, 4, 3)

REGIONS = st.lists(
    st.builds(
        lambda x, y, w, h, score: Region((x, y, x + w, y + h), score / 8),
        st.integers(-3, 9),
        st.integers(-3, 7),
        st.integers(0, 8),
        st.integers(0, 8),
        st.integers(-8, 8),
    ),
    max_size=5,
)


# As released


@pytest.mark.parametrize(
    ("layout", "level"), [(1.0, 0.5), (0.0, 0.25), (-1.0, 0.0), (0.5, 0.375), (None, 0.25)]
)
def test_without_regions_the_map_is_half_the_layout_factor(layout: float | None, level: float) -> None:
    np.testing.assert_array_equal(code_map(SHAPE, [], layout), np.full(SHAPE, level, dtype=np.float32))


def test_a_region_is_raised_to_its_weight() -> None:
    painted = code_map(SHAPE, [Region(CORNER, 0.5)], 1.0)
    assert painted[0, 0] == painted[2, 3] == 0.75
    assert painted[3, 0] == painted[0, 4] == 0.5


def test_the_layout_scales_every_place() -> None:
    painted = code_map(SHAPE, [Region(CORNER, 0.5)], 0.0)
    assert (painted[0, 0], painted[7, 9]) == (0.375, 0.25)


@pytest.mark.parametrize("score", [-1.0, -0.5, 0.0])
def test_a_bad_region_cannot_fall_below_the_ground(score: float) -> None:
    np.testing.assert_array_equal(code_map(SHAPE, [Region(CORNER, score)], 1.0), code_map(SHAPE, [], 1.0))


def test_a_large_harmless_region_hides_a_bad_one_inside_it() -> None:
    """A box of 0.2 over the whole picture gives 0.6 inside a box of -0.9."""
    painted = code_map(SHAPE, [Region(WHOLE, 0.2), Region(CORNER, -0.9)], 1.0)
    np.testing.assert_allclose(painted, np.full(SHAPE, 0.6))


def test_unclamped_scores_leave_the_unit_interval() -> None:
    """As the released parser lets them through."""
    assert code_map(SHAPE, [Region(CORNER, 3.0)], 1.0)[0, 0] == 2.0


@given(REGIONS, st.randoms(use_true_random=False))
def test_the_order_of_regions_does_not_matter(regions: list[Region], shuffling: object) -> None:
    shuffled = list(regions)
    shuffling.shuffle(shuffled)  # type: ignore[attr-defined]
    for painted in (code_map, paper_map):
        np.testing.assert_array_equal(painted(SHAPE, regions, 0.5), painted(SHAPE, shuffled, 0.5))


@given(REGIONS, st.integers(-8, 8))
def test_maps_stay_within_their_reading(regions: list[Region], layout: int) -> None:
    released, paper = (reward_map(r, SHAPE, regions, layout / 8) for r in ("code", "paper"))
    assert released.dtype == paper.dtype == np.float32
    assert released.shape == paper.shape == SHAPE
    assert 0.0 <= released.min() <= released.max() <= 1.0
    assert -1.0 <= paper.min() <= paper.max() <= 1.0


def test_boxes_are_cut_at_the_pictures_edge() -> None:
    painted = code_map(SHAPE, [Region((-5, -5, 2, 2), 1.0), Region((9, 7, 99, 99), 1.0)], 1.0)
    assert np.argwhere(painted == 1.0).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [7, 9]]


@pytest.mark.parametrize("box", [(3, 3, 3, 5), (5, 2, 3, 4), (20, 20, 30, 30), (-9, -9, -2, -2)])
def test_an_empty_box_paints_nothing(box: tuple[int, int, int, int]) -> None:
    assert (code_map(SHAPE, [Region(box, 1.0)], 1.0) == 0.5).all()
    assert (paper_map(SHAPE, [Region(box, 1.0)], 1.0) == 0.0).all()


# As the paper has it


def test_in_the_papers_reading_a_bad_region_moves_away() -> None:
    painted = paper_map(SHAPE, [Region(CORNER, -1.0)], 1.0)
    assert (painted[0, 0], painted[7, 9]) == (-1.0, 0.0)


def test_a_bad_layout_never_turns_a_bad_region_into_a_good_one() -> None:
    """alpha is in [0, 1], so that two negatives are not multiplied."""
    for layout in (-1.0, -0.5, 0.0, 1.0):
        assert paper_map(SHAPE, [Region(CORNER, -1.0)], layout)[0, 0] <= 0.0
    assert [layout_factor(g) for g in (-1.0, 0.0, 1.0, None)] == [0.0, 0.5, 1.0, 0.5]


def test_in_the_papers_reading_the_smaller_region_is_on_top() -> None:
    painted = paper_map(SHAPE, [Region(CORNER, -0.9), Region(WHOLE, 0.2)], 1.0)
    assert painted[0, 0] == np.float32(-0.9)
    assert painted[7, 9] == np.float32(0.2)


# On another grid


@pytest.mark.parametrize(
    ("shape", "grid"), [((1024, 1024), (64, 64)), ((48, 48), (6, 6)), ((30, 50), (7, 11)), ((4, 4), (9, 3))]
)
def test_the_grid_is_interpolated_as_torch_does_it(shape: tuple[int, int], grid: tuple[int, int]) -> None:
    values = np.random.default_rng(0).random(shape, dtype=np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None], size=grid, mode="bilinear", align_corners=False
    )[0, 0]
    found = to_grid(values, grid)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)


def test_a_token_under_a_region_carries_its_reward() -> None:
    """Six by six tokens of 8 pixels each; the region covers the first two rows of them."""
    painted = code_map((48, 48), [Region((0, 0, 48, 16), 1.0)], 1.0)
    assert to_grid(painted, (6, 6))[:, 0].tolist() == [1.0, 1.0, 0.5, 0.5, 0.5, 0.5]


# In the loss


def test_with_one_picture_the_objective_weighs_every_place_by_r_plus_lambda() -> None:
    rng = np.random.default_rng(1)
    reward, error = rng.random((2, 6, 6))
    assert constrained(reward, error, error) == pytest.approx((weights(reward) * error).mean())
    assert constrained(reward, error, error, 0.1) == pytest.approx(((reward + 0.1) * error).mean())


def test_with_two_pictures_the_reward_touches_the_scored_one_only() -> None:
    reward, bad, good = np.array([1.0, 0.0]), np.array([2.0, 4.0]), np.array([6.0, 10.0])
    assert constrained(reward, bad, good, 0.5) == 1.0 + 0.5 * 8.0


def test_lambda_is_the_papers() -> None:
    assert CONSTRAINT == 0.5


def test_gradients_pass_through_the_objective() -> None:
    error = torch.tensor([1.0, 2.0], requires_grad=True)
    constrained(torch.tensor([1.0, 0.0]), error, error).backward()
    assert error.grad is not None
    assert error.grad.tolist() == [0.75, 0.25]
