"""The official 2D rule, faults included."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.harness.records import Status
from selfreward_eval.tasks.t2i_compbench.planar import (
    RELATIONS,
    around_prepositions,
    position,
    relation,
    spatial,
)
from selfreward_eval.tasks.t2i_compbench.ruling import Ruling, in_picture
from selfreward_eval.tasks.t2i_compbench.words import Tagged, first_and_last_noun, tagged, without_adjectives

LEFT, RIGHT = (20.0, 150.0, 120.0, 300.0), (300.0, 150.0, 400.0, 300.0)
NOUNS = {"dog", "frog", "vase", "chair", "girl", "man", "rack", "coat"}


def tag(prompt: str, nouns: Sequence[str] = (), names: Sequence[str] = ()) -> tuple[Tagged, ...]:
    """Tokens of a prompt; a few known nouns, and whatever the test adds."""
    known = NOUNS | set(nouns)
    texts = prompt.split()
    return tagged(texts, ["NOUN" if t in known else "PROPN" if t in names else "X" for t in texts])


def judge(prompt: str, *things: tuple[str, tuple[float, ...], float], **options: bool) -> Ruling:
    found = [Detection(label, box, score) for label, box, score in things]  # type: ignore[arg-type]
    return spatial(prompt, tag(prompt), found, **options)


class TestRelation:
    @pytest.mark.parametrize(
        ("prompt", "wording"),
        [
            ("a dog on the left of a frog", "on the left of"),
            ("a dog on top of a frog", "on top of"),
            ("a dog near a frog on side of a vase", "on side of"),
            ("a dog and a frog nearby", "near"),
            ("a dog beside a frog", None),
        ],
    )
    def test_the_first_of_the_list_that_is_part_of_the_prompt(self, prompt: str, wording: str | None) -> None:
        assert relation(prompt) == wording


class TestPosition:
    @pytest.mark.parametrize(
        ("wording", "holds"),
        [("on the left of", 1), ("on the right of", 0), ("on the top of", 0), ("on top of", 0), (None, 0)],
    )
    def test_a_box_left_of_another(self, wording: str | None, holds: float) -> None:
        assert position(wording, LEFT, RIGHT) == holds

    def test_below_is_larger_y(self) -> None:
        assert position("on the bottom of", (0, 300, 50, 350), (0, 0, 50, 50)) == 1

    def test_a_diagonal_is_no_direction(self) -> None:
        assert position("on the left of", (0, 0, 10, 10), (100, 100, 110, 110)) == 0

    def test_overlap_costs(self) -> None:
        assert position("on the left of", (200, 200, 260, 260), (230, 210, 290, 270)) == pytest.approx(0.38)

    @pytest.mark.parametrize(("gap", "score"), [(149, 1), (150, 1), (200, 0.75), (300, 0.5)])
    def test_neighbours_may_be_150_pixels_apart(self, gap: float, score: float) -> None:
        assert position("near", (0, 0, 10, 10), (gap, gap, gap + 10, gap + 10)) == score

    def test_neighbours_may_be_far_apart_along_one_axis(self) -> None:
        assert position("near", (0, 0, 10, 10), (400, 0, 410, 10)) == 1

    def test_boxes_without_area_fail_whatever_the_wording(self) -> None:
        with pytest.raises(InputError, match="no area"):
            position("near", (1, 1, 1, 1), (5, 5, 5, 5))

    @given(
        st.sampled_from(RELATIONS),
        *[st.tuples(*[st.integers(0, 200), st.integers(0, 200), st.integers(1, 200), st.integers(1, 200)])]
        * 2,
    )
    def test_a_position_scores_between_nothing_and_one(
        self, wording: str, a: tuple[int, ...], b: tuple[int, ...]
    ) -> None:
        boxes = [(x, y, x + w, y + h) for x, y, w, h in (a, b)]
        assert 0 <= position(wording, *boxes) <= 1


class TestSimplePrompts:
    PROMPT = "a dog on the left of a frog"

    def test_both_objects_in_place(self) -> None:
        ruling = judge(self.PROMPT, ("dog", LEFT, 0.9), ("frog", RIGHT, 0.8))
        assert ruling.score == pytest.approx(0.925)
        assert ruling.rule == "both objects"
        assert [(box["label"], box["role"]) for box in ruling.boxes] == [("dog", "first"), ("frog", "second")]

    def test_less_than_one_half_becomes_nothing_and_says_so(self) -> None:
        ruling = judge(self.PROMPT, ("dog", RIGHT, 0.9), ("frog", LEFT, 0.8))
        assert ruling.score == 0
        assert ruling.reason == "dog on the left of frog: position 0; 0.425 is below 0.5 and becomes 0"

    def test_two_certain_objects_in_the_wrong_place_survive_the_cut(self) -> None:
        assert judge(self.PROMPT, ("dog", RIGHT, 1.0), ("frog", LEFT, 1.0)).score == 0.5

    def test_one_object(self) -> None:
        ruling = judge(self.PROMPT, ("frog", LEFT, 0.9))
        assert (ruling.score, ruling.rule, ruling.reason) == (
            0,
            "one object",
            "dog on the left of frog: not seen: dog; 0.225 is below 0.5 and becomes 0",
        )

    def test_nothing_detected(self) -> None:
        assert (judge(self.PROMPT).score, judge(self.PROMPT).rule) == (0, "no object")

    def test_a_label_must_equal_the_noun(self) -> None:
        assert judge(self.PROMPT, ("hot dog", LEFT, 0.9), ("frog", RIGHT, 0.9)).rule == "one object"

    def test_of_equal_labels_the_first_given_counts(self) -> None:
        wrong, right = ("dog", RIGHT, 0.6), ("dog", LEFT, 0.7)
        frog = ("frog", RIGHT, 0.8)
        assert judge(self.PROMPT, wrong, right, frog).score == 0
        assert judge(self.PROMPT, right, wrong, frog).score == pytest.approx(0.875)

    def test_two_persons_are_one_box(self) -> None:
        ruling = judge("a girl on the left of a man", ("person", LEFT, 1.0), ("person", RIGHT, 0.9))
        assert [box["box"] for box in ruling.boxes] == [list(LEFT), list(LEFT)]
        assert ruling.score == 0.5

    def test_scores_count_as_float32(self) -> None:
        ruling = judge("a dog near a frog", ("dog", LEFT, 0.9), ("frog", RIGHT, 0.9))
        assert ruling.score == 0.949999988079071


class TestComplexPrompts:
    def test_objects_stand_around_the_preposition(self) -> None:
        words = tag("The big dog was next to the green vase .")
        assert around_prepositions(words) == ("dog", "vase")

    def test_the_first_noun_behind_counts_even_in_a_compound(self) -> None:
        assert around_prepositions(tag("The dog was on top of the coat rack")) == ("dog", "coat")

    def test_every_preposition_adds_its_objects(self) -> None:
        words = tag("The dog next to the vase near the chair")
        assert around_prepositions(words) == ("dog", "vase", "vase", "chair")

    def test_a_name_behind_counts_where_something_follows_it(self) -> None:
        assert around_prepositions(tag("The dog near Rex Bob .", names=("Rex", "Bob"))) == ("dog", "Bob")
        assert around_prepositions(tag("The dog near Rex Bob", names=("Rex", "Bob"))) == ("dog",)

    def test_a_preposition_at_the_end_has_nothing_behind(self) -> None:
        assert around_prepositions(tag("The dog near")) == ("dog",)

    def test_prepositions_are_whole_tokens_in_lower_case(self) -> None:
        assert around_prepositions(tag("Near the dog nearby the vase")) == ()

    def test_other_than_two_objects_score_nothing(self) -> None:
        ruling = judge("The dog next to the vase near the chair", complex_prompt=True)
        assert (ruling.score, ruling.rule) == (0, "no two objects")
        assert ruling.reason == "4 objects around prepositions (dog, vase, vase, chair), not two"

    def test_on_top_of_is_found_and_never_holds(self) -> None:
        above, below = (100.0, 20.0, 200.0, 80.0), (90.0, 90.0, 220.0, 400.0)
        ruling = judge(
            "The dog on top of the vase", ("dog", above, 0.9), ("vase", below, 0.9), complex_prompt=True
        )
        assert (ruling.score, ruling.numbers["position"]) == (0, 0)

    def test_a_prompt_without_noun_is_no_crash_here(self) -> None:
        assert judge("nothing near nothing", complex_prompt=True).score == 0


class TestWhereUpstreamCrashes:
    def test_a_prompt_without_noun_has_no_score(self) -> None:
        ruling = judge("nothing near nothing")
        assert ruling.score is None
        assert "has no noun" in ruling.reason

    def test_boxes_without_area_have_no_score(self) -> None:
        flat = (5.0, 5.0, 5.0, 5.0)
        assert judge("a dog near a frog", ("dog", flat, 0.9), ("frog", flat, 0.9)).score is None

    def test_one_flat_box_is_none_of_the_matter(self) -> None:
        assert judge("a dog near a frog", ("dog", (5.0, 5.0, 5.0, 5.0), 0.9)).score == 0

    def test_it_becomes_a_status(self) -> None:
        measurement = judge("nothing near nothing").measurement("score")
        assert (measurement.status, measurement.values) == (Status.MEASUREMENT_ERROR, {})


def test_evidence_is_json_and_can_be_moved_into_the_picture() -> None:
    ruling = judge("a dog near a frog", ("dog", LEFT, 0.9))
    assert json.loads(json.dumps(ruling.evidence())) == ruling.evidence()
    assert in_picture(ruling.boxes, 2, 3)[0]["box"] == [40, 450, 240, 900]


def test_the_first_and_the_last_noun() -> None:
    assert first_and_last_noun(tag("a dog on side of a vase", nouns=("side",))) == ("dog", "vase")
    assert first_and_last_noun(tag("a dog")) == ("dog", "dog")


def test_adjectives_are_left_out_of_the_text_for_clip() -> None:
    words = tagged(["The", "red", "hat", "."], ["DET", "ADJ", "NOUN", "PUNCT"])
    assert without_adjectives(words) == "The hat ."


def test_as_many_tags_as_tokens() -> None:
    with pytest.raises(InputError, match="2 tokens have 1 parts of speech"):
        tagged(["a", "dog"], ["DET"])
