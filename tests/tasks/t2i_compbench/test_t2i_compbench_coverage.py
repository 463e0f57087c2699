"""Which prompts no label can score."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.tasks.t2i_compbench.coverage import (
    covered_scores,
    main,
    read_labels,
    report,
    uncovered,
    without_label,
)
from selfreward_eval.tasks.t2i_compbench.facts import read, shipped


def test_unidet_s_gaps_are_those_of_its_label_list(official: Path) -> None:
    """Prompt by prompt against a table that was made from UniDet's 722 labels."""
    table = json.loads((official / "derived/spatial_label_coverage.json").read_text())
    for category, expected in (("spatial", 100), ("3d_spatial", 20)):
        without = [bool(without_label(one)) for one in shipped(category)]
        assert without == [not row["scorable"] for row in table[f"{category}_val"]]
        assert sum(without) == expected


def test_the_report_names_prompts_and_nouns(official: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--json"])
    found = json.loads(capsys.readouterr().out)["categories"]["3d_spatial"]
    assert found["nouns"] == {"painting": 11, "wallet": 9}
    assert len(found["items"]) == found["without_label"] == 20
    assert all({"item", "prompt", "nouns"} == one.keys() for one in found["items"])


def test_the_table_for_people(official: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("spatial: 100 of 300 prompts lack a label (wallet 18, mouse 16, cow 15,")
    assert len(lines) == 2 + 120


def test_any_closed_vocabulary_can_be_asked_about(
    official: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "labels.json").write_text('["person", "frisbee"]')
    main(["--json", "--labels", str(tmp_path / "labels.json")])
    found = json.loads(capsys.readouterr().out)
    assert found["labels"] == 2
    assert list(found["categories"]) == ["spatial", "3d_spatial", "numeracy"]


def test_2d_compares_whole_labels_and_3d_parts() -> None:
    flat, deep = read("a bee near a boy", "spatial"), read("a bee behind a boy", "3d_spatial")
    assert without_label(flat, ["frisbee", "person"]) == ("bee",)
    assert without_label(deep, ["frisbee", "person"]) == ()


def test_numeracy_is_compared_under_its_own_names() -> None:
    one = read("two ships and a fish", "numeracy")
    assert without_label(one, ["boat"]) == ("fish",)


def test_a_prompt_without_objects_lacks_no_label() -> None:
    assert uncovered("spatial", [read("!", "spatial")], ["dog"]) == ()
    assert (
        report({"numeracy": [read("nothing", "numeracy")]}, ["dog"])["categories"]["numeracy"]["items"] == []
    )


@pytest.mark.parametrize("content", [None, "{", "[]", '{"a": 1}', "[1]", '"dog"'])
def test_a_damaged_label_file_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "labels.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"the label file .*labels\.json"):
        read_labels(path)


def record(number: int, prompt: str, score: float | None, category: str = "spatial") -> SampleRecord:
    item = Item(f"{category}-{number:03d}", prompt, category, metadata=read(prompt, category).to_json())
    measured = (
        Measurement(Status.GENERATION_ERROR)
        if score is None
        else Measurement(Status.SUCCESS, {"score": score})
    )
    return SampleRecord(number, item, Sample(item.id, 0, 0), measured)


def test_the_score_over_covered_prompts_stands_beside_the_whole_one() -> None:
    records = [
        record(0, "a cow near a dog", 0.9),
        record(1, "a frog near a dog", 0.6),
        record(2, "a lamp near a dog", 0.2),
        record(3, "a key near a dog", None),
    ]
    assert covered_scores(records, "score") == {
        "spatial_share_with_unidet_labels": 0.75,
        "spatial_score_with_unidet_labels": pytest.approx(0.4),
    }


def test_what_was_not_measured_is_absent() -> None:
    assert covered_scores([record(0, "two dogs", 1.0, "numeracy")], "score") == {}
    assert covered_scores([record(0, "a frog near a dog", None)], "score") == {
        "spatial_share_with_unidet_labels": 1.0
    }
