"""Losses and advantages of flow trainers, against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.flow.advantages import normalised_groups, statistics, unbiased_groups
from selfreward_eval.trainers.flow.losses import clipped, guarded_ratio, nft, nft_share, srum


def test_srum_with_one_picture_weighs_by_reward_plus_lambda() -> None:
    v, noise, x0 = torch.rand(2, 3, 4), torch.rand(2, 3, 4), torch.rand(2, 3, 4)
    reward = torch.rand(2, 3, 1)
    rewarded, kept = srum(v, noise, x0, x0, reward, 0.5)
    error = (v - (noise - x0)) ** 2
    assert float(rewarded + kept) == pytest.approx(float(((reward + 0.5) * error).mean()), rel=1e-6)


def test_a_negative_reward_moves_the_velocity_away() -> None:
    v = torch.full((1, 1, 1), 0.1, requires_grad=True)
    zero = torch.zeros(1, 1, 1)
    rewarded, kept = srum(v, zero, zero, zero, torch.tensor([[[-1.0]]]), 0.5)
    (rewarded + kept).backward()
    assert v.grad is not None
    assert v.grad.item() == pytest.approx(2 * (-1 + 0.5) * 0.1)


def test_a_clip_stops_the_gradient_where_the_policy_has_moved_far_enough() -> None:
    ratio = torch.tensor([1.5, 1.5, 0.5, 0.5], requires_grad=True)
    terms = clipped(ratio, torch.tensor([1.0, -1.0, 1.0, -1.0]), 0.2)
    terms.loss.sum().backward()
    assert ratio.grad is not None
    assert ratio.grad.tolist() == [0.0, 1.0, -1.0, 0.0]
    assert (terms.above.tolist(), terms.below.tolist()) == ([1, 1, 0, 0], [0, 0, 1, 1])


def test_the_guards_ratio_has_no_drift() -> None:
    """On a sample of the old policy its logarithm is mean(z (mean - old)), whatever the step's deviation."""
    generator = torch.Generator().manual_seed(0)
    old, z = torch.randn(1, 50, generator=generator), torch.randn(1, 50, generator=generator)
    moved = old + 0.1 * torch.randn(1, 50, generator=generator)
    for std in (0.1, 2.0):
        sample = old + std * z
        log_ratio = (((sample - old) ** 2 - (sample - moved) ** 2) / (2 * std**2)).mean(1)
        ratio = guarded_ratio(log_ratio, moved, old, std)
        assert ratio.log().item() == pytest.approx((z * (moved - old)).mean().item(), abs=1e-5)


def test_nft_at_the_old_policy_learns_nothing_from_an_average_picture() -> None:
    x0, noise = torch.rand(1, 2, 3), torch.rand(1, 2, 3)
    old = torch.rand(1, 2, 3)
    t = torch.full((1, 1, 1), 0.5)

    def gradient(share: float) -> torch.Tensor:
        v = old.clone().requires_grad_(True)
        nft(v, old, 0.5 * x0 + 0.5 * noise, x0, t, torch.tensor([share]), beta=1.0).loss.backward()
        assert v.grad is not None
        return v.grad

    assert torch.allclose(gradient(0.5), torch.zeros(1, 2, 3), atol=1e-6)
    assert torch.allclose(gradient(0.9), -gradient(0.1), atol=1e-5)


def test_a_share_of_every_token_is_the_pictures_where_all_are_equal() -> None:
    v, old, noisy, x0 = (torch.rand(2, 3, 4) for _ in range(4))
    t = torch.full((2, 1, 1), 0.4)
    picture = nft(v, old, noisy, x0, t, torch.tensor([0.3, 0.8]), beta=0.5)
    token = nft(v, old, noisy, x0, t, torch.tensor([[0.3] * 3, [0.8] * 3]), beta=0.5)
    assert picture.loss.item() == pytest.approx(token.loss.item(), rel=1e-6)


@pytest.mark.parametrize(
    ("mode", "shares"),
    [
        ("all", [0.0, 0.5, 0.75]),
        ("positive_only", [0.5, 0.5, 0.75]),
        ("negative_only", [0.0, 0.5, 0.5]),
        ("one_only", [0.5, 0.5, 0.75]),
        ("binary", [0.25, 0.5, 0.75]),
    ],
)
def test_shares_of_the_positive_branch(mode: str, shares: list[float]) -> None:
    assert nft_share(torch.tensor([-9.0, 0.0, 1.0]), 2.0, mode).tolist() == shares


def test_advantages_of_equal_rewards_are_exactly_0() -> None:
    """Whatever rounding makes of their mean: in float32 with 1e-8 they would be up to 0.4."""
    for value in np.linspace(0.01, 0.99, 99):
        rewards, keys = [float(value)] * 12, [0] * 12
        assert not normalised_groups(rewards, keys, across=False).any()
        assert not unbiased_groups(rewards, keys, epsilon=1e-8).any()


def test_advantages_are_within_a_prompt_and_over_one_deviation() -> None:
    rewards, keys = [1.0, 3.0, 10.0, 10.2], ["a", "a", "b", "b"]
    own = normalised_groups(rewards, keys, across=False)
    shared = normalised_groups(rewards, keys, across=True)
    assert own == pytest.approx([-1, 1, -1, 1], abs=2e-3)
    assert shared[3] == pytest.approx(0.1 / (np.std(rewards) + 1e-4))


def test_other_kinds_of_advantages() -> None:
    rewards, keys = [1.0, 3.0, 3.0, 0.0], [0, 0, 0, 0]
    assert normalised_groups(rewards, keys, across=False, kind="sft").tolist() == [0, 1, 1, 0]
    assert normalised_groups(rewards, keys, across=False, kind="dpo").tolist() == [0, 1, 0, -1]
    assert normalised_groups(rewards, keys, across=False, kind="rwr").tolist() == rewards
    with pytest.raises(UsageError, match="this prompt has one"):
        normalised_groups([1.0], [0], across=False, kind="dpo")
    with pytest.raises(UsageError, match="unknown kind of advantages 'ppo'"):
        normalised_groups([1.0], [0], across=False, kind="ppo")


def test_statistics_count_groups_that_teach_nothing() -> None:
    seen = statistics([1.0, 1.0, 0.0, 2.0], ["a", "a", "b", "b"])
    assert (seen.size, seen.groups, seen.flat, seen.deviation) == (2.0, 2, 0.5, 0.5)
