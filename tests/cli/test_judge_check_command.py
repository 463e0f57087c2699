"""``selfreward-eval judge-check`` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Command = Callable[..., Any]


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Two pictures with labels, one of which is not there."""
    Image.new("RGB", (8, 8), "red").save(tmp_path / "here.png")
    path = tmp_path / "labels.csv"
    path.write_text("image,question,label,category\nhere.png,Is it red?,1,<b>x\ngone.png,Is it red?,1,<b>x\n")
    return path


@pytest.fixture
def kind(tmp_path: Path) -> str:
    """Arguments of a judge that scores every picture's only question 1."""
    script = tmp_path / "script.jsonl"
    lines = [
        {"contains": ["in all"], "reply": json.dumps({"reason": [], "score": [1]})},
        {"reply": "A picture."},
    ]
    script.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return f"script={script}"


def test_the_oracle_is_nearly_always_right(command: Command) -> None:
    outcome = command("judge-check", "--judge", "judge_shapes", "--limit", 24, "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert (found["pictures"], found["failures"]) == (24, {})
    assert found["overall"]["accuracy"] > 0.95
    assert set(found["by"]["picture"]) == {"right picture", "near miss"}


def test_a_flattering_judge_has_a_bias_where_pictures_are_wrong(command: Command, tmp_path: Path) -> None:
    script = tmp_path / "kind.jsonl"
    replies = [
        {"contains": [f"{n} in all"], "reply": json.dumps({"reason": [], "score": [1] * n})}
        for n in range(1, 7)
    ]
    script.write_text("".join(json.dumps(line) + "\n" for line in [*replies, {"reply": "Lovely."}]))
    arguments = ("--judge", "judge_scripted", "--judge-args", f"script={script}", "--limit", 16, "--json")
    found = json.loads(command("judge-check", *arguments).out)["by"]["picture"]
    assert found["right picture"]["bias"]["value"] == 0.0
    assert found["near miss"]["bias"]["value"] > 0.1


def test_a_dead_judge_has_no_numbers(command: Command) -> None:
    arguments = ("--judge", "judge_scripted", "--judge-args", "reply=x,fail_rate=1", "--limit", 4)
    outcome = command("judge-check", *arguments)
    assert outcome.code == 0, outcome.err
    assert "nothing was scored" in outcome.out
    assert "judge_transport_error" in outcome.out
    found = json.loads(command("judge-check", *arguments, "--json").out)
    assert (found["overall"]["accuracy"], found["overall"]["bias"]) == (None, None)


def test_people_s_labels_and_missing_pictures(command: Command, labels: Path, kind: str) -> None:
    arguments = (
        "--judge",
        "judge_scripted",
        "--judge-args",
        kind,
        "--cases",
        labels,
        "--images",
        labels.parent,
    )
    found = json.loads(command("judge-check", *arguments, "--json").out)
    assert (found["overall"]["asked"], found["overall"]["scored"]) == (2, 1)
    assert found["overall"]["accuracy"] == 1.0
    assert found["failures"] == {"missing_image": 1}


def test_the_page_shows_the_picture_and_escapes_names(
    command: Command, labels: Path, kind: str, tmp_path: Path
) -> None:
    arguments = (
        "--judge",
        "judge_scripted",
        "--judge-args",
        kind,
        "--cases",
        labels,
        "--images",
        labels.parent,
    )
    outcome = command("judge-check", *arguments, "--output-path", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    page = (tmp_path / "out" / "judge_check.html").read_text()
    assert "data:image/svg+xml;base64," in page
    assert "&lt;b&gt;x" in page
    assert "<b>x" not in page
    assert (tmp_path / "out" / "calibration.svg").read_text().count("<circle") == 1


def test_the_record_keeps_the_judge_s_words(
    command: Command, labels: Path, kind: str, tmp_path: Path
) -> None:
    arguments = (
        "--judge",
        "judge_scripted",
        "--judge-args",
        kind,
        "--cases",
        labels,
        "--images",
        labels.parent,
    )
    command("judge-check", *arguments, "--output-path", tmp_path / "out")
    record = json.loads((tmp_path / "out" / "judge_check.json").read_text())
    assert record["evidence"]["here.png"]["replies"]["describe"]["text"] == "A picture."
    assert [one["status"] for one in record["answers"]] == ["success", "missing_image"]


def test_a_page_without_scores_says_so(command: Command, tmp_path: Path) -> None:
    arguments = ("--judge", "judge_scripted", "--judge-args", "reply=x", "--limit", 2)
    command("judge-check", *arguments, "--output-path", tmp_path / "out")
    assert "Nothing was scored." in (tmp_path / "out" / "judge_check.html").read_text()
    assert not (tmp_path / "out" / "calibration.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "fault"),
    [
        (("--judge", "judge_shapse"), 2, "did you mean judge_shapes"),
        (("--judge", "shapes_oracle"), 2, "is no judge"),
        (("--judge", "judge_shapes", "--parser", "lenient"), 2, "lenient"),
        (("--judge", "judge_shapes", "--cases", "labels.csv"), 2, "--images"),
        (("--judge", "judge_shapes", "--images", "."), 2, "--images"),
        (("--judge", "judge_shapes", "--cases", "gone.csv", "--images", "."), 4, "gone.csv"),
    ],
)
def test_a_mistake_is_one_line(command: Command, arguments: tuple[str, ...], code: int, fault: str) -> None:
    outcome = command("judge-check", *arguments)
    assert (outcome.code, len(outcome.errors)) == (code, 1), outcome.err
    assert fault in outcome.errors[0]
