"""Labels to phrases, and phrases to captions with the tokens of each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.backends.captions import Caption, TextRules, captions
from selfreward_eval.harness.instruments.backends.phrases import Template, phrases

PLAIN = Template.parse("{label}", "it")
SIGNS = {".": 1, "?": 2}


def tokenise(text: str) -> tuple[list[int], list[tuple[int, int]]]:
    """One token per word or sign, between two ends; words of capitals and digits are unknown (3)."""
    ids, offsets, start = [0], [(0, 0)], 0
    while start < len(text):
        end = start + 1
        if text[start] != " ":
            while text[start].isalnum() and end < len(text) and text[end].isalnum():
                end += 1
            word = text[start:end]
            ids.append(SIGNS.get(word, 10 if word.isalpha() else 3))
            offsets.append((start, end))
        start = end
    return [*ids, 0], [*offsets, (0, 0)]


def rules(limit: int = 100, per_caption: int | None = None) -> TextRules:
    return TextRules("it", tokenise, limit, frozenset(SIGNS.values()), 3, per_caption)


def test_labels_that_read_alike_are_one_phrase_with_every_spelling() -> None:
    assert phrases(["Dog", " teddy  bear", "dog", "Dog"], "it") == {
        "dog": ["Dog", "dog"],
        "teddy bear": [" teddy  bear"],
    }


@pytest.mark.parametrize("label", ["", "  ", "\n"])
def test_an_empty_label_is_named_by_its_place(label: str) -> None:
    with pytest.raises(UsageError, match="label 2 of 2"):
        phrases(["dog", label], "it")


def test_a_template_surrounds_the_label() -> None:
    assert Template.parse("A photo of a {label}!", "it").around("dog") == "a photo of a dog!"


@pytest.mark.parametrize("template", ["a photo", "{label} and {label}"])
def test_a_template_holds_the_label_once(template: str) -> None:
    with pytest.raises(UsageError, match=r"must hold \{label\} once"):
        Template.parse(template, "it")


def test_a_caption_parts_phrases_with_full_stops_and_knows_their_tokens() -> None:
    assert captions(["dog", "red frog"], PLAIN, rules()) == [
        Caption("dog. red frog.", (("dog", (1,)), ("red frog", (3, 4))))
    ]


def test_words_of_the_template_are_no_part_of_a_phrase() -> None:
    assert captions(["dog", "frog"], Template.parse("a {label} here", "it"), rules()) == [
        Caption("a dog here. a frog here.", (("dog", (2,)), ("frog", (6,))))
    ]


def test_a_phrase_may_hold_punctuation_that_parts_nothing() -> None:
    (caption,) = captions(["t-shirt", "dog's bowl"], PLAIN, rules())
    assert caption.spans == (("t-shirt", (1, 2, 3)), ("dog's bowl", (5, 6, 7, 8)))


def test_phrases_that_do_not_fit_go_on_in_the_next_caption() -> None:
    texts = [caption.text for caption in captions(["a", "b", "c d", "e"], PLAIN, rules(limit=6))]
    assert texts == ["a. b.", "c d.", "e."]


def test_a_caption_may_be_limited_to_some_phrases() -> None:
    texts = [caption.text for caption in captions(["a", "b", "c"], PLAIN, rules(per_caption=2))]
    assert texts == ["a. b.", "c."]


WORDED = st.from_regex(r"[abc]([abc '-]{0,10}[abc])?", fullmatch=True)


@given(st.lists(WORDED, min_size=1, unique=True), st.integers(20, 60))
def test_every_phrase_is_in_one_caption_in_order_and_none_is_too_long(wanted: list[str], limit: int) -> None:
    found = captions(wanted, PLAIN, rules(limit))
    assert [phrase for caption in found for phrase, _ in caption.spans] == wanted
    for caption in found:
        ids, offsets = tokenise(caption.text)
        assert len(ids) <= limit
        for phrase, span in caption.spans:
            assert caption.text[offsets[span[0]][0] : offsets[span[-1]][1]] == phrase


@pytest.mark.parametrize("label", ["st. bernard", "what?", "."])
def test_a_sign_that_ends_a_label_is_refused_by_name(label: str) -> None:
    with pytest.raises(UsageError, match=r"reads '\.' and '\?' as the end of a label") as caught:
        captions(["dog", label], PLAIN, rules())
    assert repr(label) in str(caught.value)


def test_a_label_without_a_known_word_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="'123': its vocabulary has no word of it"):
        captions(["dog", "123"], PLAIN, rules())


def test_a_label_of_which_some_words_are_known_is_read() -> None:
    assert captions(["dog 123"], PLAIN, rules())[0].spans == (("dog 123", (1, 2)),)


def test_a_label_longer_than_a_caption_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"'a a a a'\.\.\.: it takes 5 of the 4 tokens"):
        captions(["dog", "a a a a"], PLAIN, rules(limit=6))
