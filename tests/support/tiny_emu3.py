"""A tiny random Emu3, saved in the hub's layout: the real classes, no download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CODES = 64
SPECIAL = ("<|extra_203|>", "<|extra_204|>", "<|endoftext|>", "<image>", "<|image start|>", "<|image end|>",
           "<|image token|>", "<|extra_201|>", "<|extra_200|>")  # fmt: skip
TEMPLATE = (
    "{% for turn in messages %}{{ turn['role'] }}:{% for part in turn['content'] %}"
    "{{ '<image>' if part['type'] == 'image' else part['text'] }}{% endfor %} {% endfor %}ASSISTANT:"
)


def tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    visual = [f"<|visual token {code:06d}|>" for code in range(CODES)]
    pieces = [*SPECIAL, *visual, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    made = Tokenizer(models.BPE({piece: number for number, piece in enumerate(pieces)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<|extra_203|>",
        eos_token="<|extra_204|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=visual,
        extra_special_tokens={
            "image_token": "<image>",
            "boi_token": "<|image start|>",
            "eoi_token": "<|image end|>",
            "image_wrapper_token": "<|image token|>",
            "eof_token": "<|extra_201|>",
            "eol_token": "<|extra_200|>",
        },
    )


def save(folder: Path, *, chat: bool = True, seed: int = 0) -> Path:
    """A random Emu3 of some 200,000 parameters; without ``chat`` it has no chat template."""
    import torch
    from transformers import Emu3Config, Emu3ForConditionalGeneration, Emu3ImageProcessor, Emu3Processor

    words = tokenizer()
    vocabulary = words.get_vocab()
    config = Emu3Config(
        vq_config={
            "codebook_size": CODES,
            "base_channels": 32,
            "channel_multiplier": [1, 1, 1, 1],
            "num_res_blocks": 1,
            "hidden_size": 32,
            "attn_resolutions": [],
            "temporal_downsample_factor": 1,
        },
        text_config={
            "vocab_size": len(vocabulary),
            "hidden_size": 32,
            "intermediate_size": 37,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "max_position_embeddings": 512,
            "bos_token_id": words.bos_token_id,
            "eos_token_id": words.eos_token_id,
            "pad_token_id": words.pad_token_id,
        },
        vocabulary_map=vocabulary,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Emu3ForConditionalGeneration(config)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.ndim == 2 and "vqmodel" not in name:
                    parameter.mul_(8.0)
    model.save_pretrained(folder)
    pictures = Emu3ImageProcessor(min_pixels=32 * 32, max_pixels=64 * 64, spatial_factor=8)
    Emu3Processor(pictures, words, chat_template=TEMPLATE if chat else None).save_pretrained(folder)
    return folder
