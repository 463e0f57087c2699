"""mmdet's post-processing, against a plain loop over its definition."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selfreward_eval.harness.instruments.backends.mask2former_mmdet import (
    input_size,
    instances,
    load_pixels,
    mask_boxes,
    padded,
    restore_masks,
)


def slow_boxes(mask: list[list[bool]]) -> tuple[float, float, float, float]:
    """The tightest box by looking at every pixel."""
    inside = [(x, y) for y, row in enumerate(mask) for x, value in enumerate(row) if value]
    if not inside:
        return (0.0, 0.0, 0.0, 0.0)
    xs, ys = [x for x, _ in inside], [y for _, y in inside]
    return (float(min(xs)), float(min(ys)), float(max(xs) + 1), float(max(ys) + 1))


def slow_instances(class_logits: torch.Tensor, mask_logits: torch.Tensor) -> dict[tuple[int, int], tuple]:
    """(query, class) -> (score, box) for every pair, by loops over numbers."""
    pairs = {}
    for query, (classes, mask) in enumerate(zip(class_logits.tolist(), mask_logits.tolist(), strict=True)):
        total = sum(math.exp(logit) for logit in classes)
        certain = [1 / (1 + math.exp(-value)) for row in mask for value in row if value > 0]
        mean = sum(certain) / (len(certain) + 1e-6)
        box = slow_boxes([[value > 0 for value in row] for row in mask])
        for index, logit in enumerate(classes[:-1]):
            pairs[query, index] = (math.exp(logit) / total * mean, box, math.exp(logit) / total)
    return pairs


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 12))
def test_candidates_are_those_of_the_plain_loop(seed: int, candidates: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    class_logits = torch.randn(4, 4, generator=generator)
    mask_logits = torch.randn(4, 5, 7, generator=generator) - 1
    mask_logits[0] = -1.0
    pairs = slow_instances(class_logits, mask_logits)
    best = sorted(pairs, key=lambda pair: -pairs[pair][2])[:candidates]
    found = instances(class_logits, mask_logits, candidates)
    seen = list(zip(found.queries.tolist(), found.classes.tolist(), strict=True))
    assert sorted(seen) == sorted(best)
    for pair, score, box in zip(seen, found.scores.tolist(), found.boxes.tolist(), strict=True):
        assert score == pytest.approx(pairs[pair][0], abs=1e-6)
        assert tuple(box) == pairs[pair][1]


def test_a_hundred_of_all_pairs_are_taken() -> None:
    found = instances(torch.randn(100, 81), torch.randn(100, 4, 4))
    assert found.scores.shape == (100,)
    assert found.masks.shape == (100, 4, 4)


def test_an_empty_mask_has_an_empty_box_and_no_score() -> None:
    found = instances(torch.tensor([[5.0, 0.0]]), torch.full((1, 3, 3), -2.0))
    assert found.boxes.tolist() == [[0, 0, 0, 0]]
    assert found.scores.tolist() == [0.0]


def test_far_edges_are_exclusive() -> None:
    mask = torch.zeros(1, 6, 8, dtype=torch.bool)
    mask[0, 2:5, 3:8] = True
    assert mask_boxes(mask).tolist() == [[3, 2, 8, 5]]


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((512, 512), (800, 800)),
        ((1024, 1024), (800, 800)),
        ((640, 480), (1067, 800)),
        ((2000, 500), (1333, 333)),
    ],
)
def test_the_short_edge_becomes_800_unless_the_long_one_is_too_long(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    assert input_size(*size) == shown


def test_inputs_are_padded_with_zeros_to_a_multiple_of_32() -> None:
    pixels = load_pixels(torch.full((480, 640, 3), 255, dtype=torch.uint8))
    assert pixels.shape == (1, 3, 800, 1088)
    assert padded(1067) == 1088
    assert pixels[0, :, :, 1067:].abs().max() == 0
    assert pixels[0, 0, 0, 0] == pytest.approx((255 - 123.675) / 58.395)


def test_masks_lose_the_padding_before_they_are_resized() -> None:
    logits = torch.full((1, 8, 16), -1.0)
    logits[:, :, 8:] = 1.0
    restored = restore_masks(logits, input_shape=(32, 32), size=(10, 10))
    assert restored.shape == (1, 10, 10)
    whole = restore_masks(logits, input_shape=(64, 32), size=(20, 10))
    assert (whole[0, :, :9] < 0).all()
    assert (whole[0, :, 11:] > 0).all()


def test_overlapping_masks_stay_whole_where_the_librarys_map_paints_over_them() -> None:
    """Query 0 is surer and lies inside query 1's mask. transformers' instance map has one number per pixel:
    the later entry is painted over the better one and leaves it none."""
    from types import SimpleNamespace

    from transformers import Mask2FormerImageProcessor

    class_logits = torch.tensor([[9.0, 0.0, 0.0], [0.0, 5.0, 0.0]])
    mask_logits = torch.full((2, 8, 8), -9.0)
    mask_logits[0, 2:5, 2:5] = 9.0
    mask_logits[1, 1:7, 1:7] = 9.0
    found = instances(class_logits, mask_logits, 2)
    area = {
        int(index): int(found.masks[query].sum())
        for index, query in zip(found.classes, found.queries, strict=True)
    }
    assert area == {0: 9, 1: 36}
    outputs = SimpleNamespace(class_queries_logits=class_logits[None], masks_queries_logits=mask_logits[None])
    (map_,) = Mask2FormerImageProcessor().post_process_instance_segmentation(
        outputs, threshold=0.5, target_sizes=[(8, 8)]
    )
    painted = {
        segment["label_id"]: int((map_["segmentation"] == segment["id"]).sum())
        for segment in map_["segments_info"]
    }
    assert painted != area  # should this fail, the library has changed, and the remark above with it
    assert sum(painted.values()) < sum(area.values())
