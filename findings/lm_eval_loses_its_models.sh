#!/bin/sh
# lm-eval 0.4.13 knows its own models no more once a model from outside is registered first.
#
# The registry is filled with lm-eval's models on the first look, but only while it is empty. A script that
# registers its own class and then asks for "hf" or "dummy", to compare the two, is told that there is no such
# model, and that its own is all there is. In the other order both are there. Plug-ins have to import
# lm_eval.models before they register anything.
#
# Input: a model class of three methods. Exits with 1 if "dummy" is found in both orders.
# Needs Python 3.11 or later; installs into a temporary folder, no torch.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lm_eval==0.4.13 2>/dev/null
cat > "$folder/show.py" <<'PYTHON'
import sys

if sys.argv[1] == "after":
    import lm_eval.models
from lm_eval.api.model import LM
from lm_eval.api.registry import get_model, register_model


@register_model("ours")
class Ours(LM):
    def loglikelihood(self, requests):
        return [(0.0, True) for _ in requests]

    def loglikelihood_rolling(self, requests):
        return [0.0 for _ in requests]

    def generate_until(self, requests):
        return ["" for _ in requests]


print(get_model("ours").__name__, end=", ")
try:
    print(get_model("dummy").__name__)
except ValueError as error:
    print(error)
    sys.exit(3)
PYTHON
"$folder/venv/bin/python" -c "from importlib.metadata import version; print('lm-eval', version('lm_eval'))"
for order in first after; do
    code=0
    "$folder/venv/bin/python" "$folder/show.py" $order > "$folder/$order" 2>/dev/null || code=$?
    echo "registered $order: $(cat "$folder/$order")"
    echo $code > "$folder/$order.code"
done
[ "$(cat "$folder/first.code")" = 3 ] && [ "$(cat "$folder/after.code")" = 0 ]
