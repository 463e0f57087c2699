"""The tokenizer of a checkpoint and the four markers in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import CheckpointError
from selfreward_eval.harness.instruments.backends.processors import VOCABULARY_FILES, load_tokenizer
from selfreward_eval.harness.models.bagel.contexts import Markers

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["MARKERS", "load_words"]

MARKERS = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>")
"""Begin and end of a text, begin and end of a picture."""


def load_words(folder: Path, name: str, vocabulary: int) -> tuple[PreTrainedTokenizerBase, Markers]:
    """The tokenizer in ``folder``, and the ids of its markers.

    Args:
        folder: of the checkpoint.
        name: what messages call it.
        vocabulary: rows of the network's embedding.

    Raises:
        CheckpointError: there is none, a marker is missing, or it has words that the weights do not know.
    """
    from transformers.utils import logging

    if not any(all((folder / file).is_file() for file in files) for files in VOCABULARY_FILES):
        raise CheckpointError(
            f"{name} holds no tokenizer (tokenizer.json, or vocab.json and merges.txt); copy it from where "
            "the weights come from"
        )
    # AutoTokenizer warns that it knows no network of this model type; it needs none.
    logging.set_verbosity_error()
    tokenizer = load_tokenizer(folder)
    words = tokenizer.get_vocab()
    absent = [marker for marker in MARKERS if marker not in words]
    if absent:
        raise CheckpointError(
            f"the tokenizer of {name} has no {' and no '.join(absent)}; BAGEL marks texts and pictures with "
            f"{', '.join(MARKERS)}, so copy the tokenizer files of its repository"
        )
    if len(tokenizer) > vocabulary or max(words.values()) >= vocabulary:
        raise CheckpointError(
            f"{name} contradicts itself: the tokenizer has {len(tokenizer)} words, the weights know "
            f"{vocabulary}; its files are mixed up"
        )
    return tokenizer, Markers(*(words[marker] for marker in MARKERS))
