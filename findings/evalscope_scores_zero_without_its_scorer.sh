#!/bin/sh
# evalscope 1.14.1 reports a score of 0 for pictures that it could not score.
#
# An exception of a text-to-image metric is written to the log, and its sample gets 0, which is averaged like any other
# score. A plain "pip install evalscope" has no torch, which PickScore, the metric of general_t2i by default, needs: the
# evaluation ends without an error, and its report says that three pictures were scored and that the model has 0. The
# reason is in the log and in each sample's metadata. Any other exception, a picture that cannot be read for one, does the
# same to one sample, and lowers the mean.
#
# Input: three pictures with their prompts, made beforehand, as its documentation asks for them. Exits with 1 if no
# report, or another score, comes out. Needs Python 3.11 or later; installs into a temporary folder, no torch.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check evalscope==1.14.1 2>/dev/null
cat > "$folder/show.py" <<'PYTHON'
import json
import sys
from importlib.metadata import version
from pathlib import Path

from evalscope import TaskConfig, run_task
from PIL import Image

folder = Path(sys.argv[1])
prompts = folder / "prompts.jsonl"
with prompts.open("w", encoding="utf-8") as lines:
    for colour in ("red", "blue", "green"):
        picture = folder / f"{colour}.png"
        Image.new("RGB", (64, 64), colour).save(picture)
        lines.write(json.dumps({"id": colour, "prompt": f"a {colour} picture", "image_path": str(picture)}) + "\n")

run_task(
    TaskConfig(
        model_id="ours", datasets=["general_t2i"], dataset_args={"general_t2i": {"dataset_id": str(prompts)}},
        work_dir=str(folder / "out"), no_timestamp=True,
    )
)
report = json.loads((folder / "out/reports/ours/general_t2i.json").read_text(encoding="utf-8"))
reviews = (folder / "out/reviews/ours/general_t2i_prompts.jsonl").read_text(encoding="utf-8").splitlines()
scores = [json.loads(line)["sample_score"]["score"] for line in reviews]
(metric,) = report["metrics"]
print("evalscope", version("evalscope"), file=sys.stderr)
print(f"the report: {metric['num']} samples, score {metric['score']}", file=sys.stderr)
for score in scores:
    print("a sample:", score["value"], score["metadata"], file=sys.stderr)
missing = all("No module named 'torch'" in str(score["metadata"]) for score in scores)
sys.exit(0 if missing and metric["num"] == 3 and metric["score"] == 0 else 1)
PYTHON
# Its log goes to standard output and standard error: what is to be seen is printed last.
status=0
"$folder/venv/bin/python" "$folder/show.py" "$folder" >/dev/null 2>"$folder/log" || status=$?
tail -n 5 "$folder/log"
exit "$status"
