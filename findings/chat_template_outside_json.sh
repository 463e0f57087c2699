#!/bin/sh
# transformers 5 keeps a tokenizer's chat template in a file of its own, chat_template.jinja.
#
# Version 4 wrote it into tokenizer_config.json. A tool that knows a checkpoint by the sum over its *.json and
# *.safetensors files therefore takes two models for one: with another template the same question becomes
# other tokens, and the model answers and draws otherwise, while no JSON and no weight has changed.
#
# Input: a tokenizer of six words, saved by save_pretrained. Exits with 1 if the template no longer decides, or
# if it is back in a JSON file. Needs Python 3.11 or later; installs into a temporary folder, no torch.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    transformers==5.23.0 tokenizers==0.23.3 jinja2==3.1.6 2>/dev/null
cat > "$folder/show.py" <<'PYTHON'
import hashlib
import sys
from pathlib import Path

import transformers
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

folder = Path(sys.argv[1])
vocabulary = {word: number for number, word in enumerate(("<unk>", "user", "assistant", "be", "brief", "hello"))}
words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
template = "{% for turn in messages %}user {{ turn['content'] }} {% endfor %}assistant"
PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>", chat_template=template).save_pretrained(folder)


def sum_over_json() -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".safetensors"):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def tokens() -> list[int]:
    turns = [{"role": "user", "content": "hello"}]
    return list(AutoTokenizer.from_pretrained(folder).apply_chat_template(turns)["input_ids"])


print("transformers", transformers.__version__)
print("files:", ", ".join(sorted(path.name for path in folder.iterdir())))
before = (sum_over_json(), tokens())
print("template as saved:  sum over json and safetensors", before[0], "tokens", before[1])
path = folder / "chat_template.jinja"
path.write_text(path.read_text().replace("user ", "user be brief "))
after = (sum_over_json(), tokens())
print("template changed:   sum over json and safetensors", after[0], "tokens", after[1])
same_sum, other_tokens = before[0] == after[0], before[1] != after[1]
print("same sum:", same_sum, "- other tokens:", other_tokens)
sys.exit(0 if same_sum and other_tokens else 1)
PYTHON
mkdir "$folder/tokenizer"
"$folder/venv/bin/python" "$folder/show.py" "$folder/tokenizer" 2>/dev/null
