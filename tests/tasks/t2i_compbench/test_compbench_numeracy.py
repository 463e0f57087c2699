"""The official numeracy rule, faults included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.paths import DATA

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.tasks.t2i_compbench.numeracy import NOUNS, Wanted, numeracy, wanted, without_duplicates
from selfreward_eval.tasks.t2i_compbench.ruling import Ruling


def row(label: str, count: int, y: float = 0) -> list[Detection]:
    """``count`` objects side by side."""
    return [Detection(label, (50 * i, y, 50 * i + 40, y + 40), 0.9) for i in range(count)]


def judge(prompt: str, *rows: list[Detection]) -> Ruling:
    return numeracy(prompt.split(), [one for objects in rows for one in objects])


class TestWanted:
    @pytest.mark.parametrize(
        ("prompt", "objects", "counts"),
        [
            ("two dogs", ("dog",), (2,)),
            ("a dog , three mice and one person", ("dog", "mouse", "person"), (1, 3, 1)),
            ("two fish and a sheep", ("fish", "sheep"), (2, 1)),
            ("one dogs", ("dog",), (1,)),
            ("three camels shared a burger", ("camel",), (3,)),
            ("nine dogs and a cat", ("cat",), (1,)),
            ("a Dog and a cat", ("cat",), (1,)),
        ],
    )
    def test_a_number_in_front_of_a_known_noun(
        self, prompt: str, objects: tuple[str, ...], counts: tuple[int, ...]
    ) -> None:
        assert wanted(prompt.split()) == Wanted(objects, counts)

    def test_a_plural_behind_an_article_shifts_the_numbers(self) -> None:
        assert wanted(["a", "dogs", "and", "two", "cats"]) == Wanted(("dog", "cat"), (2,))

    @pytest.mark.parametrize(
        ("number", "noun", "expected"),
        [
            ("two", "traffic lights", Wanted(("traffic light",), (2,))),
            ("a", "traffic light", Wanted(("traffic light",), (1,))),
            ("two", "traffic light", Wanted(("traffic light",), (1,))),
            ("one", "traffic lights", Wanted(("traffic lights",), (1,))),
        ],
    )
    def test_nouns_of_two_words(self, number: str, noun: str, expected: Wanted) -> None:
        assert wanted([number, *noun.split()], [("traffic light", "traffic lights")]) == expected

    @pytest.mark.parametrize(
        ("prompt", "reason"),
        [
            ("two", "ends the prompt"),
            ("two dogs and a", "ends the prompt"),
            ("two dog", "finds no plural"),
            ("two unicorns", "names no object"),
            ("", "names no object"),
        ],
    )
    def test_where_upstream_crashes(self, prompt: str, reason: str) -> None:
        with pytest.raises(InputError, match=reason):
            wanted(prompt.split())


class TestScore:
    @pytest.mark.parametrize(("count", "score"), [(0, 0), (1, 0.5), (2, 1), (4, 0.5)])
    def test_half_for_being_there_half_for_the_number(self, count: int, score: float) -> None:
        assert judge("two dogs", row("dog", count)).score == score

    def test_objects_share_the_score(self) -> None:
        assert judge("two dogs and three cats", row("dog", 2), row("cat", 2, 100)).score == 0.75

    def test_everything_is_a_person(self) -> None:
        ruling = judge("a girl and two men", row("person", 3))
        assert ruling.score == 0.5
        assert ruling.reason == "girl: 1 wanted, 3 found; man: 2 wanted, 3 found"

    def test_a_carrot_is_a_car_where_there_is_no_car(self) -> None:
        assert judge("two cars", row("carrot", 2)).score == 1
        assert judge("two cars", row("carrot", 2), row("car", 1, 100)).score == 0.5

    def test_labels_once_renamed_stay_so(self) -> None:
        things = row("microphone", 1), row("mobile phone, cell phone", 2, 100)
        assert judge("two phones and one microphone", *things).score == 0.25
        assert judge("one microphone and two phones", *things).score == 0.75

    def test_duplicates_are_one(self) -> None:
        twice = row("dog", 1) * 2
        ruling = judge("two dogs", twice[:1], [Detection("dog", (1, 1, 40, 40), 0.5)])
        assert ruling.score == 0.5
        assert [(box["role"], box["kept"]) for box in ruling.boxes] == [
            ("counted", True),
            ("duplicate", False),
        ]

    def test_duplicates_of_another_label_are_two(self) -> None:
        assert len(without_duplicates([*row("dog", 1), *row("cat", 1)])) == 2

    @given(st.integers(0, 6), st.integers(0, 6))
    def test_a_score_is_right_only_for_the_right_numbers(self, dogs: int, cats: int) -> None:
        ruling = judge("two dogs and three cats", row("dog", dogs), row("cat", cats, 100))
        assert ruling.score is not None
        assert 0 <= ruling.score <= 1
        assert (ruling.score == 1) == ((dogs, cats) == (2, 3))


class TestNoScore:
    @pytest.mark.parametrize("prompt", ["two", "two dog", "two unicorns", ""])
    def test_a_prompt_that_upstream_cannot_read(self, prompt: str) -> None:
        assert judge(prompt, row("dog", 1)).score is None

    def test_a_number_that_upstream_lost(self) -> None:
        assert judge("a dogs", row("dog", 1)).score is None
        assert judge("a dogs", row("cat", 1)).score == 0

    def test_a_box_turned_inside_out(self) -> None:
        things = [Detection("cat", (10, 0, 9, 5), 0.9), *row("dog", 1)]
        assert numeracy(["two", "dogs"], things).score is None


def test_the_nouns_are_those_of_the_official_file() -> None:
    path = DATA / "t2i-compbench" / "examples" / "dataset" / "new_objects.txt"
    if not path.is_file():
        pytest.skip(f"no {path}: set SELFREWARD_DATA")
    lines = path.read_text(encoding="utf-8").splitlines()
    official = {tuple(part.strip().lower() for part in line.split(" - ")) for line in lines}
    assert set(NOUNS) == official
