"""GenEval end to end on photographs, with a real and weak detector; skipped where weights or pictures lack.

The verdicts are the detector's: it overlooks a close cat and a horse's silhouette. They show that the way
from a file to a verdict works, and nothing about any model. The table in docs/small_models.md is this one.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.photographs import photograph_path

from selfreward_eval.harness.data import locate
from selfreward_eval.harness.errors import MissingData
from selfreward_eval.harness.instruments.yolov3_tiny import WEIGHTS
from selfreward_eval.harness.models.folder import FolderModel
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import run
from selfreward_eval.tasks.geneval.task import GenEval

CATEGORIES = "single_object+two_object+counting+position"

PHOTOGRAPHS = (
    ("skimage", "astronaut.png", "person", False),
    ("skimage", "camera.png", "person", True),
    ("skimage", "chelsea.png", "cat", False),
    ("skimage", "coffee.png", "cup", True),
    ("skimage", "horse.png", "horse", False),
    ("skimage", "motorcycle_left.png", "motorcycle", True),
    ("skimage", "motorcycle_right.png", "motorcycle", True),
    ("matplotlib", "grace_hopper.jpg", "tie", True),
)
"""Package, picture, what it shows, and whether YOLOv3-tiny finds it with GenEval's threshold."""

pytestmark = pytest.mark.slow


@pytest.fixture
def listed(tmp_path: Path, official: Path) -> Path:
    """A list of the photographs as pictures of "a photo of ..." prompts."""
    try:
        locate(WEIGHTS)
    except MissingData as error:
        pytest.skip(str(error))
    items = {item.text: item.id for item in GenEval(categories="single_object").items()}
    rows, counts = [], dict.fromkeys(items.values(), 0)
    for package, name, shown, _ in PHOTOGRAPHS:
        path, prompt = photograph_path(package, name), f"a photo of a {shown}"
        number = items[prompt]
        row = {"id": number, "prompt": prompt, "image_path": str(path), "index": counts[number]}
        rows.append(json.dumps(row))
        counts[number] += 1
    (tmp_path / "photographs.jsonl").write_text("\n".join(rows))
    return tmp_path / "photographs.jsonl"


def test_the_verdicts_on_eight_photographs(listed: Path, tmp_path: Path) -> None:
    task = GenEval(detector="yolov3_tiny", categories="single_object")
    model = FolderModel(str(listed), outside=True)
    done = run(model, [task], tmp_path / "out")
    verdicts = {
        (record.item.text, record.sample.index): bool(record.measurement.values["accuracy"])
        for record in load_run(done.folder).records["geneval"]
        if record.measurement.ok
    }
    counts: dict[str, int] = {}
    for _, _, shown, expected in PHOTOGRAPHS:
        prompt = f"a photo of a {shown}"
        place = counts[prompt] = counts.get(prompt, -1) + 1
        assert verdicts.pop((prompt, place)) is expected, shown
    assert verdicts == {}
    score = done.scores["geneval"]
    assert score.failures["missing_image"] == score.overall.n_expected - len(PHOTOGRAPHS)
    assert score.comparable.startswith("no: yolov3_tiny is another detector")
