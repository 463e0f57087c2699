"""Grounding DINO's weights under two names: transformers' and those of the original code.

Both packages compute the same network. They differ in the names of their weights, and in that the
original packs the three projections of an attention (query, key, value) into one tensor where
PyTorch or Swin does. Nothing else is touched, so conversion there and back is exact.

Names are those in files: what ``save_pretrained`` writes, and what the original checkpoint holds
under ``model``. Weights that take no part in detection (BERT's pooler, indices that follow from the
window size) are left out.

Source: state dictionaries of transformers 5.23's ``GroundingDinoForObjectDetection`` and of
groundingdino-py 0.4.0's ``GroundingDINO``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

MARK = "transformer.level_embed"
"""A weight that only the original names have."""

PROJECTIONS = ("query", "key", "value")
"""What the original packs, in this order."""

_FIELDS = {
    "layer": r"\d+",
    "block": r"\d+",
    "projection": "|".join(PROJECTIONS),
    "kind": "weight|bias",
    "rest": r"(?:\..+)?",
}


@dataclass(frozen=True)
class Rule:
    """One family of names in both namings.

    Attributes:
        ours: transformers' names, with fields in braces. ``rest`` is what follows, the dot included.
        theirs: the original's.
        parts: for the field ``part``, transformers' word and the original's.
    """

    ours: str
    theirs: str
    parts: Mapping[str, str] = field(default_factory=dict)

    def original(self, name: str) -> tuple[str, dict[str, str]] | None:
        """The original name and the fields read from transformers' one, if it is of this family."""
        return _translate(name, self.ours, self.theirs, self.parts)

    def transformers(self, name: str) -> tuple[str, dict[str, str]] | None:
        """transformers' name and the fields read from the original one, if it is of this family.

        A ``projection`` stays in braces: the original has no name for it.
        """
        return _translate(name, self.theirs, self.ours, {new: old for old, new in self.parts.items()})


def _translate(
    name: str, source: str, target: str, parts: Mapping[str, str]
) -> tuple[str, dict[str, str]] | None:
    """``name`` written as ``target``, if it is written as ``source``."""
    fields = {**_FIELDS, "part": "|".join(re.escape(part) for part in parts)}
    pattern = re.escape(source)
    for key, allowed in fields.items():
        pattern = pattern.replace(rf"\{{{key}\}}", f"(?P<{key}>{allowed})")
    match = re.fullmatch(pattern, name)
    if match is None:
        return None
    values = match.groupdict()
    if "part" in values:
        values["part"] = parts[values["part"]]
    return target.format(**{"projection": "{projection}", **values}), values


_SWIN = "model.backbone.conv_encoder.model"

_PACKED = (
    Rule(
        f"{_SWIN}.encoder.layers.{{layer}}.blocks.{{block}}.attention.self.{{projection}}.{{kind}}",
        "backbone.0.layers.{layer}.blocks.{block}.attn.qkv.{kind}",
    ),
    Rule(
        "model.encoder.layers.{layer}.text_enhancer_layer.self_attn.{projection}.{kind}",
        "transformer.encoder.text_layers.{layer}.self_attn.in_proj_{kind}",
    ),
    Rule(
        "model.decoder.layers.{layer}.{part}.{projection}.{kind}",
        "transformer.decoder.layers.{layer}.{part}.in_proj_{kind}",
        {"self_attn": "self_attn", "encoder_attn_text": "ca_text"},
    ),
)
"""Families of which the original packs three into one."""

_PLAIN = (
    Rule(
        f"{_SWIN}.embeddings.{{part}}{{rest}}",
        "backbone.0.patch_embed.{part}{rest}",
        {"patch_embeddings.projection": "proj", "norm": "norm"},
    ),
    Rule(
        f"{_SWIN}.encoder.layers.{{layer}}.blocks.{{block}}.{{part}}{{rest}}",
        "backbone.0.layers.{layer}.blocks.{block}.{part}{rest}",
        {
            "layernorm_before": "norm1",
            "layernorm_after": "norm2",
            "attention.self.relative_position_bias_table": "attn.relative_position_bias_table",
            "attention.output.dense": "attn.proj",
            "intermediate.dense": "mlp.fc1",
            "output.dense": "mlp.fc2",
        },
    ),
    Rule(
        f"{_SWIN}.encoder.layers.{{layer}}.downsample{{rest}}",
        "backbone.0.layers.{layer}.downsample{rest}",
    ),
    Rule(
        f"{_SWIN}.hidden_states_norms.{{part}}{{rest}}",
        "backbone.0.{part}{rest}",
        {f"stage{stage + 1}": f"norm{stage}" for stage in range(4)},
    ),
    Rule(
        "model.encoder.layers.{layer}.fusion_layer.{part}{rest}",
        "transformer.encoder.fusion_layers.{layer}.{part}{rest}",
        {
            "layer_norm_vision": "layer_norm_v",
            "layer_norm_text": "layer_norm_l",
            "attn.vision_proj": "attn.v_proj",
            "attn.text_proj": "attn.l_proj",
            "attn.values_vision_proj": "attn.values_v_proj",
            "attn.values_text_proj": "attn.values_l_proj",
            "attn.out_vision_proj": "attn.out_v_proj",
            "attn.out_text_proj": "attn.out_l_proj",
            "vision_param": "gamma_v",
            "text_param": "gamma_l",
        },
    ),
    Rule(
        "model.encoder.layers.{layer}.text_enhancer_layer.{part}{rest}",
        "transformer.encoder.text_layers.{layer}.{part}{rest}",
        {
            "self_attn": "self_attn",
            "fc1": "linear1",
            "fc2": "linear2",
            "layer_norm_before": "norm1",
            "layer_norm_after": "norm2",
        },
    ),
    Rule(
        "model.encoder.layers.{layer}.deformable_layer.{part}{rest}",
        "transformer.encoder.layers.{layer}.{part}{rest}",
        {
            "self_attn": "self_attn",
            "self_attn_layer_norm": "norm1",
            "fc1": "linear1",
            "fc2": "linear2",
            "final_layer_norm": "norm2",
        },
    ),
    Rule(
        "model.decoder.layers.{layer}.{part}{rest}",
        "transformer.decoder.layers.{layer}.{part}{rest}",
        {
            "self_attn": "self_attn",
            "self_attn_layer_norm": "norm2",
            "encoder_attn_text": "ca_text",
            "encoder_attn_text_layer_norm": "catext_norm",
            "encoder_attn": "cross_attn",
            "encoder_attn_layer_norm": "norm1",
            "fc1": "linear1",
            "fc2": "linear2",
            "final_layer_norm": "norm3",
        },
    ),
    Rule(
        "model.{part}{rest}",
        "{part}{rest}",
        {
            "input_proj_vision": "input_proj",
            "text_backbone": "bert",
            "text_projection": "feat_map",
            "level_embed": MARK,
            "decoder.layer_norm": "transformer.decoder.norm",
            "decoder.bbox_embed": "transformer.decoder.bbox_embed",
            "decoder.reference_points_head": "transformer.decoder.ref_point_head",
            "enc_output": "transformer.enc_output",
            "enc_output_norm": "transformer.enc_output_norm",
            "encoder_output_bbox_embed": "transformer.enc_out_bbox_embed",
            "query_position_embeddings": "transformer.tgt_embed",
        },
    ),
    Rule("bbox_embed{rest}", "bbox_embed{rest}"),
)

_IDLE = re.compile(
    r"^(bert|model\.text_backbone)\.(pooler\.|embeddings\.position_ids$)"
    r"|relative_position_index$"
    rf"|^{re.escape(_SWIN)}\.(swin\.)?layernorm\."
)
"""Weights that either naming may carry and that take no part in detection."""


def is_original(names: Iterable[str]) -> bool:
    """Whether weights are named as in the original code."""
    return any(name.removeprefix("module.") == MARK for name in names)


def is_idle(name: str) -> bool:
    """Whether a weight, of either naming, takes no part in detection."""
    return _IDLE.search(name) is not None


def to_original(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """transformers' weights under the original names.

    Raises:
        CheckpointError: a weight that no Grounding DINO has, or a projection without its fellows.
    """
    import torch

    renamed: dict[str, Tensor] = {}
    packed: dict[str, dict[str, Tensor]] = {}
    for name, value in weights.items():
        if is_idle(name):
            continue
        if match := _first(rule.original(name) for rule in _PACKED):
            target, fields = match
            packed.setdefault(target, {})[fields["projection"]] = value
        elif match := _first(rule.original(name) for rule in _PLAIN):
            renamed[match[0]] = value
        else:
            raise _stranger(name)
    for name, parts in packed.items():
        if missing := [projection for projection in PROJECTIONS if projection not in parts]:
            raise CheckpointError(
                f"Grounding DINO's weight {name!r} lacks its {' and '.join(missing)}; name a complete "
                "checkpoint"
            )
        renamed[name] = torch.cat([parts[projection] for projection in PROJECTIONS])
    return renamed


def to_transformers(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the original names, with or without ``module.`` before them, under transformers' ones.

    Raises:
        CheckpointError: a weight that no Grounding DINO has.
    """
    renamed: dict[str, Tensor] = {}
    for full, value in weights.items():
        name = full.removeprefix("module.")
        if is_idle(name):
            continue
        if match := _first(rule.transformers(name) for rule in _PACKED):
            for projection, tensor in zip(PROJECTIONS, value.chunk(3), strict=True):
                renamed[match[0].format(projection=projection)] = tensor.clone()
        elif match := _first(rule.transformers(name) for rule in _PLAIN):
            renamed[match[0]] = value
        else:
            raise _stranger(full)
    return renamed


def _first(
    readings: Iterable[tuple[str, dict[str, str]] | None],
) -> tuple[str, dict[str, str]] | None:
    """The first reading there is."""
    return next((reading for reading in readings if reading is not None), None)


def _stranger(name: str) -> CheckpointError:
    return CheckpointError(f"no Grounding DINO has a weight {name!r}; name weights of that architecture")
