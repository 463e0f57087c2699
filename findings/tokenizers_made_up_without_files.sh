#!/bin/sh
# transformers 5 makes up an empty tokenizer where the files with its words are missing.
#
# AutoTokenizer.from_pretrained on a folder with config.json alone raises for some kinds of models (llama, mistral).
# For others (bert, clip, gpt2, roberta, qwen2, t5) it returns a tokenizer that knows its control tokens and no word,
# without an error and without a warning. Texts then become unknown tokens, the same numbers for different texts of
# one length (bert, clip, t5), or nothing at all (gpt2, roberta, qwen2). A checkpoint that was copied without its
# vocabulary loads, and a text-to-image pipeline draws the same picture for every prompt.
#
# Input: for each kind, a folder with {"model_type": kind} in config.json. Exits with 1 if one of the six now
# raises, or tells the two texts apart. Needs Python 3.11 or later; installs into a temporary folder, no torch.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    transformers==5.23.0 tokenizers==0.23.3 2>/dev/null
cat > "$folder/show.py" <<'PYTHON'
import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import transformers

TEXTS = ("one red bus", "two blue stars")
expected = {"bert", "clip", "gpt2", "roberta", "qwen2", "t5"}
alike = set()
print("transformers", transformers.__version__)
for kind in ("llama", "mistral", *sorted(expected)):
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        Path(folder, "config.json").write_text(json.dumps({"model_type": kind}))
        try:
            words = transformers.AutoTokenizer.from_pretrained(folder)
        except (OSError, ValueError) as error:
            print(f"{kind}: raises {type(error).__name__}")
            continue
        first, second = (words(text).input_ids for text in TEXTS)
        control = {str(token) for token in words.added_tokens_decoder.values()}
        print(
            f"{kind}: {type(words).__name__}, words beside control tokens: {len(set(words.get_vocab()) - control)}, "
            f"warnings: {len(heard)}; {TEXTS[0]!r} -> {first}, {TEXTS[1]!r} -> {second}"
        )
        # CLIP makes a token of every letter: the numbers are the same, how many there are is not.
        if first == second or set(first) == set(second):
            alike.add(kind)
sys.exit(0 if alike == expected else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py" 2>/dev/null
