"""The shipped facts: what they hold, that they are what the command makes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.t2i_compbench import depth_order, facts, numeracy, planar
from selfreward_eval.tasks.t2i_compbench.data import CATEGORIES, prompts
from selfreward_eval.tasks.t2i_compbench.facts import SHIPPED, SHIPPED_SPACY, dump, main, make, shipped
from selfreward_eval.tasks.t2i_compbench.words import as_label, first_and_last_noun


@pytest.fixture
def other_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A facts file in the place of the shipped one."""
    path = tmp_path / "facts.json"
    monkeypatch.setattr(facts, "SHIPPED", path)
    facts._file.cache_clear()
    yield path
    facts._file.cache_clear()


def test_the_shipped_file_is_what_the_command_makes(official: Path, tmp_path: Path) -> None:
    main(["--output", str(tmp_path / "made.json")])
    assert (tmp_path / "made.json").read_text() == SHIPPED.read_text() == dump(make())


@pytest.mark.parametrize("path", [SHIPPED, SHIPPED_SPACY])
def test_the_shipped_file_holds_no_word_of_a_prompt(path: Path) -> None:
    content = json.loads(path.read_text())["prompts"]
    assert len(content) == 9
    for entry in content.values():
        assert len(entry["lines"]) == 300
        assert all(re.fullmatch("[A-Z]*", tags) for tags, _ in entry["lines"])
        assert all(isinstance(edge, int) for _, spans in entry["lines"] for span in spans for edge in span)


def test_every_prompt_has_a_tag_per_token_and_chunks_inside_it(official: Path) -> None:
    for category in CATEGORIES:
        for one, text in zip(shipped(category), prompts(category), strict=True):
            assert one.prompt == text
            assert all(word.pos for word in one.words)
            assert all(chunk in text for chunk in one.chunks)


def test_objects_and_relations_are_those_of_the_templates(official: Path) -> None:
    """600 of 600 against a parse that was made without this package."""
    parsed = json.loads((official / "derived/spatial_label_coverage.json").read_text())
    agreeing = 0
    for category, relation in (("spatial", planar.relation), ("3d_spatial", depth_order.relation)):
        for one, row in zip(shipped(category), parsed[f"{category}_val"], strict=True):
            objects = first_and_last_noun(one.words)
            wording = relation(one.prompt)
            agreeing += (
                one.prompt == row["prompt"]
                and objects == (row["obj1"], row["obj2"])
                and wording is not None
                and row["relation"].removesuffix(" by") == wording
            )
    assert agreeing == 600


def test_every_numeracy_prompt_counts_something(official: Path) -> None:
    counts = [len(numeracy.wanted(one.tokens).objects) for one in shipped("numeracy")]
    assert [counts.count(n) for n in range(1, 6)] == [91, 89, 48, 37, 35]


def test_the_countable_nouns_are_upstreams(official: Path) -> None:
    lines = (official / "examples/dataset/new_objects.txt").read_text().splitlines()
    theirs = {tuple(line.strip().split(" - ")) for line in lines if line.strip()}
    assert set(numeracy.NOUNS) == theirs
    assert len(theirs) == 88


def test_complex_prompts_about_places_name_two_objects(official: Path) -> None:
    found = [len(planar.around_prepositions(one.words)) for one in shipped("complex") if one.kind != "action"]
    assert (len(found), found.count(2)) == (88, 87)


def test_labels_of_people_are_persons() -> None:
    assert [as_label(noun) for noun in ("girl", "boat")] == ["person", "boat"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"prompts": 3}'])
def test_a_damaged_facts_file_is_named(official: Path, other_file: Path, content: str) -> None:
    other_file.write_text(content)
    with pytest.raises(InputError, match=r"facts\.json cannot be read"):
        shipped("shape")


def test_a_missing_facts_file_is_named(official: Path, other_file: Path) -> None:
    with pytest.raises(InputError, match=r"facts\.json cannot be read"):
        shipped("shape")


@pytest.mark.parametrize(
    "line", [["D?N", []], ["DN", []], [7, []], ["D"], ["DANCDAN", [[0]]], ["DANCDAN", [["a", "b"]]]]
)
def test_a_damaged_line_of_facts_is_no_fact(official: Path, other_file: Path, line: list[Any]) -> None:
    content = json.loads(SHIPPED.read_text())
    content["prompts"]["shape_val.txt"]["lines"][0] = line
    other_file.write_text(json.dumps(content))
    with pytest.raises(InputError):
        shipped("shape")


def test_facts_of_other_prompts_are_refused(official: Path, other_file: Path) -> None:
    content = json.loads(SHIPPED.read_text())
    content["prompts"]["shape_val.txt"]["sha256"] = "0" * 64
    other_file.write_text(json.dumps(content))
    assert len(shipped("color")) == 300
    with pytest.raises(
        InputError, match=r"holds no facts of examples/dataset/shape_val\.txt with sha256 37e1"
    ):
        shipped("shape")
