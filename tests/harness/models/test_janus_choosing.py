"""Choosing a token by inverting the cumulative distribution: the full softmax unless told otherwise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from selfreward_eval.harness.models.janus.decode import Sampling, choose, unconditional, uniforms

DRAWS = 40_000
CODES = 200


def crafted() -> torch.Tensor:
    """Logits whose 50 likeliest tokens hold 75 % of the mass: a top-50 cut would show at once."""
    return torch.linspace(0, -5, CODES, dtype=torch.float64)[torch.randperm(CODES, generator=seeded(1))]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def frequencies(sampling: Sampling, logits: torch.Tensor) -> np.ndarray:
    """How often every token is chosen in DRAWS independent draws."""
    noise = torch.rand(DRAWS, generator=seeded(2), dtype=torch.float64)
    chosen = choose(logits.expand(DRAWS, -1), sampling, noise)
    return np.bincount(chosen.numpy(), minlength=len(logits))


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
def test_top_k_zero_samples_the_full_softmax(temperature: float) -> None:
    logits = crafted()
    expected = (logits / temperature).softmax(-1).numpy() * DRAWS
    seen = frequencies(Sampling(1.0, temperature, 0), logits)
    enough = expected >= 5
    assert (
        chisquare(
            np.append(seen[enough], seen[~enough].sum() + 1e-9),
            np.append(expected[enough], expected[~enough].sum() + 1e-9),
        ).pvalue
        > 1e-3
    )


def test_the_check_above_would_notice_a_top_50_cut() -> None:
    logits = crafted()
    seen = frequencies(Sampling(1.0, 1.0, 50), logits)
    assert chisquare(seen, logits.softmax(-1).numpy() * DRAWS).pvalue < 1e-100


@pytest.mark.parametrize("top_k", [1, 5, 50])
def test_top_k_keeps_the_likeliest_in_their_proportions(top_k: int) -> None:
    logits = crafted()
    seen = frequencies(Sampling(1.0, 1.0, top_k), logits)
    kept = logits.topk(top_k).indices.numpy()
    assert set(np.flatnonzero(seen)) <= set(kept)
    expected = logits[kept].softmax(-1).numpy() * DRAWS
    assert top_k == 1 or chisquare(seen[kept], expected).pvalue > 1e-3


@pytest.mark.parametrize("top_k", [CODES, CODES + 1])
def test_a_top_k_that_keeps_all_is_none(top_k: int) -> None:
    logits = crafted()
    assert (frequencies(Sampling(1.0, 1.0, top_k), logits) == frequencies(Sampling(1.0), logits)).all()


def test_temperature_zero_takes_the_likeliest() -> None:
    logits = torch.stack([crafted(), crafted().flip(0)])
    chosen = choose(logits, Sampling(1.0, 0.0), torch.tensor([0.99, 0.01]))
    assert chosen.tolist() == logits.argmax(-1).tolist()


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=30), st.floats(0, 1, exclude_max=True))
def test_the_chosen_token_owns_the_uniform_number(values: list[float], uniform: float) -> None:
    logits = torch.tensor([values], dtype=torch.float64)
    token = int(choose(logits, Sampling(1.0), torch.tensor([uniform], dtype=torch.float64)))
    cumulative = np.concatenate([[0.0], np.cumsum(logits[0].softmax(-1).numpy())])
    assert cumulative[token] - 1e-12 <= uniform <= cumulative[token + 1] + 1e-12


@given(st.sets(st.integers(0, 9), min_size=1, max_size=9), st.floats(0, 1, exclude_max=True))
def test_an_impossible_token_is_never_chosen(impossible: set[int], uniform: float) -> None:
    logits = torch.zeros(1, 10, dtype=torch.float64)
    logits[0, list(impossible)] = float("-inf")
    assert int(choose(logits, Sampling(1.0), torch.tensor([uniform], dtype=torch.float64))) not in impossible


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_narrow_logits_are_widened_before_the_choice(dtype: torch.dtype) -> None:
    """A cumulative sum over thousands of tokens in half precision would never reach one."""
    logits = torch.zeros(1, 16384, dtype=dtype)
    for uniform in (0.0, 0.25, 0.999999):
        token = int(choose(logits, Sampling(1.0), torch.tensor([uniform], dtype=torch.float64)))
        assert token == int(uniform * 16384)


def test_every_seed_has_its_own_numbers_in_any_batch() -> None:
    together = uniforms([3, 4, 3], 36)
    assert together.dtype == torch.float64
    assert ((together >= 0) & (together < 1)).all()
    assert (together[0] == together[2]).all()
    assert (together[0] != together[1]).any()
    assert (uniforms([4], 36)[0] == together[1]).all()


@pytest.mark.parametrize("seed", [0, 2**32, 2**63 - 1])
def test_every_seed_that_the_harness_makes_is_taken(seed: int) -> None:
    assert uniforms([seed], 4).shape == (1, 4)


def test_the_unconditional_prompt_keeps_only_its_ends() -> None:
    ids = torch.tensor([[1, 7, 8, 9, 5], [1, 7, 1, 5, 5]])
    assert unconditional(ids, (1, 5), pad=0).tolist() == [[1, 0, 0, 0, 5], [1, 0, 1, 5, 5]]
