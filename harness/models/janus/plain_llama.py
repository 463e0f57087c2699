"""Whether a language model's layers are transformers' own Llama layers, computed as its code says.

Only then may other code compute them in its own way from their weights.
"""

from __future__ import annotations

from typing import Any

__all__ = ["layers_are_plain"]


def layers_are_plain(language_model: Any) -> bool:
    """Whether all layers are a Llama's own: no adapter, no hook, no replaced forward pass, no bias.

    Args:
        language_model: the text model of a ``JanusForConditionalGeneration``.
    """
    import torch
    from transformers.models.llama import modeling_llama as llama

    config = language_model.config
    known = {
        llama.LlamaModel,
        llama.LlamaDecoderLayer,
        llama.LlamaAttention,
        llama.LlamaMLP,
        llama.LlamaRMSNorm,
        llama.LlamaRotaryEmbedding,
        torch.nn.Embedding,
        torch.nn.Linear,
        torch.nn.ModuleList,
    }
    plain = (
        not (config.attention_bias or config.mlp_bias)
        and config.hidden_act == "silu"
        and config.num_attention_heads == config.num_key_value_heads
        and config._attn_implementation == "sdpa"
    )
    if not plain:
        return False
    return all(
        (type(part) in known or type(part).__name__ in ("SiLU", "SiLUActivation"))
        and not (part._forward_hooks or part._forward_pre_hooks or "forward" in vars(part))
        for part in language_model.modules()
    )
