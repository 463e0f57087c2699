"""What a patch shows, told by class."""

from __future__ import annotations

import pytest
import torch

from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import COLOURS, FORMS, TEXTURES
from selfreward_eval.trainers.pretrain.describing import NONE, SIZES, descriptions, loss

STAR = Thing("star", "red", 8, 8, texture="striped")


def test_an_object_on_the_lattice_covers_four_patches_by_quarters() -> None:
    labels = descriptions([Scene((STAR,))])
    assert labels.shape == (1, 6, 6, 2, 3)
    quarters = labels[0, :2, :2, 0, 0] - FORMS.index("star") * 4
    assert sorted(quarters.flatten().tolist()) == [0, 1, 2, 3]
    assert set(labels[0, :2, :2, 0, 1].flatten().tolist()) == {list(COLOURS).index("red")}
    assert set(labels[0, :2, :2, 0, 2].flatten().tolist()) == {TEXTURES.index("striped")}


def test_elsewhere_there_is_nothing() -> None:
    labels = descriptions([Scene((STAR,))])
    assert labels[0, 3, 3].tolist() == [list(NONE)] * 2


def test_what_shows_most_comes_first_and_what_is_hidden_is_not_told() -> None:
    back, front = Thing("square", "blue", 8, 8), Thing("circle", "red", 8, 8, size="small")
    labels = descriptions([Scene((back, front))])
    told = labels[0, 0, 0, :, 1].tolist()
    assert told == [list(COLOURS).index("blue"), list(COLOURS).index("red")]
    covered = descriptions([Scene((front, back))])
    assert covered[0, 0, 0, 1].tolist() == list(NONE)


def test_a_sure_right_reader_has_no_loss() -> None:
    labels = descriptions([Scene((STAR,))])
    parts = [torch.nn.functional.one_hot(labels[..., k], size) for k, size in enumerate(SIZES)]
    logits = 100.0 * torch.cat(parts, dim=-1).float().flatten(-2)
    assert float(loss(logits, labels)) == pytest.approx(0, abs=1e-6)
    assert float(loss(torch.zeros_like(logits), labels)) == pytest.approx(
        sum(float(torch.tensor(size).log()) for size in SIZES), rel=1e-5
    )
