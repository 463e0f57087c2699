#!/bin/sh
# lighteval 0.13.0 reports bootstrapped standard errors that are too small by the root of the number of resamples.
#
# Metrics over the whole corpus have no standard error in closed form, so lighteval recomputes them on resamples. The
# standard error is the spread of these values; what is reported is that spread divided by the square root of their
# number, the error of their mean. With 1,000 resamples it is 32 times too small, and with more it goes to zero. Beside
# it stands bootstrap_stderr_scipy, "kept for archive", which is right.
#
# Input: 400 scores of 0 or 1, the mean as the metric, so that the right answer is known. Exits with 1 if the ratio is
# no longer the root. Needs Python 3.11 or later; installs into a temporary folder, no torch: the module is loaded by
# its path, because importing the package needs transformers, datasets and more.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps lighteval==0.13.0 2>/dev/null
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 tqdm 2>/dev/null
cat > "$folder/show.py" <<'PYTHON'
import importlib.util
import math
import statistics
import sys
from importlib.metadata import distribution

lighteval = distribution("lighteval")
path = lighteval.locate_file("lighteval/metrics/utils/stderr.py")
spec = importlib.util.spec_from_file_location("lighteval_stderr", path)
module = importlib.util.module_from_spec(spec)
sys.modules["lighteval_stderr"] = module
spec.loader.exec_module(module)


def accuracy(scores: list[int]) -> float:
    return sum(scores) / len(scores)


scores = [1, 0, 1, 1] * 100
right = statistics.stdev(scores) / math.sqrt(len(scores))
print("lighteval", lighteval.version)
print(f"standard error of the mean of {len(scores)} scores, closed form: {right:.5f}")
print(f"bootstrap_stderr_scipy: {float(module.bootstrap_stderr_scipy(accuracy, scores)):.5f}")
expected = True
for resamples in (1000, 4000):
    # What get_stderr_function hands out for a metric that is not called a mean.
    error = module.get_stderr_function(accuracy, resamples)(scores)
    print(f"lighteval, {resamples} resamples: {error:.5f}, too small {right / error:.0f} times;"
          f" the root of {resamples} is {math.sqrt(resamples):.0f}")
    expected &= abs(right / error / math.sqrt(resamples) - 1) < 0.1
sys.exit(0 if expected else 1)
PYTHON
LIGHTEVAL_DISABLE_TQDM=1 "$folder/venv/bin/python" "$folder/show.py"
