"""Everything random in flow trainers, as a function of what it is for: a seed, a step or round, and a
picture.

No state is kept, so that a resumed training run, another batch and every process of several draw the same
numbers. All numbers are drawn on the CPU.

>>> bool((normal((2, 3), "noise", "a red star", 0, 7) == normal((2, 3), "noise", "a red star", 0, 7)).all())
True
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from selfreward_eval.harness.seeds import sample_seed
from selfreward_eval.trainers.flow.schedules import shifted

if TYPE_CHECKING:
    import torch

__all__ = ["Noisy", "generator", "noisy", "normal", "strata", "whole_number"]


def generator(what: str, item: str, candidate: int, seed: int) -> torch.Generator:
    """A generator for one purpose and one picture.

    Args:
        what: the purpose, with the round or step it is for.
        item: id of the prompt.
        candidate: number of the picture among the prompt's.
        seed: the training seed.
    """
    import torch

    return torch.Generator().manual_seed(sample_seed(what, item, candidate, seed))


def normal(shape: Sequence[int], what: str, item: str, candidate: int, seed: int) -> torch.Tensor:
    """Standard normal float32 numbers of one picture."""
    import torch

    return torch.randn(tuple(shape), generator=generator(what, item, candidate, seed))


def whole_number(low: int, high: int, what: str, item: str, candidate: int, seed: int) -> int:
    """A whole number from ``low`` to ``high``, both included, all equally likely."""
    import torch

    source = generator(what, item, candidate, seed)
    return int(torch.randint(low, high + 1, (), generator=source))


def strata(low: int, high: int, parts: int, what: str, item: str, candidate: int, seed: int) -> list[int]:
    """``parts`` whole numbers from ``low`` up to ``high``, exclusive: one in each of as many equal parts."""
    import torch

    shares = torch.rand(parts, generator=generator(what, item, candidate, seed), dtype=torch.float64)
    width = (high - low) / parts
    return [low + min(int((k + float(share)) * width), high - low - 1) for k, share in enumerate(shares)]


class Noisy(NamedTuple):
    """How pictures are made noisy for one training step.

    Attributes:
        times: float32 (B,), in (0, 1).
        noise: float32 (B, L, C).
        dropped: whether the prompt is left out.
        seeds: two of the autoencoder's samples for each picture.
    """

    times: torch.Tensor
    noise: torch.Tensor
    dropped: list[bool]
    seeds: list[tuple[int, int]]


def noisy(
    pictures: Sequence[tuple[str, int]],
    shape: Sequence[int],
    *,
    step: int,
    seed: int,
    shift: float,
    dropout: float,
) -> Noisy:
    """Times, noise and dropped prompts of one training step.

    A time is sigmoid(n) with n standard normal, then shifted. The same picture twice in a step gets the same.

    Args:
        pictures: (id of the prompt, number of the candidate) of each.
        shape: of one picture's latents, (L, C).
        step: number of the optimiser step.
        seed: the training seed.
        shift: s of s t / (1 + (s - 1) t).
        dropout: probability that a prompt is left out.
    """
    import torch

    times, noises, dropped, seeds = [], [], [], []
    for item, candidate in pictures:
        source = generator(f"flow-step-{step}", item, candidate, seed)
        raw = torch.randn((), generator=source, dtype=torch.float64).sigmoid()
        times.append(shifted(float(raw), shift))
        dropped.append(bool(torch.rand((), generator=source) < dropout))
        first, second = torch.randint(0, 1 << 62, (2,), generator=source).tolist()
        seeds.append((first, second))
        noises.append(torch.randn(tuple(shape), generator=source))
    return Noisy(torch.tensor(times, dtype=torch.float32), torch.stack(noises), dropped, seeds)
