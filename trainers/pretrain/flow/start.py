"""Where ``tiny-flow`` starts: the language model and the vision tower of ``tiny``, in BAGEL's form.

Both draw and describe the same world with the same words, so that only what differs is learnt: norms of
queries and keys, places that come from tables instead of positions, and latents in place of codes. Both sets
of the transformer start alike, as in BAGEL's own training.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.trainers.pretrain import tokenizer
from selfreward_eval.trainers.pretrain.flow import words

if TYPE_CHECKING:
    import torch

    from selfreward_eval.harness.models.bagel.network import Bagel

STREAM = 1.5
"""Root mean square that picture features get. Tables of places, which are added, have 0.7."""

MARKERS = {
    words.TEXT_START: tokenizer.ASSISTANT,
    words.TEXT_END: tokenizer.EOS,
    words.PICTURE_START: tokenizer.BEGIN_OF_IMAGE,
    words.PICTURE_END: tokenizer.END_OF_IMAGE,
}
"""Marker here -> the token of ``tiny`` that did the same."""


def start(network: Bagel, source: Path, pixels: torch.Tensor) -> None:
    """Fills ``network`` from the Janus checkpoint in ``source``, in place; latent layers stay as they are.

    Args:
        network: freshly made, of :func:`selfreward_eval.trainers.pretrain.flow.sizes.config`.
        source: folder with ``model.safetensors`` of ``tiny``.
        pixels: some pictures, (B, 3, 48, 48) in [-1, 1], for the scale of features, queries and keys.
    """
    import torch
    from transformers import JanusForConditionalGeneration

    tiny = JanusForConditionalGeneration.from_pretrained(source, dtype=torch.float32).eval()
    state, model = network.state_dict(), tiny.model
    with torch.no_grad():
        features, sizes_of = _scales(tiny, pixels)
        factor = STREAM / features
        _tower(state, model.vision_model.state_dict())
        aligner = model.aligner.state_dict()
        for ours, theirs in (("fc1", "fc1"), ("fc2", "hidden_layers.0")):
            for kind in ("weight", "bias"):
                scale = factor if ours == "fc2" else 1.0
                state[f"connector.{ours}.{kind}"].copy_(aligner[f"{theirs}.{kind}"] * scale)
        _words(state, tiny, factor)
        _layers(state, model.language_model.state_dict(), sizes_of, factor)
    network.load_state_dict(state)


def _words(state: dict[str, Any], tiny: Any, factor: float) -> None:
    """Embeddings and the head, word by word: the two vocabularies have another order."""
    here, there = words.build(), tokenizer.build()
    pairs = {word: word for word in tokenizer.words()} | {words.UNK: tokenizer.UNK} | MARKERS
    own = [here.convert_tokens_to_ids(word) for word in pairs]
    other = [there.convert_tokens_to_ids(word) for word in pairs.values()]
    state["language_model.model.embed_tokens.weight"][own] = (
        tiny.get_input_embeddings().weight[other] * factor
    )
    state["language_model.lm_head.weight"][own] = tiny.lm_head.weight[other]


def _layers(state: dict[str, Any], llama: dict[str, Any], spread: dict[str, float], factor: float) -> None:
    """Llama's layers as both sets. What is added to the stream is scaled as the stream is."""
    for name in list(state):
        if not name.startswith("language_model.model.layers."):
            continue
        plain = name.removeprefix("language_model.model.").replace("_moe_gen", "")
        if plain.endswith("_norm.weight"):
            state[name].fill_(spread[plain])
        elif plain.endswith(".bias"):
            state[name].zero_()
        else:
            grown = plain.endswith(("o_proj.weight", "down_proj.weight"))
            state[name].copy_(llama[plain] * (factor if grown else 1.0))
    for name in ("norm", "norm_moe_gen"):
        state[f"language_model.model.{name}.weight"].copy_(llama["norm.weight"])


def _tower(state: dict[str, Any], vision: dict[str, Any]) -> None:
    """The vision tower; its convolution becomes a linear layer over (row, column, channel)."""
    prefix = "vit_model.vision_model."
    for name in list(state):
        if not name.startswith(prefix):
            continue
        theirs = vision[name.removeprefix(prefix).replace("out_proj", "projection_layer")]
        if name.endswith("patch_embedding.weight"):
            theirs = theirs.permute(0, 2, 3, 1).flatten(1)
        state[name].copy_(theirs)


def _scales(tiny: Any, pixels: torch.Tensor) -> tuple[float, dict[str, float]]:
    """Root mean squares of the features and of every layer's queries and keys, on pictures and a question."""
    import torch

    seen: dict[str, float] = {}

    def keep(name: str) -> Any:
        return lambda module, inputs, output: seen.__setitem__(name, float(output.pow(2).mean().sqrt()))

    hooks = [
        getattr(layer.self_attn, f"{part}_proj").register_forward_hook(
            keep(f"layers.{number}.self_attn.{part}_norm.weight")
        )
        for number, layer in enumerate(tiny.model.language_model.layers)
        for part in ("q", "k")
    ]
    features = tiny.model.get_image_features(pixels, return_dict=True).pooler_output
    ids = tokenizer.build()("what colour is the star ? red", add_special_tokens=False)["input_ids"]
    asked = tiny.get_input_embeddings()(torch.tensor([ids]).expand(len(pixels), -1))
    tiny.model.language_model(inputs_embeds=torch.cat([features, asked], dim=1))
    for hook in hooks:
        hook.remove()
    return float(features.pow(2).mean().sqrt()), seen


__all__ = ["MARKERS", "STREAM", "start"]
