"""Log-probabilities in parts: the values and gradients of all at once."""

from __future__ import annotations

import pytest
import torch

from selfreward_eval.harness.models.janus import chunking
from selfreward_eval.harness.models.janus.chunking import rows_together, token_scores

CODES = 50


def scored(states: torch.Tensor, head: torch.nn.Linear, tokens: torch.Tensor) -> torch.Tensor:
    return token_scores(head, [states], tokens, CODES)


@pytest.fixture
def inputs() -> tuple[torch.Tensor, torch.nn.Linear, torch.Tensor]:
    torch.manual_seed(0)
    states = torch.randn(23, 8, requires_grad=True)
    return states, torch.nn.Linear(8, CODES), torch.randint(0, CODES, (23,))


@pytest.mark.parametrize("logits", [1, 4 * CODES, 23 * CODES])
def test_parts_have_the_values_and_gradients_of_the_whole(
    inputs: tuple[torch.Tensor, torch.nn.Linear, torch.Tensor], logits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    states, head, tokens = inputs
    weights = torch.randn(23)
    whole = head(states).log_softmax(-1).gather(-1, tokens[:, None]).squeeze(-1)
    expected = torch.autograd.grad((whole * weights).sum(), [states, head.weight, head.bias])
    monkeypatch.setattr(chunking, "LOGITS", logits)
    found = scored(states, head, tokens)
    torch.testing.assert_close(found, whole)
    gradients = torch.autograd.grad((found * weights).sum(), [states, head.weight, head.bias])
    for ours, theirs in zip(gradients, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_no_more_logits_are_held_than_asked_for(
    inputs: tuple[torch.Tensor, torch.nn.Linear, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    states, head, tokens = inputs
    sizes: list[int] = []
    head.register_forward_hook(lambda _, __, logits: sizes.append(logits.numel()))
    monkeypatch.setattr(chunking, "LOGITS", 5 * CODES)
    scored(states, head, tokens).sum().backward()
    assert max(sizes) <= 5 * CODES
    assert sum(sizes) == 2 * 23 * CODES  # once forward, once again backward


@pytest.mark.parametrize(("device", "short", "long"), [("cuda", 49, 4), ("cpu", 1, 1)])
def test_no_row_is_too_long_to_be_read(device: str, short: int, long: int) -> None:
    """On a CPU fewer rows at once, which its cache holds."""

    class Model:
        class config:
            class text_config:
                intermediate_size = 5632

    setattr(Model, "device", torch.device(device))  # noqa: B010 - a class body cannot see the argument
    assert rows_together(Model, 60) == short
    assert rows_together(Model, 616) == long
    assert rows_together(Model, 1 << 20) == 1
