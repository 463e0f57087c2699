"""Drawing with a flow model: deterministic, or with a window of random steps whose likelihoods are known.

Steps outside the window are deterministic (MixGRPO, Flow-GRPO-Fast). The window lies in the first part of the
steps, never at the first step, where much noise breaks the marginals, and never at the last, which leaves its
noise in the picture. Its place is drawn anew for every prompt and round, the same for all candidates of the
prompt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.flow import draws
from selfreward_eval.trainers.flow.likelihoods import log_density, per_token
from selfreward_eval.trainers.flow.steps import Step, cps_step, euler_step, sde_step

if TYPE_CHECKING:
    import torch

    from selfreward_eval.harness.models.training import TrainsFlow

__all__ = ["ROWS", "Path", "Window", "draw_ode", "draw_with_window", "parts"]

ROWS = 64
"""At most so many pictures go through the network together; part of the result in float32."""

SAMPLERS = ("sde", "cps")


@dataclass(frozen=True)
class Window:
    """Which steps are random, and how.

    Attributes:
        sampler: ``sde`` (Flow-GRPO's) or ``cps`` (coefficients-preserving).
        level: a, how much noise; above 0.
        size: steps that are random.
        share: the window lies within this share of the steps, from the second one on.
    """

    sampler: Literal["sde", "cps"] = "sde"
    level: float = 0.7
    size: int = 2
    share: float = 0.5

    def starts(self, steps: int) -> tuple[int, int]:
        """The first and the last step that a window may start at.

        Raises:
            UsageError: there is no room for it.
        """
        last = min(max(int(steps * self.share), 1 + self.size), steps - 1) - self.size
        if last < 1:
            raise UsageError(
                f"a window of {self.size} random steps has no place between the first and the last of "
                f"{steps}; use more points, or fewer random_steps"
            )
        return 1, last

    def step(self, x: torch.Tensor, v: torch.Tensor, s: Any, s_next: Any, s_max: float) -> Step:
        """The distribution of the latents after a random step."""
        if self.sampler == "cps":
            return cps_step(x, v, s=s, s_next=s_next, level=self.level)
        return sde_step(x, v, s=s, s_next=s_next, s_max=s_max, level=self.level)

    def identity(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


class Path(NamedTuple):
    """Drawn latents with their window.

    Attributes:
        latents: where drawing ended, (B, L, C).
        states: before each random step and after the last, (B, w + 1, L, C).
        logprobs: of each random step, per token, constants left out, (B, w, L).
    """

    latents: torch.Tensor
    states: torch.Tensor
    logprobs: torch.Tensor


def parts(count: int) -> Iterator[slice]:
    """Rows that go through the network together."""
    for start in range(0, count, ROWS):
        yield slice(start, min(start + ROWS, count))


def draw_ode(model: TrainsFlow, prompts: Sequence[str], seeds: Sequence[int], points: int) -> torch.Tensor:
    """Latents, (B, L, C), by deterministic steps with the model's guidance.

    Args:
        model: draws.
        prompts: B of them.
        seeds: of the noise that each starts from.
        points: times that drawing stops at; 0 for the model's own number.
    """
    import torch

    times = _times(model, points)
    out = []
    for rows in parts(len(prompts)):
        texts, x = list(prompts[rows]), model.noise(seeds[rows]).to(model.compute_device).float()
        for s, s_next in pairwise(times):
            x = euler_step(x, _velocity(model, texts, x, s), s, s_next)
        out.append(x)
    return torch.cat(out)


def draw_with_window(
    model: TrainsFlow,
    prompts: Sequence[str],
    seeds: Sequence[int],
    pictures: Sequence[tuple[str, int]],
    starts: Sequence[int],
    window: Window,
    points: int,
    *,
    round_: int,
    seed: int,
) -> Path:
    """Latents with the states and likelihoods of their random steps; with the model's guidance.

    Args:
        model: draws.
        prompts: B of them.
        seeds: of the noise that each starts from.
        pictures: (id of the prompt, number of the candidate) of each, which seed the noise of the steps.
        starts: first random step of each.
        window: how the steps are random.
        points: times that drawing stops at; 0 for the model's own number.
        round_: of training.
        seed: the training seed.
    """
    import torch

    times = _times(model, points)
    drawn = []
    for rows in parts(len(prompts)):
        texts, x = list(prompts[rows]), model.noise(seeds[rows]).to(model.compute_device).float()
        first = torch.tensor(starts[rows], device=x.device)
        states: list[list[torch.Tensor]] = [[] for _ in texts]
        logprobs: list[list[torch.Tensor]] = [[] for _ in texts]
        for k, (s, s_next) in enumerate(pairwise(times)):
            v = _velocity(model, texts, x, s)
            following = euler_step(x, v, s, s_next)
            inside = (first <= k) & (k < first + window.size)
            if bool(inside.any()):
                noises = [
                    draws.normal(x.shape[1:], f"flow-noise-{round_}-{k}", item, candidate, seed)
                    for item, candidate in pictures[rows]
                ]
                step = window.step(x, v, s, s_next, times[1])
                sample = step.sample(torch.stack(noises).to(x.device))
                density = per_token(log_density(sample, step, constants=False))
                following = torch.where(inside[:, None, None], sample, following)
                for b in inside.nonzero().flatten().tolist():
                    states[b] += [x[b]] if not states[b] else []
                    states[b].append(sample[b])
                    logprobs[b].append(density[b])
            x = following
        drawn.append(Path(x, _stacked(states), _stacked(logprobs)))
    return Path(*(torch.cat(column) for column in zip(*drawn, strict=True)))


def _stacked(rows: Sequence[Sequence[torch.Tensor]]) -> torch.Tensor:
    import torch

    return torch.stack([torch.stack(list(row)) for row in rows])


def _times(model: TrainsFlow, points: int) -> list[float]:
    """Times as plain numbers, so that rollout and replay compute with the same ones."""
    return [float(t) for t in model.times(points or None)]


def _velocity(model: TrainsFlow, prompts: list[str], x: torch.Tensor, s: float) -> torch.Tensor:
    import torch

    times = torch.full((len(prompts),), s, dtype=torch.float32, device=x.device)
    return model.velocity(prompts, x, times, guided=True)
