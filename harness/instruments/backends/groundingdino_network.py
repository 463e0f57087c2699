"""groundingdino-py's network, built from transformers' configuration of the same one.

The package's own builder takes a tokenizer and a BERT by the name of a hub repository, wraps the
BERT in a class that reaches into transformers 4, and knows five sizes of backbone. Here the same
parts are put together by hand: the package's backbone, transformer and heads of any size, and a
text encoder of ours on transformers 5. Its forward pass is the package's, unchanged; its deformable
attention is plain PyTorch, with nothing compiled.

Source: groundingdino-py 0.4.0, ``models/GroundingDINO/groundingdino.py``.
"""

from __future__ import annotations

import copy
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import CheckpointError, MissingExtra

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import BertConfig, BertModel, PreTrainedConfig, PreTrainedTokenizerBase

FIXED = {
    "d_model": 256,
    "max_text_len": 256,
    "query_dim": 4,
    "two_stage": True,
    "embedding_init_target": True,
    "position_embedding_type": "sine",
    "activation_function": "relu",
    "layer_norm_eps": 1e-5,
}
"""What the package writes into its code, by transformers' names."""

FIXED_BACKBONE = {
    "model_type": "swin",
    "hidden_act": "gelu",
    "use_absolute_embeddings": False,
    "layer_norm_eps": 1e-5,
}
"""Likewise, of the backbone."""


def package_version() -> str:
    """The installed version of groundingdino-py.

    Raises:
        MissingExtra: it is not installed.
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("groundingdino-py")
    except PackageNotFoundError as error:
        raise _missing("is not installed") from error


def package() -> SimpleNamespace:
    """The parts of groundingdino-py that a network is made of.

    Raises:
        MissingExtra: it cannot be imported.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from groundingdino.models.GroundingDINO.backbone.backbone import Joiner
            from groundingdino.models.GroundingDINO.backbone.position_encoding import build_position_encoding
            from groundingdino.models.GroundingDINO.backbone.swin_transformer import SwinTransformer
            from groundingdino.models.GroundingDINO.groundingdino import GroundingDINO
            from groundingdino.models.GroundingDINO.transformer import build_transformer
            from groundingdino.models.GroundingDINO.utils import MLP, ContrastiveEmbed
            from groundingdino.util.slconfig import SLConfig
    except ImportError as error:
        raise _missing(f"cannot be imported ({error})") from error
    return SimpleNamespace(
        Joiner=Joiner,
        build_position_encoding=build_position_encoding,
        SwinTransformer=SwinTransformer,
        GroundingDINO=GroundingDINO,
        build_transformer=build_transformer,
        MLP=MLP,
        ContrastiveEmbed=ContrastiveEmbed,
        SLConfig=SLConfig,
    )


def options(config: PreTrainedConfig) -> dict[str, Any]:
    """The package's options for transformers' ``GroundingDinoConfig``.

    Raises:
        CheckpointError: the package has no network of this configuration.
    """
    swin = config.backbone_config
    differences = [
        f"{where}{name} {getattr(part, name)!r} instead of {value!r}"
        for where, part, fixed in (("", config, FIXED), ("backbone ", swin, FIXED_BACKBONE))
        for name, value in fixed.items()
        if getattr(part, name) != value
    ]
    differences += [
        f"{first} {getattr(config, first)} unlike {second} {getattr(config, second)}"
        for first, second in (
            ("encoder_attention_heads", "decoder_attention_heads"),
            ("encoder_ffn_dim", "decoder_ffn_dim"),
        )
        if getattr(config, first) != getattr(config, second)
    ]
    if config.text_config.model_type != "bert":
        differences.append(f"text encoder {config.text_config.model_type!r} instead of 'bert'")
    if differences:
        raise CheckpointError(
            f"groundingdino-py has no Grounding DINO with {'; '.join(differences)}; use the instrument "
            "grounding_dino"
        )
    return {
        "hidden_dim": config.d_model,
        "nheads": config.encoder_attention_heads,
        "num_queries": config.num_queries,
        "dim_feedforward": config.encoder_ffn_dim,
        "enc_layers": config.encoder_layers,
        "dec_layers": config.decoder_layers,
        "num_feature_levels": config.num_feature_levels,
        "enc_n_points": config.encoder_n_points,
        "dec_n_points": config.decoder_n_points,
        "query_dim": config.query_dim,
        "transformer_activation": config.activation_function,
        "embed_init_tgt": config.embedding_init_target,
        "position_embedding": config.position_embedding_type,
        "pe_temperatureH": config.positional_embedding_temperature,
        "pe_temperatureW": config.positional_embedding_temperature,
        "dec_pred_bbox_embed_share": config.decoder_bbox_embed_share,
        "two_stage_type": "standard",
        "pre_norm": False,
        "num_patterns": 0,
        "dropout": 0.0,
        "text_dropout": 0.0,
        "fusion_dropout": 0.0,
        "fusion_droppath": 0.0,
        "use_text_enhancer": True,
        "use_fusion_layer": True,
        "use_text_cross_attention": True,
        "use_checkpoint": False,
        "use_transformer_ckpt": False,
        "backbone": {
            "pretrain_img_size": swin.image_size,
            "patch_size": swin.patch_size,
            "in_chans": swin.num_channels,
            "embed_dim": swin.embed_dim,
            "depths": list(swin.depths),
            "num_heads": list(swin.num_heads),
            "window_size": swin.window_size,
            "mlp_ratio": swin.mlp_ratio,
            "qkv_bias": swin.qkv_bias,
            "drop_path_rate": 0.0,
            # transformers counts the stem as stage 0.
            "out_indices": tuple(index - 1 for index in swin.out_indices),
        },
    }


def build(config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase) -> nn.Module:
    """The package's ``GroundingDINO`` of transformers' configuration, with random weights.

    Args:
        config: transformers' ``GroundingDinoConfig``.
        tokenizer: what its captions are read with.

    Raises:
        CheckpointError: the package has no network of this configuration.
        MissingExtra: the package is not installed.
    """
    import torch
    from torch import nn

    parts = package()
    settings = options(config)
    sizes = settings.pop("backbone")
    package_options = parts.SLConfig(settings)

    class Network(parts.GroundingDINO):  # type: ignore[name-defined]
        """Holds what the package's forward pass uses; heads come first, to be named after themselves."""

        def __init__(self) -> None:
            nn.Module.__init__(self)
            width, levels = config.d_model, config.num_feature_levels
            self.max_text_len = config.max_text_len
            self.num_feature_levels = levels
            self.sub_sentence_present = True
            self.bbox_embed = _boxes(parts, config)
            self.class_embed = nn.ModuleList(parts.ContrastiveEmbed() for _ in range(config.decoder_layers))
            self.tokenizer = tokenizer
            self.specical_tokens = tokenizer.convert_tokens_to_ids(["[CLS]", "[SEP]", ".", "?"])
            self.bert = _text_encoder(config.text_config)
            self.feat_map = nn.Linear(config.text_config.hidden_size, width)
            swin = parts.SwinTransformer(**sizes)
            self.backbone = parts.Joiner(swin, parts.build_position_encoding(package_options))
            channels = [swin.num_features[index] for index in sizes["out_indices"]]
            self.input_proj = _projections(channels, width, levels)
            self.transformer = parts.build_transformer(package_options)
            self.transformer.decoder.bbox_embed = self.bbox_embed
            self.transformer.decoder.class_embed = self.class_embed
            self.transformer.enc_out_bbox_embed = parts.MLP(width, width, 4, 3)
            self.transformer.enc_out_class_embed = parts.ContrastiveEmbed()

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        return Network().eval()


def _missing(trouble: str) -> MissingExtra:
    return MissingExtra(
        f"the instrument 'groundingdino_py' needs the package groundingdino-py, which {trouble}; install "
        "selfreward-eval[instruments], and the system's library if one is named here"
    )


def _boxes(parts: SimpleNamespace, config: PreTrainedConfig) -> nn.ModuleList:
    """One box head per decoder layer; the same one for all if the configuration shares it."""
    from torch import nn

    head = parts.MLP(config.d_model, config.d_model, 4, 3)
    shared = config.decoder_bbox_embed_share
    return nn.ModuleList(head if shared else copy.deepcopy(head) for _ in range(config.decoder_layers))


def _projections(channels: list[int], width: int, levels: int) -> nn.ModuleList:
    """Every feature map to ``width`` channels; further levels by halving the last one."""
    from torch import nn

    projections = [nn.Sequential(nn.Conv2d(size, width, 1), nn.GroupNorm(32, width)) for size in channels]
    size = channels[-1]
    for _ in range(levels - len(channels)):
        halving = nn.Conv2d(size, width, 3, stride=2, padding=1)
        projections.append(nn.Sequential(halving, nn.GroupNorm(32, width)))
        size = width
    return nn.ModuleList(projections)


def _text_encoder(config: BertConfig) -> BertModel:
    """A BERT that is called as the package calls its own."""
    from transformers import BertModel

    class TextEncoder(BertModel):
        """Takes one mask per pair of tokens, (B, T, T), and gives a mapping."""

        def forward(self, input_ids: Tensor, attention_mask: Tensor, **rest: Tensor) -> dict[str, Tensor]:
            # transformers 5 reads a mask of four dimensions as it is, one per head.
            output = super().forward(input_ids, attention_mask[:, None], **rest)
            return {"last_hidden_state": output.last_hidden_state}

    return TextEncoder(config, add_pooling_layer=False)
