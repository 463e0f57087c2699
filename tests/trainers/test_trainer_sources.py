"""Training prompts: apart from what is evaluated and from what settings are chosen on."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.tasks.shapes.splits import MAKERS, drawn, evaluated
from selfreward_eval.trainers.sources import FileSource, ShapesSource, source


@pytest.mark.parametrize("benchmark", sorted(MAKERS))
def test_training_development_and_evaluation_share_no_text(benchmark: str) -> None:
    training = {item.text for item in drawn(benchmark, "training", 60, 0)}
    development = {item.text for item in drawn(benchmark, "development", 30, 0)}
    assert not training & development
    assert not (training | development) & evaluated()


def test_held_out_pairs_are_not_trained_on() -> None:
    items = ShapesSource().items(0, 200, seed=1)
    assert len(items) == len({item.text for item in items}) == 200
    assert not any(item.metadata.get("unseen") for item in items)


def test_the_same_round_gives_the_same_prompts() -> None:
    first, again = (ShapesSource().items(3, 40, seed=1) for _ in range(2))
    assert [item.text for item in first] == [item.text for item in again]
    assert [item.text for item in first] != [item.text for item in ShapesSource().items(4, 40, seed=1)]


def test_more_texts_than_there_are_is_a_users_mistake() -> None:
    with pytest.raises(UsageError, match="has only"):
        drawn("shapes_geneval", "training", 10**6, 0)


def test_a_file_of_prompts_is_gone_through_before_any_comes_again(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("a cat\na dog\n\na cow", encoding="utf-8")
    found = FileSource(file)
    texts = [item.text for round_ in range(3) for item in found.items(round_, 1, seed=0)]
    assert sorted(texts) == ["a cat", "a cow", "a dog"]


def test_json_lines_keep_their_metadata(tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text('{"prompt": "a cat", "category": "animals", "tag": "single_object"}', encoding="utf-8")
    [item] = FileSource(file).items(0, 1, seed=0)
    assert (item.text, item.category, item.metadata["tag"]) == ("a cat", "animals", "single_object")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("p.jsonl", '{"text": "a cat"}', "line 1: no text under 'prompt'"), ("p.txt", "\n", "hold no prompt")],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        source(str(file))


def test_captioning_without_pictures_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "p.txt"
    file.write_text("a cat", encoding="utf-8")
    with pytest.raises(UsageError, match="--pictures"):
        FileSource(file).pictures(0, 1, seed=0)


def test_an_unknown_source_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="known: shapes, shapes_geneval"):
        source("coco")
