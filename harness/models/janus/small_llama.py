"""A small Llama decoder on a CPU: the function of transformers' ``LlamaModel`` in fewer passes over memory.

At a width of some hundreds a processor spends as much time on norms, rotations, copies and calls as on
products of matrices. Here a norm's gain is part of the weights behind it, queries, keys and values are one
product, a rotation is one complex product, and a prompt that several rows share is read once. Under autocast
to bfloat16 products of matrices take their factors in bfloat16, and all else stays in float32.

Larger networks, other devices, adapters and shared-out weights are left to transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from selfreward_eval.harness.models.janus.few_passes import feed_forward, normalise, product
from selfreward_eval.harness.models.janus.plain_llama import layers_are_plain

if TYPE_CHECKING:
    import torch

WIDEST = 512
"""Width of the hidden states up to which a processor's time goes elsewhere than into products of matrices."""


class Keys(NamedTuple):
    """Keys and values of one layer, (B, heads, L, head width) each."""

    keys: torch.Tensor
    values: torch.Tensor


class Prompts(NamedTuple):
    """Prompts that were read, each distinct one once.

    Attributes:
        last: the last token's state of every row, (B, width).
        layers: of every layer the distinct prompts' keys and values, padded on the right.
        row: which distinct prompt a row has, int64 (B,).
        lengths: of the rows' prompts, int64 (B,).
    """

    last: torch.Tensor
    layers: list[Keys]
    row: torch.Tensor
    lengths: torch.Tensor


def fits(language_model: Any) -> bool:
    """Whether :class:`SmallLlama` computes what ``language_model``, a ``LlamaModel``, computes."""
    import torch

    config = language_model.config
    rope = getattr(config, "rope_parameters", None) or {}
    return (
        config.hidden_size <= WIDEST
        and rope.get("rope_type", "default") == "default"
        and not any(getattr(layer, "gradient_checkpointing", False) for layer in language_model.layers)
        and all(
            # A weight that is shared out over processes is another kind of tensor.
            type(weight) is torch.nn.Parameter
            and weight.device.type == "cpu"
            and weight.dtype in (torch.float32, torch.float64)
            for weight in language_model.parameters()
        )
        and layers_are_plain(language_model)
    )


class SmallLlama:
    """The decoder with its weights as they are now; gradients reach the network's own parameters.

    Args:
        language_model: a ``LlamaModel`` that :func:`fits`.
    """

    def __init__(self, language_model: Any) -> None:
        import torch

        config = language_model.config
        self._heads = int(config.num_attention_heads)
        self._head = int(language_model.layers[0].self_attn.head_dim)
        self._eps = float(config.rms_norm_eps)
        self._gain = language_model.norm.weight
        self._narrow = torch.is_autocast_enabled("cpu") and self._gain.dtype == torch.float32
        self._frequencies = language_model.rotary_emb.inv_freq
        # A head's halves become pairs, so that a rotation is a complex product. Scores stay the same.
        pairs = torch.arange(self._head).view(2, -1).t().reshape(-1)
        order = (torch.arange(self._heads)[:, None] * self._head + pairs).flatten()
        self._layers = []
        for layer in language_model.layers:
            attention, mlp = layer.self_attn, layer.mlp
            queries = attention.q_proj.weight[order] * self._head**-0.5
            asked = torch.cat([queries, attention.k_proj.weight[order], attention.v_proj.weight])
            both = torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight])
            weights = (
                asked * layer.input_layernorm.weight,
                attention.o_proj.weight,
                both * layer.post_attention_layernorm.weight,
                mlp.down_proj.weight,
            )
            # Cast here once, not at every one of the steps that a picture is drawn in.
            self._layers.append(tuple(one.bfloat16() if self._narrow else one for one in weights))

    def prompts(self, ids: Sequence[Sequence[int]], embed: Any) -> Prompts:
        """Reads prompts, each distinct one once.

        Args:
            ids: token ids of every row.
            embed: int64 (B, L) -> (B, L, width).
        """
        import torch

        distinct = {row: k for k, row in enumerate(dict.fromkeys(map(tuple, ids)))}
        longest = max(map(len, distinct))
        padded = torch.tensor([[*row] + [row[-1]] * (longest - len(row)) for row in distinct])
        lengths = torch.tensor([len(row) for row in distinct])
        # Padding on the right: no real token sees it here, and later tokens leave it out.
        found, layers = self.read(embed(padded), torch.zeros(1, dtype=torch.long), _causal(longest))
        row = torch.tensor([distinct[tuple(one)] for one in ids])
        last = found[torch.arange(len(distinct)), lengths - 1]
        return Prompts(_rows(last, row), layers, row, lengths[row])

    def after(self, prompts: Prompts, embeds: torch.Tensor) -> torch.Tensor:
        """The states of tokens after prompts: (B, T, width) of embeddings (B, T, width)."""
        import torch

        count = embeds.shape[1]
        own = _causal(count).expand(len(embeds), 1, count, count)
        mask = torch.cat([self.padding(prompts)[:, :, None].expand(-1, -1, count, -1), own], dim=-1)
        before = [Keys(*(_rows(one, prompts.row) for one in layer)) for layer in prompts.layers]
        return self.read(embeds, prompts.lengths, mask, before)[0]

    def padding(self, prompts: Prompts) -> torch.Tensor:
        """What is added to scores of prompts' tokens, so that padding counts nothing: (B, 1, L)."""
        import torch

        keys = prompts.layers[0].keys
        there = torch.arange(keys.shape[2]) < prompts.lengths[:, None]
        return keys.new_zeros(there.shape).masked_fill(~there, float("-inf"))[:, None]

    def read(
        self,
        states: torch.Tensor,
        starts: torch.Tensor,
        mask: torch.Tensor,
        before: Sequence[Keys] | None = None,
    ) -> tuple[torch.Tensor, list[Keys]]:
        """All layers over some tokens.

        Args:
            states: embeddings, (B, T, width).
            starts: position of each row's first token, int64 (B,) or (1,).
            mask: what is added to scores, to be broadcast to (B, heads, T, L + T).
            before: keys and values that tokens see beside their own, with L places.

        Returns:
            The last states (B, T, width), and the tokens' own keys and values.
        """
        turns = self.turns(starts, states.shape[1], states.dtype)
        layers = []
        for number in range(len(self._layers)):
            queries, own = self.asked(number, states, turns)
            layers.append(own)
            seen = own if before is None else _joined(before[number], own)
            states = self.told(number, states, queries, seen, mask)
        return self.finished(states), layers

    def turns(self, starts: torch.Tensor, count: int, dtype: torch.dtype) -> torch.Tensor:
        """Rotations of ``count`` tokens from ``starts`` on: complex (B, 1, T, head width / 2)."""
        import torch

        places = starts[:, None] + torch.arange(count)
        # Sines and cosines in float32 whatever the type, as transformers computes them.
        angles = places[..., None].float() * self._frequencies.float()
        turns = torch.polar(torch.ones_like(angles), angles)[:, None]
        return turns.to(torch.complex128 if dtype == torch.float64 else torch.complex64)

    def asked(self, number: int, states: torch.Tensor, turns: torch.Tensor) -> tuple[torch.Tensor, Keys]:
        """Queries, and keys with values, of a layer's tokens."""
        import torch

        rows, count, _ = states.shape
        made = product(normalise(states, self._eps), self._layers[number][0])
        parts = made.view(rows, count, 3, self._heads, self._head).permute(2, 0, 3, 1, 4)
        pairs = torch.view_as_complex(parts[:2].reshape(2, rows, self._heads, count, -1, 2))
        queries, keys = torch.view_as_real(pairs * turns).flatten(-2)
        return queries, Keys(keys, parts[2])

    def told(
        self, number: int, states: torch.Tensor, queries: torch.Tensor, seen: Keys, mask: torch.Tensor
    ) -> torch.Tensor:
        """The states after a layer."""
        _, out, both, down = self._layers[number]
        weights = (queries @ seen.keys.transpose(-1, -2) + mask).softmax(-1)
        heard = (weights @ seen.values).transpose(1, 2).reshape(states.shape)
        states = states + product(heard, out)
        return states + feed_forward(normalise(states, self._eps), both, down)

    def finished(self, states: torch.Tensor) -> torch.Tensor:
        """The last norm."""
        return normalise(states, self._eps) * self._gain


def _rows(tensor: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Rows of ``tensor``, any of them several times. Gradients are added up in the order of the rows; those
    of plain indexing in the order in which threads come to it."""
    return tensor.index_select(0, rows)


def _joined(before: Keys, own: Keys) -> Keys:
    import torch

    return Keys(torch.cat([before.keys, own.keys], 2), torch.cat([before.values, own.values], 2))


def _causal(count: int) -> torch.Tensor:
    import torch

    return torch.full((count, count), float("-inf")).triu(1)
