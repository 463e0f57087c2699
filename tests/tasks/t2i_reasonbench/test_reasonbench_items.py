"""Upstream's files: their many shapes made one, and the odd rows listed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.data import state
from selfreward_eval.harness.errors import InputError, MissingData
from selfreward_eval.harness.records import Item
from selfreward_eval.tasks.t2i_reasonbench.data import DATA_FILES
from selfreward_eval.tasks.t2i_reasonbench.dimensions import DIMENSIONS
from selfreward_eval.tasks.t2i_reasonbench.items import irregularities, load_items, questions_of
from selfreward_eval.tasks.t2i_reasonbench.questions import JudgeQuestion, format_questions, read_block
from selfreward_eval.tasks.t2i_reasonbench.task import T2IReasonBench

PAIR = (JudgeQuestion("Why?", "1: so"), JudgeQuestion("How?", "1: thus"))


def pairs(block: dict[str, Any]) -> tuple[JudgeQuestion, ...]:
    return read_block(block, "here").questions


SHAPES: dict[str, dict[str, Any]] = {
    "usual": {"q1": "Why?", "c1": "1: so", "q2": "How?", "c2": "1: thus"},
    "numbered on": {"q6": "Why?", "c6": "1: so", "q7": "How?", "c7": "1: thus"},
    "with a letter": {"aq1": "Why?", "ac1": "1: so", "aq2": "How?", "ac2": "1: thus"},
    "with a name": {"sci_q1": "Why?", "sci_c1": "1: so", "sci_q2": "How?", "sci_c2": "1: thus"},
    "criteria last": {"q1": "Why?", "q2": "How?", "c2": "1: thus", "c1": "1: so"},
    "white space": {"q1": " Why?\n", "c1": "1: so", "q2": "How?", "c2": " 1: thus"},
    "one score": {"q1": "Why?", "c1": {"score": "1: so"}, "q2": "How?", "c2": {"criteria": "1: thus"}},
    "levels": {"q1": "Why?", "c1": {"1": "so"}, "q2": "How?", "c2": {"score_1": "thus"}},
}


@pytest.mark.parametrize("block", SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_is_questions_with_criteria(block: dict[str, Any]) -> None:
    assert pairs(block) == PAIR


@pytest.mark.parametrize("name", [name for name in SHAPES if name not in ("usual", "white space")])
def test_what_is_odd_is_noted(name: str) -> None:
    assert read_block(SHAPES[name], "here").notes
    assert not read_block(SHAPES["usual"], "here").notes


def test_levels_go_from_best_to_worst() -> None:
    block = {"q1": "Why?", "c1": {"score_0": "no", "score_1": "yes", "score_0.5": "half"}}
    assert pairs(block) == (JudgeQuestion("Why?", "1: yes; 0.5: half; 0: no"),)


def test_scoring_that_stands_apart_is_added_to_its_criterion() -> None:
    scoring = {"score_1": "1: clear", "score_2": "1: dry"}
    block = {"q1": "Why?", "c1": "so", "q2": "How?", "c2": "thus", "scoring": scoring}
    assert [question.criterion for question in pairs(block)] == ["so; 1: clear", "thus; 1: dry"]


def test_a_judge_reads_them_numbered_from_one() -> None:
    assert format_questions(PAIR) == "q1: Why?\nc1: 1: so\nq2: How?\nc2: 1: thus"


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({}, "no block"),
        ([], "no block"),
        ({"q1": "Why?"}, "no pair for number 1"),
        ({"q1": "Why?", "c2": "so"}, "no pair for number 1"),
        ({"q1": "", "c1": "so"}, "q1 is no text"),
        ({"q1": "Why?", "c1": 3}, "c1 is no text"),
        ({"q1": "Why?", "c1": {"best": "so"}}, "unknown level 'best'"),
        ({"q1": "Why?", "c1": "so", "hint": "x"}, "unknown key 'hint'"),
        ({"q1": "Why?", "c1": "so", "scoring": {"score_2": "x"}}, "unknown scoring 'score_2'"),
        ({"q1": "Why?", "c1": "so", "scoring": "x"}, "unknown key 'scoring'"),
    ],
)
def test_a_shape_that_nobody_knows_is_refused(block: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_block(block, "here")


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def load(folder: Path, prompts: Any, questions: Any) -> list[Item]:
    files = written(folder, "prompts.json", prompts), written(folder, "questions.json", questions)
    return load_items(DIMENSIONS["idiom"], *files)


ROW = {"id": 1, "prompt": "break the ice", "tag": "social"}
ASKED = {"id": 1, "prompt": "break the ice", "reason_evaluation": SHAPES["usual"]}
ASKED |= {"quality_evaluation": {"q5": "Sharp?", "c5": "1: yes"}}


def test_an_item_carries_prompt_questions_and_notes(tmp_path: Path) -> None:
    (item,) = load(tmp_path, [ROW], [{**ASKED, "prompt": "worded otherwise"}])
    assert (item.id, item.text, item.category) == ("idiom-0001", "break the ice", "idiom")
    assert (item.metadata["number"], item.metadata["tag"]) == (1, "social")
    assert questions_of(item) == {"reason": list(PAIR), "quality": [JudgeQuestion("Sharp?", "1: yes")]}
    assert irregularities([item]) == [
        "idiom-0001, quality: keys q5, c5",
        "idiom-0001, the question file words the prompt otherwise",
    ]


@pytest.mark.parametrize(
    ("prompts", "questions", "message"),
    [
        ("{", [ASKED], "is not JSON"),
        ({}, [ASKED], "no list of rows"),
        ([], [], "no rows"),
        ([{"id": 1}], [ASKED], "row 0 lacks"),
        ([ROW], [{**ASKED, "id": 8}], "do not number the same rows"),
        ([{**ROW, "id": 7}], [{**ASKED, "id": 7}], "does not number its rows 1, 2, 3"),
        ([ROW], [ASKED, ASKED], "do not number the same rows"),
        (
            [ROW],
            [{"id": 1, "prompt": "x", "reason_evaluation": SHAPES["usual"]}],
            "lacks 'quality_evaluation'",
        ),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path: Path, prompts: Any, questions: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(tmp_path, prompts, questions)


def test_an_item_without_questions_is_refused() -> None:
    with pytest.raises(InputError, match="'x' holds no questions"):
        questions_of(Item("x", "a prompt", "idiom"))


def test_without_the_files_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFREWARD_DATA", str(tmp_path))
    monkeypatch.setenv("SELFREWARD_CACHE", str(tmp_path))
    with pytest.raises(MissingData, match="data fetch t2i_reasonbench"):
        T2IReasonBench().items()


# The official files, where they are


def test_the_pinned_files_are_the_official_ones(official: Path) -> None:
    assert [state(file).status for file in DATA_FILES] == ["ok"] * 8


def test_the_official_prompts(official: Path) -> None:
    items = T2IReasonBench().items()
    assert Counter(item.category for item in items) == dict.fromkeys(DIMENSIONS, 200)
    assert (items[0].id, items[-1].id) == ("idiom-0001", "scientific-0200")
    counts = Counter((item.category, len(questions_of(item)["quality"])) for item in items)
    assert counts["idiom", 3] == 173
    assert all(questions for item in items for questions in questions_of(item).values())


def test_the_known_odd_rows_are_listed(official: Path) -> None:
    notes = irregularities(T2IReasonBench().items())
    keys = {note.split(",")[0] for note in notes if ": keys " in note}
    objects = {note.split(",")[0] for note in notes if note.endswith("criteria as objects")}
    otherwise = [note.split(",")[0] for note in notes if "words the prompt otherwise" in note]
    assert keys == {
        *(f"idiom-{k:04d}" for k in (90, 112)),
        *(f"textual_image-{k:04d}" for k in (31, 40)),
        *(f"scientific-{k:04d}" for k in (97, 116, 119, 182)),
    }
    assert objects == {
        "textual_image-0083",
        *(f"entity-{k:04d}" for k in (15, 44, 70, 73, 94, 117, 125, 150, 195)),
        *(f"scientific-{k:04d}" for k in (10, 18, 65, 68, 175)),
    }
    assert len(otherwise) == 11
    assert {note.split(",")[0] for note in notes if "scoring beside" in note} == {"scientific-0033"}
