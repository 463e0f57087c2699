"""Steps of a flow model's sampler, against algebra and against the marginals that they have to keep."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt

import pytest
import torch

from selfreward_eval.trainers.flow.likelihoods import log_density, matching_log_prob, per_picture, per_token
from selfreward_eval.trainers.flow.schedules import diffusers_times, sliding_windows, uniform_times
from selfreward_eval.trainers.flow.steps import (
    Step,
    clean,
    cps_step,
    dance_step,
    euler_step,
    restart_step,
    sde_level,
    sde_step,
)


@pytest.fixture
def xv() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, 4, generator=generator), torch.randn(2, 3, 4, generator=generator)


def test_without_noise_every_sampler_is_eulers(xv: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, v = xv
    plain = euler_step(x, v, 0.6, 0.5)
    for step in (
        sde_step(x, v, s=0.6, s_next=0.5, s_max=0.9, level=0.0),
        dance_step(x, v, s=0.6, s_next=0.5, eta=0.0),
        cps_step(x, v, s=0.6, s_next=0.5, level=0.0),
    ):
        assert torch.allclose(step.mean, plain, atol=1e-6)
        assert step.std == 0


def test_replacing_all_noise_is_restarting(xv: tuple[torch.Tensor, torch.Tensor]) -> None:
    full, restart = cps_step(*xv, s=0.6, s_next=0.5, level=1.0), restart_step(*xv, s=0.6, s_next=0.5)
    assert torch.allclose(full.mean, restart.mean, atol=1e-6)
    assert full.std == restart.std == 0.5


def test_at_pure_noise_the_first_step_has_the_levels_deviation() -> None:
    x = torch.ones(1, 1)
    step = sde_step(x, torch.zeros(1, 1), s=1.0, s_next=0.9, s_max=0.9, level=0.7)
    assert step.std == pytest.approx(0.7)
    assert step.mean.item() == pytest.approx(1 - 0.7**2 / 2)


def test_times_may_differ_by_picture(xv: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, v = xv
    s, s_next = torch.tensor([1.0, 0.5]).view(2, 1, 1), torch.tensor([0.9, 0.4]).view(2, 1, 1)
    both = sde_step(x, v, s=s, s_next=s_next, s_max=0.9, level=0.7)
    for k in range(2):
        alone = sde_step(x[k], v[k], s=float(s[k]), s_next=float(s_next[k]), s_max=0.9, level=0.7)
        assert torch.allclose(both.mean[k], alone.mean, atol=1e-5)
        assert float(both.std[k]) == pytest.approx(alone.std, rel=1e-5)


def test_an_sde_sampler_keeps_the_marginals_of_normal_data() -> None:
    """x_t = (1 - t) x0 + t e has deviation sqrt((1 - t)^2 + t^2), and its velocity is known exactly."""
    times = uniform_times(201, 1.0)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(20000, 1, generator=generator, dtype=torch.float64)
    for k, (s, s_next) in enumerate(pairwise(times[:-1])):
        v = x * (2 * s - 1) / ((1 - s) ** 2 + s**2)
        step = sde_step(x, v, s=s, s_next=s_next, s_max=times[1], level=0.7)
        x = step.sample(torch.randn(x.shape, generator=generator, dtype=torch.float64))
        if k in (100, 150):
            assert float(x.std()) == pytest.approx(sqrt((1 - s_next) ** 2 + s_next**2), rel=0.03)


def test_the_velocity_gives_back_the_picture(xv: tuple[torch.Tensor, torch.Tensor]) -> None:
    x0, noise = xv
    assert torch.allclose(clean(0.7 * x0 + 0.3 * noise, noise - x0, 0.3), x0, atol=1e-6)


def test_the_density_is_the_normals(xv: tuple[torch.Tensor, torch.Tensor]) -> None:
    mean, sample = xv
    normal = torch.distributions.Normal(mean, 0.3).log_prob(sample)
    assert torch.allclose(log_density(sample, Step(mean, 0.3)), normal, atol=1e-5)


def test_the_mean_over_tokens_is_the_pictures_mean(xv: tuple[torch.Tensor, torch.Tensor]) -> None:
    density = log_density(xv[0], Step(xv[1], 0.5))
    assert torch.allclose(per_token(density).mean(1), per_picture(density))


def test_no_gradient_flows_into_what_was_drawn() -> None:
    mean = torch.zeros(1, 2, requires_grad=True)
    sample = mean + 1
    log_density(sample, Step(mean, 0.5)).sum().backward()
    assert mean.grad is not None
    assert mean.grad.tolist() == [[4.0, 4.0]]


def test_uniform_matching_is_minus_the_squared_error() -> None:
    v, target = torch.tensor([[1.0, 3.0]]), torch.zeros(1, 2)
    assert matching_log_prob(v, target, torch.tensor([0.5])).tolist() == [-5.0]
    assert matching_log_prob(v, target, torch.tensor([0.5]), "t").tolist() == [-2.5]
    with pytest.raises(ValueError, match="unknown weighting 'none'"):
        matching_log_prob(v, target, torch.tensor([0.5]), "none")


def test_the_noise_level_is_infinite_nowhere() -> None:
    assert sde_level(1.0, 0.9, 1.0) == pytest.approx(sqrt(10))
    assert sde_level(torch.tensor(1.0), 0.9, 1.0).item() == pytest.approx(sqrt(10))
    assert sde_level(0.5, 0.9, 1.0) == 1.0


def test_diffusers_shifts_twice() -> None:
    times = diffusers_times(10, 3.0)
    assert times[-3:] == pytest.approx([0.2780488, 0.0089286, 0.0], abs=1e-6)
    assert uniform_times(15, 3.0)[1] == pytest.approx(0.975)


def test_a_window_that_does_not_roll_back_stays_at_the_end() -> None:
    windows = sliding_windows(5, period=1, size=2, steps=3, stride=2, roll_back=False)
    assert windows == [[0, 1], [2], [], [], []]
