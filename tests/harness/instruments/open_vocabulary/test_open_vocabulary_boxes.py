"""From what a network says to detections in pixels."""

from __future__ import annotations

import pytest
import torch

from selfreward_eval.harness.instruments.backends.open_vocabulary import PhraseScores, detections, pixel_boxes


def reading(scores: list[list[float]], boxes: list[list[float]], frame: tuple[int, int]) -> PhraseScores:
    names = ("dog", "frog")[: len(scores[0])]
    return PhraseScores(names, torch.tensor(scores), torch.tensor(boxes), frame)


SPELLINGS = {"dog": ["dog"], "frog": ["Frog", "frog"]}


def test_shares_become_pixels_with_exclusive_far_edges() -> None:
    boxes = torch.tensor([[0.5, 0.5, 1.0, 1.0], [0.25, 0.5, 0.1, 0.2]])
    expected = [[0, 0, 200, 100], [40, 40, 60, 60]]
    assert pixel_boxes(boxes, (200, 100), (200, 100)).tolist() == [pytest.approx(box) for box in expected]


def test_boxes_are_cut_to_the_picture() -> None:
    (box,) = pixel_boxes(torch.tensor([[0.9, 0.1, 0.6, 0.6]]), (200, 100), (200, 100)).tolist()
    assert box == pytest.approx([120, 0, 200, 40])


def test_a_padded_frame_is_larger_than_the_picture() -> None:
    (box,) = pixel_boxes(torch.tensor([[0.5, 0.25, 0.5, 0.5]]), (200, 200), (200, 100)).tolist()
    assert box == pytest.approx([50, 0, 150, 100])


def test_boxes_without_area_stay() -> None:
    (found,) = detections(reading([[0.9]], [[0.5, 0.5, 0.0, 0.2]], (100, 100)), (100, 100), SPELLINGS, 0.1)
    assert found.box == pytest.approx((50, 40, 50, 60))


def test_every_pair_above_the_floor_is_a_candidate_the_surest_first() -> None:
    boxes = [[0.5, 0.5, 0.2, 0.2], [0.2, 0.2, 0.2, 0.2]]
    found = detections(reading([[0.3, 0.1], [0.6, 0.05]], boxes, (10, 10)), (10, 10), SPELLINGS, 0.1)
    assert [(d.label, pytest.approx(d.score)) for d in found] == [
        ("dog", 0.6),
        ("dog", 0.3),
        ("Frog", 0.1),
        ("frog", 0.1),
    ]


def test_what_lies_in_the_padding_is_none_of_the_picture() -> None:
    boxes = [[0.5, 0.75, 0.2, 0.6], [0.5, 0.25, 0.2, 0.2]]
    (found,) = detections(reading([[0.9], [0.8]], boxes, (100, 100)), (100, 50), SPELLINGS, 0.1)
    assert found.score == pytest.approx(0.8)
