"""How much of a gradient is signal: known shares are found again, and the gradient is that of the trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from selfreward_eval.harness.models.tiny import TinyModel
from selfreward_eval.trainers.sources import ShapesSource
from studies.signal.batches import REWARDERS, Batch, batch
from studies.signal.figures import agreement, cosines, divided, pictures_to_half
from studies.signal.gradients import COVERED, MAP, advantages, by_cell, gradients


def noisy(signal: torch.Tensor, share: float, count: int) -> list[torch.Tensor]:
    """Vectors whose pairwise cosine is ``share``."""
    generator = torch.Generator().manual_seed(0)
    size = signal.norm() * (1 / share - 1) ** 0.5 / len(signal) ** 0.5
    return [signal + size * torch.randn(len(signal), generator=generator) for _ in range(count)]


def test_the_share_of_signal_is_found_again() -> None:
    signal = torch.randn(20_000, generator=torch.Generator().manual_seed(1))
    vectors = noisy(signal, 0.2, 8)
    own, error = agreement(cosines(vectors, vectors))
    assert own == pytest.approx(0.2, abs=0.02)
    assert 0 < error < 0.02
    mean = torch.stack(vectors).mean(0)
    enough = pictures_to_half(own, 512)
    expected = (8 * own / (1 + 7 * own)) ** 0.5
    assert float(torch.cosine_similarity(mean, signal, dim=0)) == pytest.approx(expected, abs=0.03)
    assert enough == pytest.approx(512 * 4 / 3, rel=0.15)


def test_pure_noise_agrees_with_nothing_and_needs_no_number_of_pictures() -> None:
    vectors = noisy(torch.full((20_000,), 1e-9), 1e-12, 6)
    own, error = agreement(cosines(vectors, vectors))
    assert abs(own) < 4 * error + 1e-3
    assert np.isnan(pictures_to_half(-0.01, 512))


def test_division_by_its_size_takes_the_weight_from_what_moves_together() -> None:
    """A few weights with all of the signal and large gradients, beside many with noise alone."""
    signal = torch.cat([torch.full((100,), 10.0), torch.zeros(9_900)])
    vectors = noisy(signal, 0.5, 8)
    plain, _ = agreement(cosines(vectors, vectors))
    after, _ = agreement(cosines(divided(vectors), divided(vectors)))
    assert plain == pytest.approx(0.5, abs=0.05)
    assert after < 0.05


@pytest.fixture(scope="module")
def model() -> Any:
    return TinyModel().training_copy(guidance=1.5, temperature=1.0, rows=16)


@pytest.fixture(scope="module")
def made(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    return batch(tmp_path_factory.mktemp("signal"), model, 0, 3, 4)


def test_a_batch_has_every_reward_and_is_made_once(model: Any, tmp_path: Path) -> None:
    first = batch(tmp_path, model, 1, 2, 2)
    again = batch(tmp_path, None, 1, 2, 2)
    assert set(first.values) == {*REWARDERS, "srum_global", "srum_local"}
    assert np.array_equal(first.tokens, again.tokens)
    assert np.array_equal(first.values["dsr"], again.values["dsr"])


def test_in_the_whole_map_ground_is_pushed_away(made: Batch) -> None:
    """A cell of ground is held against the regions that other candidates have there."""
    kinds = by_cell(made)
    assert sum(share for share, _ in kinds.values()) == pytest.approx(1)
    assert kinds["right"][1] > 0 > kinds["ground"][1]


def test_a_prompt_that_comes_again_has_other_pictures(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same ones in two batches would look like signal."""
    of_first = ShapesSource.items
    monkeypatch.setattr(
        ShapesSource, "items", lambda self, round_, count, seed: of_first(self, 0, count, seed)
    )
    first, second = (batch(tmp_path, model, number, 2, 2) for number in (0, 1))
    assert first.prompts == second.prompts
    assert not np.array_equal(first.tokens, second.tokens)


def test_the_gradient_points_to_where_the_weighted_likelihood_rises(model: Any, made: Batch) -> None:
    found = gradients(model, made)
    assert {*made.values, MAP, COVERED} == set(found)
    weights = [weight for name, weight in model.trainable() if "language_model" in name]
    before = [weight.detach().clone() for weight in weights]
    step = found["dsr"] / found["dsr"].norm() * 0.002

    def objective() -> float:
        groups, ks = np.repeat(np.arange(3), 4), np.tile(np.arange(4), 3)
        with torch.no_grad():
            logp = model.drawing_logprobs(
                [made.prompts[group] for group in groups], torch.from_numpy(made.tokens[groups, ks])
            )
        return float((logp * torch.from_numpy(advantages(made)["dsr"][groups, ks])).mean())

    start = objective()
    with torch.no_grad():
        for weight, part in zip(weights, step.split([weight.numel() for weight in weights]), strict=True):
            weight += part.view_as(weight)
    moved = objective()
    with torch.no_grad():
        for weight, kept in zip(weights, before, strict=True):
            weight.copy_(kept)
    assert moved - start == pytest.approx(0.002 * float(found["dsr"].norm()), rel=0.1)
