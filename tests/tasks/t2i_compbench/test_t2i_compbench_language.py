"""Tokens, parts of speech and noun chunks by rule; every prompt here is invented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.tasks.t2i_compbench.facts import PromptFacts, read


def chunks(prompt: str) -> list[str]:
    return list(read(prompt, "complex").chunks)


def tags(prompt: str) -> dict[str, str]:
    return {word.text: word.pos for word in read(prompt, "complex").words}


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a violet kettle and an amber stool", ["a violet kettle", "an amber stool"]),
        ("woollen mittens and a tin mug", ["woollen mittens", "a tin mug"]),
        ("a black and white goat on a hill", ["a black and white goat", "a hill"]),
        ("A tall, narrow house stood near the river.", ["A tall, narrow house", "the river"]),
        ("The parrot sat on top of the crate.", ["The parrot", "top", "the crate"]),
        ("The mug was on the left of the tray.", ["The mug", "the left", "the tray"]),
        ("a wedge of lemon and a square tin", ["a wedge", "lemon", "a square tin"]),
        ("The copper pot and lid hold the noodles.", ["The copper pot", "lid", "the noodles"]),
        ("a ruby ring and a red orange", ["a ruby ring", "a red orange"]),
        ("The farmer's cart rolled down the lane.", ["The farmer's cart", "the lane"]),
        ("Birds sat on a moss covered wall.", ["Birds", "a moss covered wall"]),
        ("The crowd filled streets in the town.", ["The crowd", "streets", "the town"]),
        (
            "The sleek, grey hare leapt over the hedge, its long ears pointing at the sky.",
            ["The sleek, grey hare", "the hedge", "its long ears", "the sky"],
        ),
        ("The jars were the only things left on the shelf.", ["The jars", "the only things", "the shelf"]),
        ("She admired the red-tiled hall.", ["She", "the red-tiled hall"]),
        ("An iron watering can held a single daisy.", ["An iron watering can", "a single daisy"]),
        ("one crate blue and the other brown", ["one crate"]),
    ],
)
def test_noun_chunks(prompt: str, expected: list[str]) -> None:
    assert chunks(prompt) == expected


def test_words_are_tagged_by_their_place() -> None:
    seen = tags("The stand and lamp display a slice of cake beside the plain display .")
    assert (seen["stand"], seen["slice"], seen["cake"], seen["plain"]) == ("NOUN", "NOUN", "NOUN", "ADJ")
    assert [word.pos for word in read("the vase and lid display a fern", "complex").words][4] == "VERB"
    assert tags("the bright display")["display"] == "NOUN"


def test_a_colour_is_a_noun_where_nothing_else_is_the_head() -> None:
    assert [word.pos for word in read("an orange orange and a square plate", "complex").words] == [
        *("DET", "ADJ", "NOUN", "CCONJ"),
        *("DET", "ADJ", "NOUN"),
    ]


def test_hyphens_possessives_and_times_are_cut_as_spacy_cuts_them() -> None:
    assert read("The cook's rough-edged clock read 10:30.", "complex").tokens == (
        *("The", "cook", "'s", "rough", "-", "edged"),
        *("clock", "read", "10:30", "."),
    )


@pytest.mark.parametrize("prompt", ["", "   ", "!?", "🦆", "a", "the", "and", "-", "'s"])
def test_prompts_without_a_noun_have_no_chunk(prompt: str) -> None:
    assert chunks(prompt) == []


@given(st.text(max_size=80))
def test_any_text_can_be_read(prompt: str) -> None:
    facts = read(prompt, "complex")
    assert all(word.text in prompt and word.pos for word in facts.words)
    position = 0
    for chunk in facts.chunks:
        position = prompt.index(chunk, position) + len(chunk)


@given(st.text(max_size=40))
def test_facts_survive_their_record(prompt: str) -> None:
    facts = read(prompt, "complex", "spatial")
    assert PromptFacts.from_json("complex", prompt, facts.to_json()) == facts
