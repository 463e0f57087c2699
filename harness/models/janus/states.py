"""The language model's last states, where they are read, without gradients.

Small models on a CPU spend more time between matrix products than in them: every layer makes a dozen
tensors that are read once. Here the layers of a plain Llama on a CPU are computed in place, by the same
operations in the same order as transformers computes them, and the last layer only where its states are
read. Anything else (other layers, adapters, hooks, a GPU) goes transformers' own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.models.janus.plain_llama import layers_are_plain

if TYPE_CHECKING:
    import torch

__all__ = ["embedded", "last_states", "padded", "picture_features"]

PICTURES = 32
"""Encoded at once where no gradient keeps them."""


def picture_features(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """What the language model reads of pictures (U, 3, H, W), in its type: (U, N, width)."""
    import torch

    pixels = pixels.to(model.get_input_embeddings().weight.dtype)
    parts = [model.model.get_image_features(part, return_dict=True) for part in pixels.split(PICTURES)]
    return torch.cat([part.pooler_output for part in parts])


def padded(
    rows: Sequence[Sequence[int]], pad: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows as one tensor (B, L), padded on the right, and 1 where a token is real."""
    import torch

    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows], dtype=torch.long)
    lengths = torch.tensor([len(row) for row in rows])
    there = (torch.arange(longest) < lengths[:, None]).long()
    return ids.to(device), there.to(device)


def embedded(model: Any, ids: torch.Tensor, features: torch.Tensor | None) -> torch.Tensor:
    """Embeddings of token ids (B, L) with pictures in place of their placeholders: (B, L, width).

    Args:
        model: a ``JanusForConditionalGeneration``.
        ids: int64 (B, L).
        features: of the pictures, in the order of their placeholders, (U, N, width).
    """
    made: torch.Tensor = model.get_input_embeddings()(ids)
    if features is None:
        return made
    places = (ids == model.config.image_token_id)[..., None]
    return made.masked_scatter(places, features.to(made.dtype))


def last_states(
    language_model: Any,
    embeds: torch.Tensor,
    positions: torch.Tensor,
    seen: torch.Tensor | None,
    places: torch.Tensor,
    cache: Any = None,
) -> torch.Tensor:
    """The normed states of the last layer at ``places``: (B, R, width).

    Args:
        language_model: the text model of a ``JanusForConditionalGeneration``.
        embeds: (B, L, width).
        positions: int64 (B, L).
        seen: which token sees which, bool (B, 1, L, tokens before + L); None for all before it, without
            a ``cache``.
        places: what is read of every row, int64 (B, R).
        cache: keys and values of the tokens before; those of these tokens are added. None for none.
    """
    import torch

    index = places[..., None]
    if not _is_plain(language_model, embeds):
        mask = None
        if seen is not None:
            mask = torch.zeros(seen.shape, dtype=embeds.dtype, device=seen.device)
            mask = mask.masked_fill(~seen, torch.finfo(embeds.dtype).min)
        states = language_model(
            inputs_embeds=embeds,
            attention_mask=mask,
            position_ids=None if seen is None else positions,
            past_key_values=cache,
            use_cache=cache is not None,
        ).last_hidden_state
        return states.gather(1, index.expand(-1, -1, states.shape[-1]))
    if seen is None:
        count = torch.arange(embeds.shape[1])
        seen = (count <= count[:, None]).expand(len(embeds), 1, -1, -1)
    turns = _turns(language_model, embeds, positions)
    states = embeds
    layers = language_model.layers[: language_model.config.num_hidden_layers]
    for layer in layers[:-1]:
        states = _layer(layer, states, turns, seen, cache)
    read = states.gather(1, index.expand(-1, -1, states.shape[-1]))
    rows = seen.gather(2, index[:, None].expand(-1, 1, -1, seen.shape[-1]))
    read = _layer(layers[-1], states, turns, rows, cache, read, places)
    return _normed(language_model.norm, read)


def _layer(
    layer: Any,
    states: torch.Tensor,
    turns: tuple[torch.Tensor, torch.Tensor],
    seen: torch.Tensor,
    cache: Any,
    read: torch.Tensor | None = None,
    places: torch.Tensor | None = None,
) -> torch.Tensor:
    """One decoder layer; with ``read``, the states at ``places``, for these alone. It may overwrite both."""
    from torch.nn.functional import linear, scaled_dot_product_attention, silu

    attention, mlp = layer.self_attn, layer.mlp
    heads = (*states.shape[:2], -1, attention.head_dim)
    normed = _normed(layer.input_layernorm, states)
    keys = _turned(linear(normed, attention.k_proj.weight).view(heads), *turns)
    values = linear(normed, attention.v_proj.weight).view(heads)
    asking = normed
    if read is not None and places is not None:
        states = read
        asking = normed.gather(1, places[..., None].expand(-1, -1, normed.shape[-1]))
        index = places[..., None, None]
        cos, sin = (turn.gather(1, index.expand(-1, -1, 1, turn.shape[-1])) for turn in turns)
        turns = cos, sin
    queries = linear(asking, attention.q_proj.weight).view(*asking.shape[:2], -1, attention.head_dim)
    queries = _turned(queries, *turns).transpose(1, 2)
    keys, values = keys.transpose(1, 2), values.transpose(1, 2)
    if cache is not None:
        keys, values = cache.update(keys, values, attention.layer_idx)
    mixed = scaled_dot_product_attention(queries, keys, values, attn_mask=seen, scale=attention.scaling)
    mixed = mixed.transpose(1, 2).reshape(*asking.shape[:2], -1)
    # The embeddings of a caller are overwritten, too: they are made for this alone.
    states = states.add_(linear(mixed, attention.o_proj.weight))
    normed = _normed(layer.post_attention_layernorm, states)
    wide = silu(linear(normed, mlp.gate_proj.weight), inplace=True)
    wide.mul_(linear(normed, mlp.up_proj.weight))
    return states.add_(linear(wide, mlp.down_proj.weight))


def _normed(norm: Any, states: torch.Tensor) -> torch.Tensor:
    """As ``LlamaRMSNorm``, which computes in float32 whatever the type."""
    narrow = states.float()
    scale = narrow.pow(2).mean(-1, keepdim=True).add_(norm.variance_epsilon).rsqrt_()
    scaled: torch.Tensor = (narrow * scale).to(states.dtype).mul_(norm.weight)
    return scaled


def _turns(
    language_model: Any, embeds: torch.Tensor, positions: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine and sine of the rotary embedding: (B, L, 1, head size) each."""
    cos, sin = language_model.rotary_emb(embeds, position_ids=positions)
    return cos[:, :, None], sin[:, :, None]


def _turned(states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary embedding of (B, L, heads, head size)."""
    half = states.shape[-1] // 2
    turned: torch.Tensor = states * cos
    turned[..., :half] -= states[..., half:] * sin[..., :half]
    turned[..., half:] += states[..., :half] * sin[..., half:]
    return turned


def _is_plain(language_model: Any, embeds: torch.Tensor) -> bool:
    """Whether :func:`_layer` computes what its layers do."""
    import torch

    return (
        not torch.is_grad_enabled()
        and embeds.device.type == "cpu"
        and embeds.dtype in (torch.float64, torch.float32)
        and layers_are_plain(language_model)
    )
