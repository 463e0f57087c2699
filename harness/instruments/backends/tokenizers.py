"""Tokenizers that know which characters of a text a token came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import CheckpointError
from selfreward_eval.harness.instruments.backends.networks import first_line

WORD_LISTS = (("tokenizer.json",), ("vocab.txt",), ("vocab.json", "merges.txt"))
"""The files that a tokenizer can be in; one complete kind is enough."""


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in ``folder``.

    Raises:
        CheckpointError: there is none, it does not load, or it keeps no positions.
    """
    from transformers import AutoTokenizer

    # Without its files transformers makes up an empty vocabulary.
    if not any(all((folder / name).is_file() for name in kind) for kind in WORD_LISTS):
        raise CheckpointError(
            f"{folder} holds no tokenizer ({' or '.join(' + '.join(kind) for kind in WORD_LISTS)}); save "
            "that of the network into it with save_pretrained"
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        # For a damaged file the tokenizers library raises Exception itself.
        raise CheckpointError(f"the tokenizer in {folder} does not load ({first_line(error)})") from error
    if not tokenizer.is_fast:
        raise CheckpointError(
            f"the tokenizer in {folder} cannot say which characters a token came from; name one that can"
        )
    return tokenizer
