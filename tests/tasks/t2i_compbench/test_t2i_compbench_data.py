"""The official prompts, and what happens without them."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from selfreward_eval.harness.data import state
from selfreward_eval.harness.errors import InputError, MissingData, UsageError
from selfreward_eval.tasks.t2i_compbench.data import (
    CATEGORIES,
    DATA_FILES,
    kinds,
    prompts,
    require_colour_list,
)
from selfreward_eval.tasks.t2i_compbench.task import T2ICompBench


def test_the_pinned_files_are_the_official_ones(official: Path) -> None:
    assert {file.path: state(file).status for file in DATA_FILES} == {file.path: "ok" for file in DATA_FILES}


def test_all_2400_prompts_load(official: Path) -> None:
    items = T2ICompBench().items()
    assert Counter(item.category for item in items) == dict.fromkeys(CATEGORIES, 300)
    assert len({item.id for item in items}) == len({(item.category, item.text) for item in items}) == 2400
    assert (items[0].id, items[-1].id) == ("color-000", "complex-299")
    assert all(item.text == item.text.strip() != "" for item in items)


def test_the_unseen_pairs_are_the_last_hundred(official: Path) -> None:
    unseen = Counter(item.category for item in T2ICompBench().items() if item.metadata.get("unseen"))
    assert unseen == {"color": 100, "shape": 100, "texture": 100}
    for category in ("shape", "texture"):
        lines = (official / f"examples/dataset/{category}_val_unseen.txt").read_text().splitlines()
        marked = [item.text for item in T2ICompBench(categories=category).items() if item.metadata["unseen"]]
        assert marked == [line.strip() for line in lines if line.strip()]


def test_the_old_colour_list_has_five_duplicates(official: Path) -> None:
    old, new = prompts("color", "2023"), prompts("color")
    assert (len(old), len(set(old)), len(set(new))) == (300, 295, 300)
    assert sum(a != b for a, b in zip(old, new, strict=True)) == 5


def test_a_repeated_prompt_is_one_cluster(official: Path) -> None:
    items = T2ICompBench(categories="color", colour_list="2023").items()
    twice = [item for item in items if item.cluster != item.id]
    assert len(twice) == 5
    texts = {item.id: item.text for item in items}
    assert all(texts[item.cluster] == item.text for item in twice)


def test_the_kinds_of_complex_prompts(official: Path) -> None:
    assert Counter(kinds("complex", prompts("complex"))) == {"spatial": 58, "action": 212, "both": 30}


def test_without_data_the_way_out_is_a_command_that_exists(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SELFREWARD_DATA", raising=False)
    monkeypatch.setenv("SELFREWARD_CACHE", str(tmp_path))
    with pytest.raises(MissingData, match=r"run `selfreward-eval data fetch t2i_compbench`"):
        T2ICompBench(categories="shape").items()


def test_another_file_in_its_place_is_refused(
    official: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "t2i-compbench/examples/dataset"
    folder.mkdir(parents=True)
    shutil.copy(official / "examples/dataset/shape_val.txt", folder)
    (folder / "color_val.txt").write_text("a plum kettle\n")
    monkeypatch.setenv("SELFREWARD_DATA", str(tmp_path))
    assert len(prompts("shape")) == 300
    with pytest.raises(InputError, match=r"color_val\.txt is not Karine-Huang/T2I-CompBench .* at 1b70949"):
        prompts("color")


def test_only_what_is_chosen_must_be_there(
    official: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "t2i-compbench/examples/dataset"
    folder.mkdir(parents=True)
    shutil.copy(official / "examples/dataset/shape_val.txt", folder)
    monkeypatch.setenv("SELFREWARD_DATA", str(tmp_path))
    assert len(T2ICompBench(categories="shape").items()) == 300


def test_an_unknown_colour_list_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no colour_list '1999'; choose one of 2025-09, 2023"):
        require_colour_list("1999")


def test_every_file_says_where_it_comes_from() -> None:
    for file in DATA_FILES:
        assert (len(file.sha256), len(file.commit)) == (64, 40)
        assert file.url.startswith("https://")
        assert file.licence
