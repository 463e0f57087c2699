"""The tiny model's tokenizer: one token per word of the shapes world, in the hub's file format.

Words that it does not know become ``<unk>``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

PAD, BOS, EOS, UNK = "<pad>", "<bos>", "<eos>", "<unk>"
USER, ASSISTANT = "<|User|>", "<|Assistant|>"
BEGIN_OF_IMAGE, END_OF_IMAGE, IMAGE = "<begin_of_image>", "<end_of_image>", "<image_placeholder>"
SPECIAL = (PAD, BOS, EOS, UNK, USER, ASSISTANT, BEGIN_OF_IMAGE, END_OF_IMAGE, IMAGE)

SIZE = 320
"""Rows of the embedding; what the words leave free is reserved, so that later words need no resizing."""

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}" + USER + "{% else %}" + ASSISTANT + "{% endif %}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}" + IMAGE + "{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{% if message['role'] != 'user' %}" + EOS + "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}" + ASSISTANT + "{% endif %}"
)
"""One user turn, then the assistant: the shape of Janus's own conversations."""

_EXTRA = (
    "next to in front behind inside touching hidden under over between near beside on top bottom side "
    "word words says spell letters size texture colours colours mix mixed mixing paint paints gives falls "
    "falling down up upward downward symmetric symmetrical mirror same different more fewer than least most "
    "i you it they them this that these those here with without and or not but if then because so as like "
    "looks look see seen shown show shows make made put place placed where why who first second third middle "
    "corner centre row column left right light dark bright big little huge tiny plain ground background "
    "empty full only all none any some each both half double pair animal fruit sky grass sun sea fire "
    "leaf lemon tomato plum carrot ball wheel box roof kite plus ring love stop go good bad true false "
    "answer question score reason explain please sure black white grey brown pink"
)

_LATER = (
    "by feeling envy seeing born world trio pairs handful sign poster label painted its fell rises hot air "
    "away opposite than nearest"
)
"""Words that came after the first training; they follow all others, so that no earlier id moved."""


@cache
def words() -> tuple[str, ...]:
    """Every word of the language, in a fixed order."""
    from selfreward_eval.tasks.shapes.language import DESCRIBE, WHICH_PROMPT
    from selfreward_eval.tasks.shapes.requests import BARE_FRAMES, FRAMES
    from selfreward_eval.tasks.shapes.vocabulary import (
        COLOURS,
        LETTERS,
        NUMBERS,
        RELATIONS,
        SHAPES,
        SIZES,
        TEXTURES,
        plural,
    )

    text: list[str] = [
        "a",
        "an",
        "the",
        "is",
        "are",
        "there",
        "yes",
        "no",
        "of",
        "letter",
        "what",
        "how",
        "many",
    ]
    text += ["colour", "shape", "texture", "object", "objects", "thing", "things", ",", ".", "?", "!"]
    text += [*DESCRIBE.replace(".", "").split(), *WHICH_PROMPT.replace("?", "").split()]
    for table in (SHAPES, tuple(plural(s) for s in SHAPES), LETTERS, COLOURS, TEXTURES, SIZES, NUMBERS):
        text += [word.lower() for word in table]
    for phrase in (*RELATIONS, *FRAMES, *BARE_FRAMES):
        text += phrase.replace("{}", "").split()
    text += [
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        *_EXTRA.split(),
        *"abcdefghijklmnopqrstuvwxyz",
        *_LATER.split(),
    ]
    return tuple(dict.fromkeys(text))


def build() -> PreTrainedTokenizerFast:
    """The tokenizer, ready for ``JanusProcessor``."""
    from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    listed = [*SPECIAL, *words()]
    listed += [f"<reserved_{k}>" for k in range(SIZE - len(listed))]
    if len(listed) != SIZE:
        raise ValueError(f"{len(listed)} words do not fit a vocabulary of {SIZE}")
    tokenizer = Tokenizer(WordLevel({word: k for k, word in enumerate(listed)}, unk_token=UNK))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace(Regex(r"\bcolor(?=s?\b)"), "colour")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]
    )
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, listed.index(BOS))]
    )
    tokenizer.add_special_tokens(list(SPECIAL))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=EOS,
        unk_token=UNK,
        padding_side="left",
        extra_special_tokens={
            "boi_token": BEGIN_OF_IMAGE,
            "eoi_token": END_OF_IMAGE,
            "image_token": IMAGE,
        },
        chat_template=CHAT_TEMPLATE,
    )


def special_ids() -> dict[str, int]:
    """Ids of the tokens that the model's configuration names."""
    names = {"pad": PAD, "bos": BOS, "eos": EOS, "boi": BEGIN_OF_IMAGE, "eoi": END_OF_IMAGE, "image": IMAGE}
    names |= {"user": USER, "assistant": ASSISTANT}
    return {name: SPECIAL.index(token) for name, token in names.items()}


def ids(tokenizer: PreTrainedTokenizerFast, listed: tuple[str, ...]) -> torch.Tensor:
    """Token ids of single words, int64 (len(listed),)."""
    import torch

    return torch.tensor([tokenizer.convert_tokens_to_ids(word) for word in listed])
