"""Soft-TIFA's rule: questions, accepted beginnings, means."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.paths import GOLDEN

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.geneval2.analysis import (
    SKILLS,
    Row,
    per_atomicity,
    per_skill,
    whole_atomicity,
    whole_skills,
)
from selfreward_eval.tasks.geneval2.parity import READERS, read_analysis
from selfreward_eval.tasks.geneval2.scoring import accepted, full_question, is_right, soft_tifa, tifa
from selfreward_eval.tasks.parity import check_file, difference

HOW_MANY = "How many teapots are in the image?"
ATOMS = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@pytest.mark.parametrize("name", sorted(READERS))
def test_every_recorded_case_agrees(name: str) -> None:
    path = GOLDEN / name
    if not path.is_file():
        pytest.skip(f"no golden file {name}: set SELFREWARD_GOLDEN")
    found = check_file(path)
    assert found.first_difference is None
    assert found.agreeing == found.cases > 0


def test_the_question_is_asked_for_one_word() -> None:
    assert full_question("Is it {teal}?") == "Is it {teal}? Answer in one word."


def test_a_yes_has_four_spellings_and_a_count_six() -> None:
    assert accepted("Is it teal?", "Yes") == ("Yes", "yes", " yes", " Yes")
    assert accepted(HOW_MANY, "seven") == ("seven", "Seven", " seven", " Seven", "7", " 7")


def test_the_question_decides_whether_a_count_is_asked_for() -> None:
    """Upstream reads the answer of a "How many" question alone."""
    assert accepted("Is it teal?", "No") == accepted("Is it teal?", "Yes")
    assert accepted(HOW_MANY, "Yes")[4:] == ("other", " other")


@pytest.mark.parametrize(("question", "answer"), [(3, "Yes"), (None, "two"), ("How many?", 2)])
def test_what_is_no_text_is_refused(question: Any, answer: Any) -> None:
    with pytest.raises(InputError, match="is no text"):
        accepted(question, answer)


def test_a_count_beyond_ten_is_upstreams_other() -> None:
    assert accepted(HOW_MANY, "eleven")[4:] == ("other", " other")


@pytest.mark.parametrize(
    ("said", "answer", "right"),
    [
        ("YES", "Yes", True),
        (" Two", "two", True),
        ("2", "two", True),
        ("no", "Yes", False),
        ("Two!", "two", False),
    ],
)
def test_the_hard_verdict_goes_by_small_letters(said: str, answer: str, right: bool) -> None:
    question = HOW_MANY if answer != "Yes" else "Is it teal?"
    assert is_right(said, accepted(question, answer)) is right


def test_one_impossible_atom_makes_the_prompt_impossible() -> None:
    found = soft_tifa([1.0, 0.0, 0.5])
    assert (found.arithmetic, found.geometric) == (0.5, 0.0)


@given(ATOMS)
def test_the_geometric_mean_never_exceeds_the_arithmetic_one(atoms: list[float]) -> None:
    found = soft_tifa(atoms)
    assert 0 <= found.geometric <= found.arithmetic + 1e-12
    assert found.geometric <= 1
    assert found.geometric == pytest.approx(prod(atoms) ** (1 / len(atoms)), rel=1e-6, abs=1e-12)


@given(ATOMS)
def test_the_order_of_the_atoms_changes_nothing(atoms: list[float]) -> None:
    other = list(reversed(atoms))
    assert soft_tifa(other) == soft_tifa(atoms)


@pytest.mark.parametrize("atoms", [[], [1.2], [-0.1], [float("nan")]])
def test_what_is_no_probability_is_refused(atoms: list[float]) -> None:
    with pytest.raises(InputError):
        soft_tifa(atoms)


def test_without_verdicts_there_is_no_share() -> None:
    assert tifa([True, False, True, True]) == 0.75
    with pytest.raises(InputError, match="without questions"):
        tifa([])


# Over a run


def test_skills_are_pooled_over_atoms_and_prompts_are_not() -> None:
    rows = [Row(3, ("count", "object"), (1.0, 0.25)), Row(3, ("count",), (0.25,)), Row(4, ("verb",), (0.5,))]
    assert per_skill(rows) == {"object": 25.0, "count": 62.5, "verb": 50.0}
    assert per_atomicity(rows) == {3: pytest.approx((50 + 25) / 2), 4: pytest.approx(50.0)}


def test_where_upstream_divides_by_zero_is_a_clear_error() -> None:
    with pytest.raises(InputError, match="no picture of a prompt with 4 atoms"):
        whole_atomicity([Row(3, ("count",), (1.0,))])


def test_an_error_of_ours_where_upstream_has_numbers_is_a_difference(tmp_path: Path) -> None:
    case = {
        "id": "one",
        "rows": [{"atom_count": 3, "skills": ["count"], "scores": [0.5]}],
        "expected": {"per_skill_am_x100": {"count": 50.0}, "per_atomicity_gm_x100": {"3": 50.0}},
    }
    path = tmp_path / "geneval2_analysis.json"
    path.write_text(json.dumps({"cases": [case]}))
    assert "ours is the error" in str(check_file(path).first_difference)


def whole_case(**change: Any) -> dict[str, Any]:
    """A case with every skill and every number of atoms; ``change`` replaces parts of its first row."""
    rows = [{"atom_count": n, "skills": list(SKILLS), "scores": [0.5] * 5} for n in range(3, 11)]
    rows.append({"atom_count": 3, "skills": ["count"], "scores": [0.5], **change})
    return {"rows": rows}


def outcome(case: dict[str, Any], **expected: Any) -> str | None:
    """What differs from upstream's result, or None."""
    theirs = {
        "per_skill_am_x100": dict.fromkeys(SKILLS, 50.0),
        "per_atomicity_gm_x100": {str(n): 50.0 for n in range(3, 11)},
    }
    return difference(*read_analysis({}, {**case, "expected": theirs | expected}))


def test_a_number_of_ours_where_upstream_crashed_is_a_difference() -> None:
    assert outcome(whole_case()) is None
    for table in ("per_skill_am_x100", "per_atomicity_gm_x100"):
        assert outcome(whole_case(), **{table: {"error": "ZeroDivisionError"}}) is not None


SIXTH_SKILL = {"skills": ["style"]}


@pytest.mark.parametrize(
    ("change", "crashed"),
    [
        (SIXTH_SKILL, "per_skill_am_x100"),
        ({"skills": ["Count"]}, "per_skill_am_x100"),
        ({"skills": [None]}, "per_skill_am_x100"),
        ({"skills": []}, "per_skill_am_x100"),
        ({"atom_count": 11}, "per_atomicity_gm_x100"),
        ({"atom_count": 2}, "per_atomicity_gm_x100"),
        ({"atom_count": "3"}, "per_atomicity_gm_x100"),
    ],
)
def test_what_one_of_upstreams_tables_refuses_has_no_number(change: dict[str, Any], crashed: str) -> None:
    """Each table is computed by itself: the other one keeps its numbers."""
    assert outcome(whole_case(**change), **{crashed: {"error": "Exception"}}) is None


@pytest.mark.parametrize("score", ["0.5", None, [0.5], True, float("nan"), 1.5])
def test_a_score_that_is_no_number_has_no_table(score: Any) -> None:
    crash = {"error": "TypeError"}
    tables = {"per_skill_am_x100": crash, "per_atomicity_gm_x100": crash}
    assert outcome(whole_case(scores=[score]), **tables) is None


def test_an_unknown_skill_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="no skill 'style', only object, attribute, count, position, verb"):
        per_skill([Row(3, ("style",), (1.0,))])


def test_a_skill_without_atoms_has_no_row_upstream() -> None:
    rows = [Row(3, SKILLS[:4], (0.5,) * 4)]
    assert list(per_skill(rows)) == list(SKILLS[:4])
    with pytest.raises(InputError, match="no atom of the skill 'verb'"):
        whole_skills(rows)
