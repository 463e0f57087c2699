"""The published network's size, and what a drawing takes, without allocating anything."""

from __future__ import annotations

from functools import cache

import pytest
import torch

from selfreward_eval.harness.models.bagel.config import BagelConfig
from selfreward_eval.harness.models.bagel.cost import drawing_cost, on_meta, sizes
from selfreward_eval.harness.models.bagel.network import Bagel
from selfreward_eval.harness.models.bagel.settings import PRESETS
from selfreward_eval.harness.models.metering import measuring


@cache
def published() -> Bagel:
    """The 7B network without its weights."""
    return on_meta(BagelConfig(), torch.bfloat16)[0]


def test_the_published_network_has_its_tensors() -> None:
    found = sizes(BagelConfig())
    assert (found.tensors, found.parameters) == (1223, 14_607_260_128)
    assert found.gen_parameters == 6_525_628_928
    assert (found.autoencoder_tensors, found.autoencoder_parameters) == (244, 83_819_683)
    assert found.cache_bytes == 57_344


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("language_model.model.embed_tokens.weight", (152064, 3584)),
        ("language_model.model.layers.27.self_attn.k_proj_moe_gen.bias", (512,)),
        ("language_model.model.layers.0.self_attn.q_norm_moe_gen.weight", (128,)),
        ("language_model.model.layers.0.mlp_moe_gen.down_proj.weight", (3584, 18944)),
        ("language_model.model.layers.0.post_attention_layernorm_moe_gen.weight", (3584,)),
        ("language_model.model.norm_moe_gen.weight", (3584,)),
        ("language_model.lm_head.weight", (152064, 3584)),
        ("time_embedder.mlp.2.weight", (3584, 3584)),
        ("llm2vae.weight", (64, 3584)),
        ("latent_pos_embed.pos_embed", (4096, 3584)),
        ("vit_model.vision_model.embeddings.patch_embedding.weight", (1152, 588)),
        ("vit_model.vision_model.embeddings.position_embedding.weight", (4900, 1152)),
        ("vit_model.vision_model.encoder.layers.25.self_attn.out_proj.bias", (1152,)),
        ("vit_model.vision_model.post_layernorm.weight", (1152,)),
        ("connector.fc2.weight", (3584, 3584)),
        ("vit_pos_embed.pos_embed", (4900, 3584)),
    ],
)
def test_the_published_network_has_its_names(name: str, shape: tuple[int, ...]) -> None:
    assert tuple(published().state_dict()[name].shape) == shape


def test_a_picture_of_the_published_network() -> None:
    found = drawing_cost(BagelConfig(), PRESETS["inferencer"])
    # 49 steps, of which 41 lie in the span of guidance with its second pass.
    assert found.evaluations == 90
    # 4,098 tokens through some 6.5 billion weights, twice each, and attention on top.
    weights = 90 * 4098 * 2 * 6_525_628_928
    assert weights < found.flops < 1.25 * weights
    assert 30e9 < found.peak_bytes < 40e9


def test_attention_is_counted_without_its_scores() -> None:
    query = torch.empty(2, 4, 100, 8, device="meta", requires_grad=True)
    with measuring() as found:
        out = torch.nn.functional.scaled_dot_product_attention(query, query, query)
    assert found.flops == 4 * 2 * 4 * 100 * 100 * 8
    assert found.peak_bytes == out.numel() * 4
    with measuring() as backward:
        out.sum().backward()
    assert backward.flops == 0  # counted where it was begun


def test_what_is_freed_no_longer_counts() -> None:
    with measuring() as found:
        first = torch.empty(1000, device="meta")
        del first
        second = torch.empty(1000, device="meta")
        third = second + 1
    assert found.peak_bytes == 8000
    assert third.shape == (1000,)


@pytest.mark.parametrize("rows", [1, 3])
def test_more_pictures_take_more_memory_and_not_more_work_each(rows: int) -> None:
    from support.bagel import small_config

    alone = drawing_cost(small_config(), PRESETS["inferencer"], rows=1)
    found = drawing_cost(small_config(), PRESETS["inferencer"], rows=rows)
    assert found.flops == pytest.approx(alone.flops, rel=0.01)
    assert (found.peak_bytes > alone.peak_bytes) == (rows > 1)
