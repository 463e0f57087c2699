"""The tokenizer: one token per word, and a token for every word of the world."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from selfreward_eval.tasks.shapes.language import DESCRIBE, QUESTION_KINDS, WHICH_PROMPT, ask, caption
from selfreward_eval.tasks.shapes.requests import TAGS, all_requests, evaluation, training_sentences
from selfreward_eval.tasks.shapes.sampling import KINDS
from selfreward_eval.tasks.shapes.vocabulary import COLOURS, FORMS, NUMBERS, TEXTURES, plural
from selfreward_eval.trainers.pretrain import tokenizer
from selfreward_eval.trainers.pretrain.tokenizer import SIZE, SPECIAL, special_ids

ASKED_ABOUT = ("plain", "counted", "textured", "lettered", "sized")


def ids(words: Any, text: str) -> list[int]:
    found: list[int] = words(text, add_special_tokens=False)["input_ids"]
    return found


def unknown(words: Any, texts: list[str]) -> list[str]:
    rows = words(texts, add_special_tokens=False)["input_ids"]
    return [text for text, row in zip(texts, rows, strict=True) if words.unk_token_id in row]


def test_every_prompt_is_known(words: Any) -> None:
    prompts = [s for tag in TAGS for request in all_requests(tag) for s in training_sentences(request)]
    prompts += [sentence for sentence, _ in evaluation()]
    assert len(prompts) > 5000
    assert unknown(words, prompts) == []


def test_every_question_answer_and_caption_is_known(words: Any) -> None:
    texts = {DESCRIBE, WHICH_PROMPT}
    for seed in range(400):
        rng = np.random.default_rng(seed)
        scene = KINDS[ASKED_ABOUT[seed % 5]](rng)
        texts.add(caption(scene))
        for kind in QUESTION_KINDS:
            question = ask(rng, scene, kind)
            if question is not None:
                texts |= {question.text, question.answer}
    assert len(texts) > 800
    assert unknown(words, sorted(texts)) == []


def test_every_word_of_the_vocabulary_is_one_token(words: Any) -> None:
    for word in (*COLOURS, *TEXTURES, *NUMBERS, *FORMS[:8], *map(plural, FORMS[:8])):
        assert len(ids(words, word)) == 1, word
    assert len(ids(words, "letter A")) == 2


def test_text_comes_back_as_it_went_in(words: Any) -> None:
    for text in (
        "a red star left of a blue ring",
        "two red stars, a ring and a heart",
        "what colour is the star?",
        "describe the picture.",
        "is there an orange circle?",
    ):
        assert words.decode(ids(words, text)) == text


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("what color is the star?", "what colour is the star?"),
        ("Colors", "colours"),
        ("A RED Star", "a red star"),
        ("a  red\nstar ", "a red star"),
        ("star?", "star ?"),
        ("letter A", "letter a"),
    ],
)
def test_spelling_that_makes_no_difference(text: str, same_as: str, words: Any) -> None:
    assert ids(words, text) == ids(words, same_as)


def test_a_word_with_color_inside_is_another_word(words: Any) -> None:
    assert ids(words, "colorful") == [words.unk_token_id]


def test_words_that_the_world_lacks_are_unknown_one_by_one(words: Any) -> None:
    assert words.convert_ids_to_tokens(ids(words, "a photo of a toaster")) == [
        "a",
        "<unk>",
        "of",
        "a",
        "<unk>",
    ]
    assert ids(words, "ünïcödé") == [words.unk_token_id]
    assert ids(words, "") == []


def test_the_vocabulary_is_full_and_each_word_stands_once(words: Any) -> None:
    assert len(words) == SIZE
    assert len(set(words.convert_ids_to_tokens(range(SIZE)))) == SIZE
    assert SIZE - len(SPECIAL) - len(tokenizer.words()) > 0  # room for later words


def test_the_ids_of_known_words_never_move(words: Any) -> None:
    """A shipped checkpoint has learnt them."""
    assert words.convert_ids_to_tokens(range(len(SPECIAL))) == list(SPECIAL)
    assert special_ids() == {
        "pad": 0, "bos": 1, "eos": 2, "user": 4, "assistant": 5, "boi": 6, "eoi": 7, "image": 8
    }  # fmt: skip
    learnt = {
        "a": 9,
        "describe": 33,
        "which": 35,
        "star": 41,
        "circles": 46,
        "red": 59,
        "zero": 71,
        "below": 80,
    }
    assert {word: ids(words, word)[0] for word in learnt} == learnt


def test_special_tokens_are_never_split(words: Any) -> None:
    assert ids(words, "<|User|>a<begin_of_image>") == [
        special_ids()["user"], *ids(words, "a"), special_ids()["boi"]
    ]  # fmt: skip


def test_a_text_begins_with_bos(words: Any) -> None:
    assert words("a star")["input_ids"][0] == words.bos_token_id
