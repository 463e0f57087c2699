"""One step of a flow model's sampler from time s to s' < s: the mean of the next latents and their deviation.

Notation: x noisy latents, v = noise - x0 the velocity, h = s - s'. Time 1 is noise, time 0 is data. All
functions take tensors or plain numbers for times; tensors have to broadcast against x.

>>> import torch
>>> step = sde_step(torch.ones(1, 2), torch.zeros(1, 2), s=0.5, s_next=0.4, s_max=0.9, level=0.0)
>>> step.mean.tolist(), step.std
([[1.0, 1.0]], 0.0)

Sources: Flow-GRPO (yifan123/flow_grpo at 9745241), DanceGRPO (XueZeyue/DanceGRPO at 15cc71d), diffusers
0.42.1.
"""

from __future__ import annotations

from math import pi, sin
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch

__all__ = ["Step", "clean", "cps_step", "dance_step", "euler_step", "restart_step", "sde_level", "sde_step"]


class Step(NamedTuple):
    """The distribution of the next latents: independent normals.

    Attributes:
        mean: of the shape of x.
        std: the deviation that noise is multiplied by; 0 for a deterministic step.
    """

    mean: torch.Tensor
    std: Any

    def sample(self, noise: torch.Tensor) -> torch.Tensor:
        """The next latents, for standard normal ``noise``."""
        return self.mean + self.std * noise


def clean(x: torch.Tensor, v: torch.Tensor, s: Any) -> torch.Tensor:
    """x0 as the velocity predicts it."""
    return x - s * v


def euler_step(x: torch.Tensor, v: torch.Tensor, s: Any, s_next: Any) -> torch.Tensor:
    """The deterministic step."""
    return x + v * (s_next - s)


def sde_level(s: Any, s_max: Any, level: float) -> Any:
    """Flow-SDE's diffusion coefficient, a * sqrt(s / (1 - s)).

    At s = 1, where this is infinite, 1 - s is replaced by 1 - ``s_max``.

    Args:
        s: time.
        s_max: the second time of the schedule.
        level: a.
    """
    if isinstance(s, int | float):
        return level * float(s / (1 - (s_max if s == 1 else s))) ** 0.5
    import torch

    below = torch.where(s == 1, torch.as_tensor(s_max, dtype=s.dtype, device=s.device), s)
    return level * (s / (1 - below)).sqrt()


def _with_coefficient(x: torch.Tensor, v: torch.Tensor, s: Any, s_next: Any, coefficient: Any) -> Step:
    """The step of the stochastic equation that keeps the flow's marginals, for a diffusion coefficient."""
    dt = s_next - s
    drift = coefficient**2 / (2 * s)
    mean = x * (1 + drift * dt) + v * (1 + drift * (1 - s)) * dt
    return Step(mean, coefficient * (-dt) ** 0.5)


def sde_step(x: torch.Tensor, v: torch.Tensor, *, s: Any, s_next: Any, s_max: Any, level: float) -> Step:
    """Flow-GRPO's step, also BAGEL's there and MixGRPO's: noise of coefficient a * sqrt(s / (1 - s))."""
    return _with_coefficient(x, v, s, s_next, sde_level(s, s_max, level))


def dance_step(x: torch.Tensor, v: torch.Tensor, *, s: Any, s_next: Any, eta: float) -> Step:
    """DanceGRPO's step: the same with a constant coefficient."""
    return _with_coefficient(x, v, s, s_next, eta)


def cps_step(x: torch.Tensor, v: torch.Tensor, *, s: Any, s_next: Any, level: float) -> Step:
    """Coefficients-preserving sampling: part of the old noise is replaced by new noise.

    The deviation is s' * sin(a * pi / 2); at a = 1 all old noise is replaced. The last step has no noise.
    """
    std = s_next * sin(level * pi / 2)
    kept = (s_next**2 - std**2) ** 0.5
    return Step((1 - s_next) * clean(x, v, s) + kept * (x + (1 - s) * v), std)


def restart_step(x: torch.Tensor, v: torch.Tensor, *, s: Any, s_next: Any) -> Step:
    """diffusers' ``stochastic_sampling``: the predicted x0, noised anew to s'. It is CPS at a = 1."""
    return Step((1 - s_next) * clean(x, v, s), s_next)
