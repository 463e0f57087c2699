"""Groups of candidates: best, worst, and what has no reward."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from selfreward_eval.harness.records import Item
from selfreward_eval.trainers.pool import Drawings

NAN = float("nan")


def drawings(values: list[list[float]]) -> Drawings:
    array = np.asarray(values)
    items = tuple(Item(str(k), f"prompt {k}", "") for k in range(len(array)))
    return Drawings(items, torch.zeros(*array.shape, 4, dtype=torch.long), array)


def test_best_and_worst_pass_over_what_is_not_scored() -> None:
    found = drawings([[0.2, NAN, 0.9, 0.1]])
    assert (found.best(0), found.worst(0)) == (2, 3)


def test_a_group_that_agrees_teaches_nothing() -> None:
    found = drawings([[0.5, 0.5], [0.1, 0.2], [0.3, NAN], [NAN, NAN]])
    assert found.groups.tolist() == [1]


def test_advantages_are_normalised_within_the_group() -> None:
    values = drawings([[1.0, NAN, 3.0]]).advantages(0)
    assert values[[0, 2]] == pytest.approx([-0.707, 0.707], abs=1e-3)
    assert np.isnan(values[1])
