"""The tokenizer of ``tiny-flow``: the words of the shapes world and the four markers of BAGEL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfreward_eval.trainers.pretrain import tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, UNK = "<pad>", "<unk>"
TEXT_START, TEXT_END = "<|im_start|>", "<|im_end|>"
PICTURE_START, PICTURE_END = "<|vision_start|>", "<|vision_end|>"
SPECIAL = (PAD, UNK, TEXT_START, TEXT_END, PICTURE_START, PICTURE_END)

SIZE = 320
"""Rows of the embedding; what the words leave free is reserved."""


def build() -> PreTrainedTokenizerFast:
    """Words to ids. It adds no marker by itself, as the published tokenizer adds none."""
    from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    listed = [*SPECIAL, *tokenizer.words()]
    listed += [f"<reserved_{k}>" for k in range(SIZE - len(listed))]
    if len(listed) != SIZE:
        raise ValueError(f"{len(listed)} words do not fit a vocabulary of {SIZE}")
    made = Tokenizer(WordLevel({word: k for k, word in enumerate(listed)}, unk_token=UNK))
    made.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace(Regex(r"\bcolor(?=s?\b)"), "colour")]
    )
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]
    )
    made.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    made.add_special_tokens(list(SPECIAL))
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token=PAD,
        unk_token=UNK,
        eos_token=TEXT_END,
        extra_special_tokens={
            "text_start": TEXT_START,
            "picture_start": PICTURE_START,
            "picture_end": PICTURE_END,
        },
    )


def marker_ids() -> dict[str, int]:
    """Ids of the special tokens by what they mark."""
    names = ("pad", "unk", "text_start", "text_end", "picture_start", "picture_end")
    return dict(zip(names, range(len(SPECIAL)), strict=True))
