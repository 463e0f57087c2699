"""How many pictures are drawn together in narrow types, and that it is no matter with whom."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from selfreward_eval.harness.models.janus import adapter
from selfreward_eval.harness.models.janus.adapter import JanusModel
from selfreward_eval.harness.models.janus.rows import row_bytes, rows_for, rows_that_fit

Make = Callable[..., JanusModel]

GIB = 2**30

OF_MANY_LENGTHS = [
    "a star",
    "two red circles",
    "a picture of a blue ring",
    "a drawing of a red star left of a green heart",
    "an image of three crosses below two yellow circles and a ring",
]


@pytest.mark.parametrize(
    ("left", "row", "rows"),
    [(137 * GIB, 252 * 2**20, 64), (36 * GIB, 252 * 2**20, 32), (20 * GIB, 630 * 2**20, 8), (0, 1, 8)],
)
def test_rows_take_their_share_of_what_weights_leave(left: int, row: int, rows: int) -> None:
    assert rows_that_fit(left, row) == rows


def test_a_row_is_what_its_keys_and_values_take(janus: Make) -> None:
    model = janus("float32").loaded.model
    config = model.config.text_config
    per_token = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * 4
    assert row_bytes(model, guided=False) == per_token * (64 + 36)
    assert row_bytes(model, guided=True) == 2 * row_bytes(model, guided=False)


def test_a_processor_takes_eight_and_a_gpu_by_its_memory(
    janus: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = janus("float32").loaded.model
    chip = SimpleNamespace(total_memory=2 * GIB)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: chip)
    assert rows_for(model, torch.device("cpu"), guided=True) == 8
    assert rows_for(model, torch.device("cuda"), guided=True) == 64


def test_the_number_is_recorded_and_one_that_is_given_is_taken(janus: Make) -> None:
    assert janus("bfloat16").identity()["generation"]["rows"] == 8
    assert janus("bfloat16", rows=3).identity()["generation"]["rows"] == 3


def test_prompts_of_similar_length_fill_a_batch(janus: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    own = adapter.draw_tokens

    def counting(model: Any, prompts: Any, *rest: Any, **options: Any) -> Any:
        sizes.append(len(prompts))
        return own(model, prompts, *rest, **options)

    monkeypatch.setattr(adapter, "draw_tokens", counting)
    model = janus("bfloat16", rows=5)
    lengths = {len(row) for row in model.prompt_ids(OF_MANY_LENGTHS)}
    model.generate_tokens(OF_MANY_LENGTHS, range(5))
    assert len(lengths) > len(sizes)
    assert set(sizes) == {5}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_picture_is_the_same_beside_prompts_of_other_lengths(janus: Make, dtype: str) -> None:
    model = janus(dtype, guidance=2.0)
    together = model.generate_tokens(OF_MANY_LENGTHS, range(5))
    alone = [model.generate_tokens([text], [seed]) for seed, text in enumerate(OF_MANY_LENGTHS)]
    assert torch.cat(alone).tolist() == together.tolist()
