"""lm-eval's documents as items: what they carry, and what part of a task's settings counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.tasks.lm_eval.documents import plain
from selfreward_eval.tasks.lm_eval.task import LmEvalTask


def test_a_document_becomes_an_item_with_its_picture_and_cluster(folder: Path) -> None:
    task = LmEvalTask("colours_choose", str(folder))
    first, *_ = items = task.items()
    assert len(items) == 12
    assert (first.id, first.text) == ("000000", "a plain question: what colour?")
    assert (first.category, first.cluster) == ("plain", "colours_choose red 0")
    assert first.metadata["doc"]["colour"] == "red"
    assert (first.metadata["target"], first.metadata["requests"]) == (0, 3)
    picture = task.shown(first)
    assert picture is not None
    assert picture.getpixel((0, 0)) == (255, 0, 0)


def test_items_are_json_and_know_their_pictures(folder: Path) -> None:
    items = LmEvalTask("colours_choose", str(folder)).items()
    assert json.loads(json.dumps([item.to_json() for item in items])) == [item.to_json() for item in items]
    hashes = [item.metadata["pictures"][0] for item in items]
    assert len(set(hashes)) == 3
    assert hashes[0] == hashes[1] != hashes[2]


def test_fields_chosen_by_the_user_come_first(folder: Path) -> None:
    task = LmEvalTask("colours_choose", str(folder), category="colour", cluster="kind")
    assert (task.items()[0].category, task.items()[0].cluster) == ("red", "colours_choose plain")


def test_a_task_that_says_nothing_has_one_category_and_a_cluster_per_document(folder: Path) -> None:
    items = LmEvalTask("words", str(folder)).items()
    assert {item.category for item in items} == {"words"}
    assert len({item.cluster for item in items}) == 12
    task = LmEvalTask("words", str(folder))
    assert task.shown(items[0]) is None


def test_a_field_that_is_not_there_is_named_with_those_that_are(folder: Path) -> None:
    with pytest.raises(UsageError, match="no field 'hue'; they have colour, kind, choices"):
        LmEvalTask("words", str(folder), category="hue").items()


def test_several_pictures_are_refused(folder: Path) -> None:
    path = folder / "colours_choose.yaml"
    path.write_text(path.read_text().replace("helpers.pictures", "helpers.two_pictures"))
    with pytest.raises(UsageError, match="'colours_choose' asks about 2 pictures"):
        LmEvalTask("colours_choose", str(folder)).items()


def test_a_tasks_own_mistake_is_told_as_its_own(folder: Path) -> None:
    (folder / "helpers.py").write_text(
        (folder / "helpers.py").read_text().replace('doc["colour"]', 'doc["hue"]')
    )
    with pytest.raises(InputError, match=r"'colours_choose' cannot ask its questions .KeyError"):
        LmEvalTask("colours_choose", str(folder)).items()


def test_where_a_task_lies_does_not_count_but_what_it_asks_does(folder: Path, tmp_path: Path) -> None:
    here = LmEvalTask("words", str(folder))
    moved = tmp_path / "elsewhere"
    folder.rename(moved)
    yaml = moved / "words.yaml"
    yaml.write_text(yaml.read_text().replace(str(folder), str(moved)))
    there = LmEvalTask("words", str(moved))
    assert there.options() == here.options()
    yaml.write_text(yaml.read_text().replace('is"', 'was"'))
    assert LmEvalTask("words", str(moved)).options() != here.options()


def test_the_version_is_lm_evals(folder: Path) -> None:
    assert LmEvalTask("colours_choose", str(folder)).info.id == "lm_eval:colours_choose@2.0"


def test_anything_becomes_json() -> None:
    import numpy as np

    picture = Image.new("L", (2, 1), 9)
    found = plain({"n": np.float32(0.5), "a": np.arange(2), "p": picture, "nan": float("nan"), "t": ({1},)})
    assert (found["n"], found["a"], found["nan"], found["t"]) == (0.5, [0, 1], "nan", [[1]])
    assert found["p"]["size"] == [2, 1]
    assert plain(Image.new("L", (1, 2), 9))["picture_sha256"] != found["p"]["picture_sha256"]
