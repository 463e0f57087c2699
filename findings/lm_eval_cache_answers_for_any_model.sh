#!/bin/sh
# lm-eval 0.4.13 answers from --use_cache for one model what another one said.
#
# The cache finds an answer by the request alone: its kind and its arguments, pictures included, but not the model.
# Who measures a checkpoint before and after training with the same --use_cache gets the answers from before twice,
# and so no difference at all. Nothing is said about it.
#
# Input: two models that answer with their own name, one question. Exits with 1 if the second one is asked.
# Needs Python 3.11 or later; installs into a temporary folder, no torch.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lm_eval==0.4.13 2>/dev/null
cat > "$folder/show.py" <<'PYTHON'
import sys
from importlib.metadata import version

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM, CachingLM


class Named(LM):
    def __init__(self, name):
        super().__init__()
        self.name = name

    def get_model_info(self):
        return {"model": self.name}

    def loglikelihood(self, requests):
        return [(0.0, True) for _ in requests]

    def loglikelihood_rolling(self, requests):
        return [0.0 for _ in requests]

    def generate_until(self, requests):
        return [self.name for _ in requests]


question = Instance("generate_until", {}, ("what is in the picture?", {"until": ["\n"]}), 0)
said = {
    name: CachingLM(Named(name), f"{sys.argv[1]}/answers").generate_until([question])[0]
    for name in ("before training", "after training")
}
print("lm-eval", version("lm_eval"))
for name, answer in said.items():
    print(f"the model {name!r} answers {answer!r}")
sys.exit(0 if set(said.values()) == {"before training"} else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py" "$folder" 2>/dev/null
