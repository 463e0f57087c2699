"""Tokenizers from a folder: one without words is refused, because it would read every text alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from selfreward_eval.harness.errors import CheckpointError
from selfreward_eval.harness.instruments.backends.processors import load_tokenizer


@pytest.mark.parametrize("kind", ["bert", "clip", "gpt2", "qwen2", "roberta", "t5"])
def test_a_tokenizer_that_is_made_up_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(CheckpointError, match=f"the tokenizer in {tmp_path} knows no words"):
        load_tokenizer(tmp_path)


def test_one_with_words_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "bus"]))
    assert load_tokenizer(tmp_path)("a bus").input_ids == [2, 5, 6, 3]
