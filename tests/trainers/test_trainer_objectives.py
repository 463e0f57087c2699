"""The losses against cases worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from selfreward_eval.trainers.objectives import grpo, likelihood, mapped, simpo


def test_likelihood_is_the_mean_over_tokens() -> None:
    logp = torch.tensor([[-1.0, -3.0], [-0.5, -0.5]])
    assert likelihood(logp).tolist() == pytest.approx([2.0, 0.5])


def test_mapped_weighs_every_cell_by_reward_plus_lambda() -> None:
    logp = torch.tensor([[-1.0, -2.0]])
    reward = torch.tensor([[1.0, 0.5]])
    # ((1 + 0.5) * 1 + (0.5 + 0.5) * 2) / 2
    assert mapped(logp, reward, 0.5).item() == pytest.approx(1.75)


def test_mapped_without_negative_rewards_is_the_literal_formula() -> None:
    logp, reward = -torch.rand(3, 5) * 4, torch.rand(3, 5)
    assert torch.allclose(mapped(logp, reward, 0.5), mapped(logp, reward, 0.5, "likelihood"))


def test_a_negative_reward_lowers_the_tokens_likelihood() -> None:
    logits = torch.zeros(1, 4, requires_grad=True)
    logp = logits.log_softmax(-1)[:, :1]
    mapped(logp, torch.tensor([[-1.0]]), 0.0).sum().backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] > 0  # descending makes the first token less likely


def test_repulsion_fades_once_the_token_is_unlikely() -> None:
    def pull(p: float, away: str) -> float:
        logp = torch.tensor([[math.log(p)]], requires_grad=True)
        mapped(logp, torch.tensor([[-1.0]]), 0.0, away).sum().backward()  # type: ignore[arg-type]
        assert logp.grad is not None
        return float(logp.grad)

    assert pull(0.001, "unlikelihood") < 0.01 < pull(0.5, "unlikelihood")
    assert pull(0.001, "likelihood") == pull(0.5, "likelihood") == 1.0


def test_simpo_is_the_log_sigmoid_of_the_scaled_difference() -> None:
    loss = simpo(torch.tensor([-1.0]), torch.tensor([-2.0]), beta=2.0, gamma=0.5)
    assert loss.item() == pytest.approx(-math.log(1 / (1 + math.exp(-1.5))))


def test_grpo_at_the_policy_that_drew_is_the_plain_policy_gradient() -> None:
    logp = torch.tensor([[-1.0, -2.0]], requires_grad=True)
    loss, penalty, clipped = grpo(logp, logp.detach(), logp.detach(), torch.tensor([0.7]), 0.2, 0.1)
    loss.sum().backward()
    assert loss.item() == pytest.approx(-0.7)
    assert penalty.item() == pytest.approx(0.0)
    assert clipped.item() == 0.0
    assert logp.grad is not None
    assert logp.grad.flatten().tolist() == pytest.approx([-0.35, -0.35])


def test_grpo_clips_a_ratio_that_has_gone_far_enough() -> None:
    drawn = torch.tensor([[-2.0]])
    logp = torch.tensor([[-1.0]], requires_grad=True)
    loss, _, clipped = grpo(logp, drawn, None, torch.tensor([1.0]), 0.2, 0.0)
    loss.sum().backward()
    assert loss.item() == pytest.approx(-1.2)
    assert clipped.item() == 1.0
    assert logp.grad is not None
    assert logp.grad.item() == 0.0


def test_grpo_charges_for_leaving_the_start_on_either_side() -> None:
    start = torch.tensor([[-1.0]])
    for logp in (-0.5, -1.5):
        now = torch.tensor([[logp]])
        _, penalty, _ = grpo(now, now, start, torch.tensor([0.0]), 0.2, 0.1)
        assert penalty.item() == pytest.approx(math.exp(-1 - logp) - (-1 - logp) - 1)
        assert penalty.item() > 0
