"""The mixture of transformers: two sets of weights, one attention.

Tokens of text, of pictures that are looked at and the two markers around every picture use the plain
weights ("und"); tokens of latents use those called ``_moe_gen`` ("gen"). The two kinds lie in two tensors
side by side. Which order they have in the sequence shows in their positions and in the mask alone, so that
no token is ever moved between them.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional
from transformers.modeling_layers import GradientCheckpointingLayer

from selfreward_eval.harness.models.bagel.config import TextConfig
from selfreward_eval.harness.models.bagel.tables import rotary

__all__ = ["Hidden", "MotTransformer", "Past", "wide"]

Past = tuple[tuple[torch.Tensor, torch.Tensor], ...]
"""Keys and values of every layer, each (B, key heads, T, head_dim)."""


class Hidden(NamedTuple):
    """What a forward pass gives.

    Attributes:
        und: final-normed states of the und tokens, (B, U, D); meaningless where they were not wanted.
        gen: of the gen tokens, (B, G, D); None where there are none.
        new: keys and values of these tokens alone, und before gen.
    """

    und: torch.Tensor
    gen: torch.Tensor | None
    new: Past


def wide(dtype: torch.dtype) -> torch.dtype:
    """The type that norms, rotations and times are computed in: float32, or float64 for float64."""
    return torch.float64 if dtype == torch.float64 else torch.float32


class RmsNorm(nn.Module):
    """Root mean square normalisation as Qwen2's, computed in at least float32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(..., width) -> the same shape and type."""
        kind = wide(hidden.dtype)
        if kind == hidden.dtype == self.weight.dtype:
            return functional.rms_norm(hidden, [len(self.weight)], self.weight, self.eps)
        normed = functional.rms_norm(hidden.to(kind), [len(self.weight)], None, self.eps)
        return self.weight * normed.to(hidden.dtype)


class GatedMlp(nn.Module):
    """Qwen2's feed-forward part."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(..., D) -> the same shape."""
        out: torch.Tensor = self.down_proj(functional.silu(self.gate_proj(hidden)) * self.up_proj(hidden))
        return out


class MotAttention(nn.Module):
    """Projections of both kinds around one grouped-query attention."""

    o_proj: nn.Linear
    o_proj_moe_gen: nn.Linear

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        width, head = config.hidden_size, config.head_dim
        self.head_dim = head
        self.groups = config.num_attention_heads // config.num_key_value_heads
        inner, narrow = config.num_attention_heads * head, config.num_key_value_heads * head
        for suffix in ("", "_moe_gen"):
            self.add_module(f"q_proj{suffix}", nn.Linear(width, inner))
            self.add_module(f"k_proj{suffix}", nn.Linear(width, narrow))
            self.add_module(f"v_proj{suffix}", nn.Linear(width, narrow))
            self.add_module(f"o_proj{suffix}", nn.Linear(inner, width, bias=False))
            self.add_module(f"q_norm{suffix}", RmsNorm(head, config.rms_norm_eps))
            self.add_module(f"k_norm{suffix}", RmsNorm(head, config.rms_norm_eps))

    def project(self, hidden: torch.Tensor, suffix: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Queries, keys and values of tokens of one kind, (B, heads, N, head_dim); the first two normalised
        and still in the wide type."""
        shape = (*hidden.shape[:-1], -1, self.head_dim)
        kind = wide(hidden.dtype)
        query, key, value = (
            getattr(self, f"{part}_proj{suffix}")(hidden).view(shape).transpose(1, 2)
            for part in ("q", "k", "v")
        )
        query = getattr(self, f"q_norm{suffix}")(query.to(kind))
        key = getattr(self, f"k_norm{suffix}")(key.to(kind))
        return query, key, value

    def attend(
        self,
        parts: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]],
        rope: torch.Tensor,
        mask: torch.Tensor | None,
        past: tuple[torch.Tensor, torch.Tensor] | None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(mixed values (B, N, heads * head_dim), new keys, new values) of the joined parts."""
        query, key, value = (
            torch.cat(list(joined), dim=2) if len(parts) > 1 else joined[0]
            for joined in zip(*parts, strict=True)
        )
        query, key = (_rotate(part, rope).to(value.dtype) for part in (query, key))
        keys, values = key, value
        if past is not None:
            keys, values = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        if self.groups > 1:
            keys = keys.repeat_interleave(self.groups, dim=1)
            values = values.repeat_interleave(self.groups, dim=1)
        mixed = functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        return mixed.transpose(1, 2).flatten(2), key, value


class MotLayer(GradientCheckpointingLayer):
    """One layer; its arguments are positional, so that it can be recomputed in a backward pass."""

    input_layernorm: RmsNorm
    input_layernorm_moe_gen: RmsNorm
    post_attention_layernorm: RmsNorm
    post_attention_layernorm_moe_gen: RmsNorm

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.self_attn = MotAttention(config)
        self.mlp = GatedMlp(config)
        self.mlp_moe_gen = GatedMlp(config)
        for suffix in ("", "_moe_gen"):
            for name in ("input_layernorm", "post_attention_layernorm"):
                self.add_module(name + suffix, RmsNorm(config.hidden_size, config.rms_norm_eps))

    def forward(
        self,
        und: torch.Tensor,
        gen: torch.Tensor | None,
        rope: torch.Tensor,
        mask: torch.Tensor | None,
        past: tuple[torch.Tensor, torch.Tensor] | None,
        wants_und: bool,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor, torch.Tensor]:
        """States of both kinds after the layer, and the keys and values of their tokens.

        Without ``wants_und`` the und states come back as they are: their keys and values are all that other
        tokens need of them in the last layer.
        """
        parts = [self.self_attn.project(self.input_layernorm(und), "")]
        if gen is not None:
            parts.append(self.self_attn.project(self.input_layernorm_moe_gen(gen), "_moe_gen"))
        mixed, key, value = self.self_attn.attend(parts, rope, mask, past)
        count = und.shape[1]
        if wants_und:
            und = und + self.self_attn.o_proj(mixed[:, :count])
            und = und + self.mlp(self.post_attention_layernorm(und))
        if gen is not None:
            gen = gen + self.self_attn.o_proj_moe_gen(mixed[:, count:])
            gen = gen + self.mlp_moe_gen(self.post_attention_layernorm_moe_gen(gen))
        return und, gen, key, value


class MotTransformer(nn.Module):
    """Embeddings, layers and the last normalisation of each kind."""

    drawing_half = "_moe_gen"
    """Part of the names of the weights that draw. Low-rank adapters go there unless others are asked for:
    the other set reads prompts and answers questions."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(MotLayer(config) for _ in range(config.num_hidden_layers))
        self.norm = RmsNorm(config.hidden_size, config.rms_norm_eps)
        self.norm_moe_gen = RmsNorm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self,
        und: torch.Tensor,
        gen: torch.Tensor | None,
        positions: torch.Tensor,
        mask: torch.Tensor | None = None,
        past: Past | None = None,
        wants_und: bool = True,
    ) -> Hidden:
        """Reads tokens of both kinds after those of ``past``.

        Args:
            und: (B, U, D), U at least 1.
            gen: (B, G, D), or None.
            positions: of the und and then the gen tokens, (B, U + G).
            mask: True where a token (second last dimension) sees another one: those of ``past``, then und,
                then gen. Any shape that broadcasts to (B, 1, U + G, T + U + G); None for all.
            past: of the tokens before.
            wants_und: whether the final states of the und tokens are read.
        """
        config = self.config
        rope = rotary(positions, config.head_dim, config.rope_theta, wide(und.dtype))
        new = []
        for number, layer in enumerate(self.layers):
            last = number + 1 == len(self.layers)
            before = None if past is None else past[number]
            und, gen, key, value = layer(und, gen, rope, mask, before, wants_und or not last)
            new.append((key, value))
        if wants_und:
            und = self.norm(und)
        return Hidden(und, None if gen is None else self.norm_moe_gen(gen), tuple(new))


def _rotate(states: torch.Tensor, rope: torch.Tensor) -> torch.Tensor:
    """Rotary positions on states (B, heads, N, head_dim), the halves of a head paired."""
    cosine, sine = rope[0], rope[1]
    first, second = states.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)
