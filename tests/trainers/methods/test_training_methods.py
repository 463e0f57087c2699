"""What each trainer learns from a pool made by hand, on the shipped tiny model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.models.tiny import TinyModel
from selfreward_eval.harness.records import Item
from selfreward_eval.rewarders.building import build as build_rewarder
from selfreward_eval.trainers.base import Side
from selfreward_eval.trainers.building import build, default_caption_rewarder, require_fit
from selfreward_eval.trainers.methods.srum_policy import cell_advantages, region_advantages
from selfreward_eval.trainers.pool import Captions, Drawings, Pool
from selfreward_eval.trainers.sources import ShapesSource

NAN = float("nan")
PROMPTS = ("a star", "a red ring", "two hearts")


@pytest.fixture(scope="module")
def model() -> Any:
    made = TinyModel().variant(dtype="float32", guidance=1.0, rows=4)
    for _, parameter in made.trainable():
        parameter.requires_grad_(True)
    return made


@pytest.fixture(scope="module")
def pool(model: Any) -> Pool:
    tokens = model.generate_tokens([p for p in PROMPTS for _ in range(3)], range(9)).view(3, 3, -1)
    values = np.asarray([[0.1, 0.9, 0.5], [0.2, NAN, 0.7], [0.4, 0.4, 0.4]])
    maps = np.tile(np.linspace(-1, 1, 36, dtype=np.float32), (3, 3, 1))
    maps[1, 1] = np.nan
    with torch.no_grad():
        rows = [model.drawing_logprobs([p] * 3, tokens[k]) for k, p in enumerate(PROMPTS)]
    likelihoods = torch.stack(rows)
    items = tuple(Item(p, p, "") for p in PROMPTS)
    drawings = Drawings(items, tokens, values, maps, likelihoods, likelihoods)
    pictures = tuple(ShapesSource().pictures(0, 2, seed=3))
    texts = (("a red star", "two blue hearts", "a ring"), ("a star", "a star", "a star"))
    with torch.no_grad():
        known = [
            model.caption_logprobs([p] * 3, "describe the picture.", t)
            for p, t in zip(pictures, texts, strict=True)
        ]
    captions = Captions(
        pictures,
        "describe the picture.",
        texts,
        np.asarray([[-1.0, -3.0, -2.0], [-1.0, -1.0, -1.0]]),
        known,
        known,
    )
    return Pool(0, drawings, captions)


def gradient(model: Any, loss: torch.Tensor) -> float:
    for _, parameter in model.trainable():
        parameter.grad = None
    loss.backward()
    return float(sum(p.grad.abs().sum() for _, p in model.trainable() if p.grad is not None))


def test_rejection_learns_the_best_of_each_group_that_differs(model: Any, pool: Pool) -> None:
    trainer = build("rejection")
    assert trainer.examples(pool) == {"drawing": 2}
    loss, told = trainer.loss(model, pool, {"drawing": [0, 1]})
    assert pool.drawings is not None
    best = torch.stack([pool.drawings.tokens[0, 1], pool.drawings.tokens[1, 2]])
    assert loss.item() == pytest.approx(-model.token_logprobs(PROMPTS[:2], best).mean().item(), abs=1e-4)
    assert told["loss"] == pytest.approx(loss.item())
    assert gradient(model, loss) > 0


def test_srum_learns_every_picture_that_has_a_map(model: Any, pool: Pool) -> None:
    trainer = build("srum", constraint=0.5)
    assert trainer.examples(pool) == {"drawing": 8}
    loss, told = trainer.loss(model, pool, {"drawing": [0, 7]})
    assert told["reward_map"] == pytest.approx(0.0, abs=1e-6)
    assert gradient(model, loss) > 0


def test_srum_may_keep_close_to_the_best_picture_instead(model: Any, pool: Pool) -> None:
    assert pool.drawings is not None
    flat = Pool(0, replace(pool.drawings, maps=np.zeros((3, 3, 36), dtype=np.float32)))
    loss, _ = build("srum", keep="best", constraint=0.5).loss(model, flat, {"drawing": [0]})
    best = model.token_logprobs(PROMPTS[:1], pool.drawings.tokens[:1, 1])
    assert loss.item() == pytest.approx(-0.5 * best.mean().item(), abs=1e-4)


def test_srum_as_a_policy_weighs_a_cell_by_how_it_differs_from_the_prompts_other_candidates(
    model: Any, pool: Pool
) -> None:
    assert pool.drawings is not None
    maps = np.zeros((3, 3, 36), dtype=np.float32)
    maps[0, 1, :6] = 1.0  # one candidate's first row of cells is better than the others'
    maps[1, 1] = np.nan
    drawings = replace(pool.drawings, maps=maps)
    weights = cell_advantages(drawings, 0)
    assert (weights[1, :6] > 0).all()
    assert (weights[[0, 2], :6] < 0).all()
    assert (weights[:, 6:] == 0).all()
    assert np.allclose(weights.sum(0), 0, atol=1e-5)
    assert (cell_advantages(drawings, 1) == 0).all()

    trainer = build("srum", away="policy")
    assert trainer.on_policy
    assert trainer.anchored == ("drawing",)
    assert trainer.examples(Pool(0, drawings)) == {"drawing": 3}
    loss, told = trainer.loss(model, Pool(0, drawings), {"drawing": [0]})
    assert loss.item() == pytest.approx(-float(weights.mean()), abs=1e-5)  # ratios are 1 at first
    assert told["kl"] == pytest.approx(0.0, abs=1e-6)
    assert gradient(model, loss) > 0


def test_srum_on_regions_alone_pushes_no_ground_away(model: Any, pool: Pool) -> None:
    assert pool.drawings is not None
    maps = np.zeros((3, 3, 36), dtype=np.float32)
    maps[0, 1, :6], maps[0, 2, 9] = 0.9, -0.3  # a right region of six cells, a wrong one of one cell
    maps[1, 1] = np.nan
    drawings = replace(pool.drawings, maps=maps)
    assert (cell_advantages(drawings, 0)[0, :6] < 0).all()  # ground where another candidate has a region
    weights = region_advantages(drawings, 0)
    assert (weights[1, :6] > 0).all()
    assert weights[2, 9] < 0
    assert (weights[maps[0] == 0] == 0).all()
    assert weights.sum() == pytest.approx(0, abs=1e-5)
    assert (region_advantages(drawings, 1) == 0).all()

    trainer = build("srum", away="policy", cells="regions")
    loss, _ = trainer.loss(model, Pool(0, drawings), {"drawing": [0]})
    assert loss.item() == pytest.approx(-float(weights.mean()), abs=1e-5)
    assert gradient(model, loss) > 0


def test_cells_are_chosen_for_a_policy_and_the_papers_maps_alone() -> None:
    with pytest.raises(UsageError, match="chooses cells with away=policy only"):
        build("srum", cells="regions")
    with pytest.raises(UsageError, match="has no cells='ground'; known: all, regions"):
        build("srum", away="policy", cells="ground")
    model = TinyModel()
    trainer = build("srum", away="policy", cells="regions")
    require_fit(trainer, build_rewarder("srum", model, reading="paper"), model)
    with pytest.raises(UsageError, match="add --rewarder-args reading=paper"):
        require_fit(trainer, build_rewarder("srum", model, reading="code"), model)
    assert "cells" not in build("srum", away="policy").identity()


def test_srum_as_a_policy_holds_prompts_without_a_map_near_the_start(model: Any, pool: Pool) -> None:
    assert pool.drawings is not None
    assert pool.drawings.reference_logprobs is not None
    unscored = np.array(pool.drawings.values)
    unscored[2] = NAN
    drawings = replace(
        pool.drawings, values=unscored, reference_logprobs=pool.drawings.reference_logprobs - 0.5
    )
    for constraint in (0.5, 1.0):
        loss, told = build("srum", away="policy", constraint=constraint).loss(
            model, Pool(0, drawings), {"drawing": [2]}
        )
        assert told["advantage"] == 0
        assert loss.item() == pytest.approx(constraint * told["kl"], rel=1e-4)
        assert told["kl"] == pytest.approx(np.exp(-0.5) + 0.5 - 1, rel=1e-3)
    assert build("srum", away="policy", constraint=0.0).anchored == ()


def test_srum_as_a_policy_has_no_other_picture_to_keep_close_to() -> None:
    with pytest.raises(UsageError, match="leave out keep"):
        build("srum", away="policy", keep="best")


def test_simpo_widens_the_gap_on_both_sides(model: Any, pool: Pool) -> None:
    trainer = build("dsr_simpo", beta=2.0, gamma=0.5, anchor=0.0)
    assert trainer.examples(pool) == {"drawing": 2, "captioning": 1}
    loss, told = trainer.loss(model, pool, {"drawing": [0], "captioning": [0]})
    gap = told["drawing_better"] - told["drawing_worse"]
    expected = np.log1p(np.exp(-(2 * gap - 0.5)))
    assert told["drawing_preference"] == pytest.approx(expected, abs=1e-4)
    assert gradient(model, loss) > 0


def test_simpo_of_one_direction_leaves_the_other_alone(model: Any, pool: Pool) -> None:
    trainer = build("dsr_simpo", captioning=0.0)
    loss, told = trainer.loss(model, Pool(0, pool.drawings), {"drawing": [0, 1]})
    assert not [name for name in told if name.startswith("captioning")]
    assert torch.isfinite(loss)


def test_captions_have_an_anchor_of_their_own(model: Any, pool: Pool) -> None:
    def loss(anchor: float) -> tuple[float, dict[str, float]]:
        trainer = build("dsr_simpo", captioning=1.0, captioning_anchor=anchor)
        found, told = trainer.loss(model, Pool(0, None, pool.captions), {"captioning": [0]})
        return found.item(), told

    (free, told), (held, _) = loss(0.0), loss(3.0)
    assert held - free == pytest.approx(-3.0 * told["captioning_better"], rel=1e-4)


@pytest.mark.parametrize(("side", "weight"), [("drawing", "kl"), ("captioning", "captioning_kl")])
def test_each_side_is_held_near_the_start_by_its_own_weight(
    model: Any, pool: Pool, side: Side, weight: str
) -> None:
    assert pool.drawings is not None
    assert pool.captions is not None
    assert pool.drawings.reference_logprobs is not None
    assert pool.captions.reference_logprobs is not None
    shifted = Pool(
        0,
        replace(pool.drawings, reference_logprobs=pool.drawings.reference_logprobs - 0.5),
        replace(
            pool.captions,
            reference_logprobs=[[row - 0.5 for row in group] for group in pool.captions.reference_logprobs],
        ),
    )

    def loss(value: float) -> tuple[float, dict[str, float]]:
        trainer = build("dsr_grpo", captioning=1.0, **({"kl": 0.0, "captioning_kl": 0.0} | {weight: value}))
        found, told = trainer.loss(model, shifted, {side: [0]})
        return found.item(), told

    (free, _), (held, told) = loss(0.0), loss(2.0)
    assert told[f"{side}_kl"] > 0.05
    assert held - free == pytest.approx(2.0 * told[f"{side}_kl"], rel=1e-3)


def test_grpo_starts_at_ratio_one_and_no_penalty(model: Any, pool: Pool) -> None:
    trainer = build("dsr_grpo")
    loss, told = trainer.loss(model, pool, {"drawing": [0, 1], "captioning": [0]})
    # At the policy that drew, advantages of a group cancel.
    assert loss.item() == pytest.approx(0.0, abs=1e-3)
    assert told["drawing_kl"] == pytest.approx(0.0, abs=1e-4)
    assert told["drawing_clipped"] == 0.0
    assert gradient(model, loss) > 0


def test_grpo_without_a_penalty_needs_no_starting_model(model: Any, pool: Pool) -> None:
    assert build("dsr_grpo").anchored == ("drawing", "captioning")
    trainer = build("dsr_grpo", kl=0.0)
    assert trainer.anchored == ("captioning",)
    assert pool.drawings is not None
    free = replace(pool, drawings=replace(pool.drawings, reference_logprobs=None))
    loss, told = trainer.loss(model, free, {"drawing": [0, 1]})
    assert told["drawing_kl"] == 0
    assert gradient(model, loss) > 0


def test_the_batch_is_the_mean_of_its_examples(model: Any, pool: Pool) -> None:
    for name in ("rejection", "srum", "dsr_simpo", "dsr_grpo"):
        trainer = build(name)
        both, _ = trainer.loss(model, pool, {"drawing": [0, 1]})
        each = [trainer.loss(model, pool, {"drawing": [k]})[0].item() for k in (0, 1)]
        assert both.item() == pytest.approx(sum(each) / 2, abs=1e-4), name


def test_a_reward_without_map_or_range_does_not_fit_srum(model: Any) -> None:
    with pytest.raises(UsageError, match="weighs cells by a reward map; the rewarder 'dsr' gives none"):
        require_fit(build("srum"), build_rewarder("dsr", model), model)


@pytest.mark.parametrize("rewarder", ["srum", "random"])
def test_rewards_with_a_map_or_a_range_fit_srum(model: Any, rewarder: str) -> None:
    require_fit(build("srum"), build_rewarder(rewarder, model, world="shapes"), model)


def test_a_control_stays_one_on_the_captioning_side(model: Any) -> None:
    assert default_caption_rewarder(build_rewarder("random")) == "random"
    assert default_caption_rewarder(build_rewarder("dsr", model)) == "dsr_understanding"
