"""The official verdict, clause by clause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.tasks.geneval.options import OFFICIAL
from selfreward_eval.tasks.geneval.scoring import Decision, evaluate, keep


def cup(x: float = 0, score: float = 0.95, label: str = "cup", colour: str = "red") -> Detection:
    """A 50-pixel object at ``x``, of a colour that only the test knows."""
    return Detection(label, (x, 0, x + 50, 50), score, attributes={"colour": colour})


def read(_: str, objects: Sequence[Detection]) -> list[str]:
    """A colour classifier that is always right."""
    return [thing.attributes["colour"] for thing in objects if thing.attributes]


def judge(things: Sequence[Detection], *include: dict[str, Any], tag: str = "custom", **row: Any) -> Decision:
    """The verdict on a picture that shows ``things``."""
    groups: dict[str, list[Detection]] = {}
    for thing in things:
        groups.setdefault(thing.label, []).append(thing)
    return evaluate({"tag": tag, "prompt": "a test", "include": list(include), **row}, groups, read)


def one(label: str, count: int = 1, **more: Any) -> dict[str, Any]:
    return {"class": label, "count": count, **more}


class TestKeep:
    def test_a_score_of_exactly_the_threshold_does_not_count(self) -> None:
        assert keep([cup(score=float(np.float32(0.3)))], 0.3) == []

    def test_the_next_larger_score_counts(self) -> None:
        above = float(np.nextafter(np.float32(0.3), np.float32(1)))
        assert len(keep([cup(score=above)], 0.3)) == 1

    def test_of_equal_scores_the_later_comes_first(self) -> None:
        assert [thing.box[0] for thing in keep([cup(0), cup(60), cup(120)], 0.3)] == [120, 60, 0]

    def test_at_most_sixteen_count(self) -> None:
        assert len(keep([cup(i, 0.5 + i / 100) for i in range(20)], 0.3)) == 16

    def test_duplicates_count_twice_by_default(self) -> None:
        assert len(keep([cup(0, 0.95), cup(1, 0.94)], 0.3)) == 2

    def test_duplicates_are_removed_when_asked(self) -> None:
        pairs = [cup(0, 0.94), cup(1, 0.95), cup(100, 0.5)]
        kept = keep(pairs, 0.3, replace(OFFICIAL, max_overlap=0.5))
        assert [thing.score for thing in kept] == [0.95, 0.5]

    @given(st.lists(st.integers(0, 100), max_size=30), st.integers(0, 100))
    def test_what_counts_is_above_the_threshold_and_sorted(self, scores: list[int], threshold: int) -> None:
        kept = [thing.score for thing in keep([cup(score=s / 100) for s in scores], threshold / 100)]
        assert kept == sorted(kept, reverse=True)
        assert len(kept) == min(16, sum(s > threshold for s in scores))


class TestCounts:
    def test_the_object_is_there(self) -> None:
        assert judge([cup()], one("cup")) == Decision(True, "", {"cup": [cup()]}, {}, 0)

    def test_nothing_is_there(self) -> None:
        verdict = judge([], one("cup"), one("dog"))
        assert not verdict.correct
        assert verdict.reason == "expected cup>=1, found 0\nexpected dog>=1, found 0"

    def test_a_surplus_shows_in_the_exclude_clause(self) -> None:
        verdict = judge([cup(0), cup(60), cup(120)], one("cup", 2), exclude=[one("cup", 3)])
        assert verdict.reason == "expected cup<3, found 3"

    def test_counting_has_a_higher_threshold(self) -> None:
        things = [cup(0, 0.95), cup(60, 0.89)]
        assert judge(things, one("cup", 2), tag="two_object").correct
        assert judge(things, one("cup", 2), tag="counting").reason == "expected cup>=2, found 1"

    def test_a_row_without_clauses_holds(self) -> None:
        assert judge([]).correct


class TestColours:
    def test_only_the_best_object_is_looked_at(self) -> None:
        verdict = judge([cup(0, 0.9, colour="green"), cup(60, 0.8)], one("cup", color="red"))
        assert verdict.reason == "expected red cup>=1, found 0 red; and 1 green"
        assert verdict.classified == 1
        assert verdict.colours == {"cup": ["green"]}

    def test_colours_are_listed_in_official_order(self) -> None:
        things = [cup(0, colour="white"), cup(60, colour="red"), cup(120, colour="blue")]
        verdict = judge(things, one("cup", 3, color="red"))
        assert verdict.reason == "expected red cup>=3, found 1 red; and 1 red, 1 blue, 1 white"

    def test_too_few_objects_are_not_classified(self) -> None:
        verdict = judge([cup()], one("cup", 2, color="red"))
        assert (verdict.reason, verdict.classified) == ("expected cup>=2, found 1", 0)


class TestPositions:
    BESIDE = one("book", position=["right of", 0])

    def test_the_relation_holds(self) -> None:
        assert judge([cup(0), cup(200, label="book")], one("cup"), self.BESIDE).correct

    def test_another_relation_holds(self) -> None:
        verdict = judge([cup(200), cup(0, label="book")], one("cup"), self.BESIDE)
        assert verdict.reason == "expected book right of target, found left of target"

    def test_no_relation_leaves_a_gap_in_the_reason(self) -> None:
        verdict = judge([cup(0), cup(0, label="book")], one("cup"), self.BESIDE)
        assert verdict.reason == "expected book right of target, found  target"

    def test_the_target_is_missing(self) -> None:
        verdict = judge([cup(label="book")], one("cup"), self.BESIDE)
        assert verdict.reason == "expected cup>=1, found 0\nno target for book to be right of"

    def test_a_target_of_the_wrong_colour_is_no_target(self) -> None:
        things = [cup(0, colour="green"), cup(200, label="book")]
        verdict = judge(things, one("cup", color="red"), self.BESIDE)
        assert verdict.reason.endswith("no target for book to be right of")

    def test_every_pair_must_hold(self) -> None:
        things = [cup(0, 0.9), cup(400, 0.8), cup(200, label="book")]
        assert not judge(things, one("cup", 2), self.BESIDE).correct

    def test_a_wrong_colour_is_reported_before_the_position(self) -> None:
        both = one("book", color="blue", position=["right of", 0])
        verdict = judge([cup(200), cup(0, label="book")], one("cup"), both)
        assert verdict.reason == "expected blue book>=1, found 0 blue; and 1 red"


class TestDamagedRows:
    @pytest.mark.parametrize(
        ("row", "lack"),
        [
            ({"prompt": "p", "include": [one("cup")]}, "'tag'"),
            ({"tag": "custom", "prompt": "p", "include": [{"class": "cup"}]}, "'count'"),
            ({"tag": "custom", "prompt": "p", "exclude": [{"count": 1}]}, "'class'"),
        ],
    )
    def test_a_missing_key_is_named(self, row: dict[str, Any], lack: str) -> None:
        with pytest.raises(InputError, match=f"the row 'p' lacks {lack}"):
            evaluate(row, {}, read)

    def test_a_position_must_point_at_an_earlier_clause(self) -> None:
        with pytest.raises(InputError, match="earlier include clause"):
            judge([cup()], one("cup", position=["above", 0]))

    @pytest.mark.parametrize(
        "position", [None, [], ["above"], ["above", "0"], ["above", 0, 1], [["above"], 0], "above"]
    )
    def test_a_position_is_a_relation_and_a_number(self, position: Any) -> None:
        with pytest.raises(InputError, match="does not name a relation"):
            judge([cup(), cup(label="book")], one("cup"), one("book", position=position))

    @pytest.mark.parametrize("part", ["include", "exclude"])
    @pytest.mark.parametrize("clauses", [None, "cup", {"class": "cup", "count": 1}, 3])
    def test_clauses_are_a_list(self, part: str, clauses: Any) -> None:
        with pytest.raises(InputError, match="no list of clauses"):
            evaluate({"tag": "custom", "prompt": "p", part: clauses}, {}, read)

    @pytest.mark.parametrize("part", ["include", "exclude"])
    @pytest.mark.parametrize(
        "clause",
        [
            "cup",
            None,
            {"class": "cup", "count": "1"},
            {"class": "cup", "count": None},
            {"class": "cup", "count": 1.0},
            {"class": ["cup"], "count": 1},
        ],
    )
    def test_a_clause_names_a_class_and_a_number(self, part: str, clause: Any) -> None:
        with pytest.raises(InputError):
            evaluate({"tag": "custom", "prompt": "p", part: [clause]}, {"cup": [cup()]}, read)

    @pytest.mark.parametrize("count", [0, -1])
    def test_no_picture_lacks_no_object(self, count: int) -> None:
        """Upstream fails on the picture that shows none of the class."""
        with pytest.raises(InputError, match="which no picture can lack"):
            judge([], exclude=[one("cup", count)])

    @pytest.mark.parametrize("row", [None, [], "cup"])
    def test_a_row_is_an_object(self, row: Any) -> None:
        with pytest.raises(InputError, match="no row"):
            evaluate(row, {}, read)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 100)), max_size=8, unique_by=lambda p: p[1]))
def test_the_order_of_candidates_changes_nothing_without_ties(pairs: list[tuple[int, int]]) -> None:
    things = [cup(x, score / 100) for x, score in pairs]
    clauses = (one("cup", 2, color="red"),)
    assert judge(things, *clauses) == judge(things[::-1], *clauses)
