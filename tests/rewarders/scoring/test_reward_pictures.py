"""Which pictures are rewarded, and for which prompt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from selfreward_eval.harness.errors import InputError
from selfreward_eval.rewarders.scoring.pictures import pictures_of_folder


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(path)


def test_a_list_names_prompts_and_files(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    rows = [
        {"id": "x", "prompt": "a red star", "image_path": "a.png"},
        {"id": "x", "prompt": "a red star", "image_path": "gone.png"},
    ]
    (tmp_path / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (there, gone), layout = pictures_of_folder(tmp_path)
    assert layout == "jsonl"
    assert (there.item_id, there.index, there.prompt, there.status) == ("x", 0, "a red star", "success")
    assert (gone.index, gone.path, gone.status) == (1, None, "missing_image")


def test_genevals_folders_give_prompt_and_metadata(tmp_path: Path) -> None:
    picture(tmp_path / "00007" / "samples" / "00000.png")
    row = {"tag": "colors", "prompt": "a photo of a red bench", "include": [{"class": "bench", "count": 1}]}
    (tmp_path / "00007" / "metadata.jsonl").write_text(json.dumps(row))
    (one,), layout = pictures_of_folder(tmp_path)
    assert (layout, one.prompt, one.category) == ("geneval", "a photo of a red bench", "colors")
    assert one.metadata["include"][0]["class"] == "bench"


def test_a_folder_without_metadata_is_not_guessed_at(tmp_path: Path) -> None:
    picture(tmp_path / "00007" / "samples" / "00000.png")
    (one,), _ = pictures_of_folder(tmp_path)
    assert one.prompt is None
    assert "its prompt is not known" in one.reason


def test_compbenchs_file_names_are_prompts(tmp_path: Path) -> None:
    for number in (0, 1):
        picture(tmp_path / "color" / "samples" / f"a red star_{number:06d}.png")
    (first, second), layout = pictures_of_folder(tmp_path)
    assert (layout, first.prompt, first.category) == ("t2i_compbench", "a red star", "color")
    assert first.item == second.item
    assert (first.index, second.index) == (0, 1)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text("")
    with pytest.raises(InputError, match="holds no picture"):
        pictures_of_folder(tmp_path)
