"""The self-test: what it tries, and what it concludes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np
import pytest

from selfreward_eval.harness.models.diffusers.repeating import LONG, SHORT, Draw, examine


def draws(batch: str) -> Draw:
    """A model whose pictures depend on prompt and seed alone, but for ``batch``."""
    calls = count()

    def draw(prompts: Sequence[str], seeds: Sequence[int]) -> list[np.ndarray]:
        call = next(calls)
        shift = {"exact": 0, "padded": len(prompts), "noisy": call if len(prompts) > 1 else 0, "never": call}
        return [
            np.full((4, 6, 3), (len(prompt) + seed + shift[batch]) % 256, np.uint8)
            for prompt, seed in zip(prompts, seeds, strict=True)
        ]

    return draw


@pytest.mark.parametrize(
    ("batch", "together", "reproducible", "why"),
    [
        ("exact", True, True, ""),
        ("padded", False, True, "pictures differ alone and in a batch"),
        ("noisy", False, True, "two equal batches differ"),
        ("never", False, False, "two equal batches differ"),
    ],
)
def test_what_a_model_does_is_found(batch: str, together: bool, reproducible: bool, why: str) -> None:
    found = examine(draws(batch))
    assert (found.together, found.reproducible, found.why) == (together, reproducible, why)
    assert found.size == (6, 4)


def test_where_batches_are_out_of_the_question_none_is_drawn() -> None:
    asked: list[int] = []
    exact = draws("exact")

    def draw(prompts: Sequence[str], seeds: Sequence[int]) -> Sequence[np.ndarray]:
        asked.append(len(prompts))
        return exact(prompts, seeds)

    found = examine(draw, "float32 is not exact in batches")
    assert (found.together, found.reproducible) == (False, True)
    assert asked == [1, 1, 1, 1]


def test_the_two_prompts_are_padded_differently() -> None:
    """Whatever multiple of tokens, up to 128, a pipeline pads to; a word is at least one."""
    assert len(SHORT.split()) < 10
    assert len(LONG.split()) > 128 + 10
