"""What a prompt wants to be written, and how near a reading comes to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.tasks.categories import chosen_categories
from selfreward_eval.tasks.written_text import is_written, likeness, nearest, plain, wanted_texts


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ("a poster with 'Explosive Creativity,' on it", ["Explosive Creativity"]),
        ('a sign that says "OPEN" beside one that says "24 hours".', ["OPEN", "24 hours"]),
        ("a cover titled “Don't Panic!”", ["Don't Panic!"]),
        ("'Keep Our Parks Clean' and 'Don't Litter'", ["Keep Our Parks Clean", "Don't Litter"]),
        ("the girls' team and Japan's economy", []),
        ("nothing between '' marks or '...'", []),
    ],
)
def test_texts_between_marks(prompt: str, texts: list[str]) -> None:
    assert wanted_texts(prompt) == texts


def test_case_spaces_marks_and_width_do_not_matter() -> None:
    assert plain("  Café – ＯＰＥＮ, 24 hours! ") == "caféopen24hours"
    assert is_written("GRAND\nOPENING - 24 HOURS", "Grand opening")
    assert not is_written("GRAND OPENlNG", "Grand opening")


def test_further_text_costs_edits_only_where_it_should() -> None:
    assert likeness("GRAND OPEN1NG today at nine", "opening") == 0
    assert nearest("GRAND OPEN1NG today at nine", "opening") == pytest.approx(6 / 7)


def test_nothing_read_is_nothing_like_it() -> None:
    assert (likeness("", "open"), nearest("", "open")) == (0, 0)


TEXTS = st.text("abcdef ", min_size=1, max_size=12).filter(plain)


@given(TEXTS, TEXTS)
def test_shares_lie_within_their_bounds(read: str, wanted: str) -> None:
    assert 0 <= likeness(read, wanted) <= nearest(read, wanted) <= 1
    assert (nearest(read, wanted) == 1) == is_written(read, wanted)


@given(TEXTS)
def test_a_text_is_like_itself(text: str) -> None:
    assert likeness(text, text) == 1


def test_a_text_without_letters_cannot_be_looked_for() -> None:
    with pytest.raises(ValueError, match="without letters"):
        likeness("open", "...")


def test_categories_keep_the_benchmarks_order() -> None:
    assert chosen_categories(["b", "a"], ("a", "b", "c"), "toy") == ("a", "b")
    assert chosen_categories("", ("a", "b"), "toy") == ("a", "b")
    with pytest.raises(UsageError, match="toy has no category 'd'; choose among a, b"):
        chosen_categories("a+d", ("a", "b"), "toy")
