"""Inputs for parsers: what their texts are made of, random ones, and long ones made to be slow."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fuzzed.readers import Read


@dataclass(frozen=True)
class Parser:
    """One parser under test.

    Attributes:
        load: imports it and gives the function that reads.
        sound: replies that are mutated.
        pieces: texts that inputs are put together from, and that long inputs repeat.
        heads: what long inputs begin with.
    """

    load: Callable[[], Read]
    sound: tuple[str, ...]
    pieces: tuple[str, ...]
    heads: tuple[str, ...] = ("",)


COMMON = (
    *(" ", "\n", "\t", "\x0b", "\u2028", "\u00a0", "\x00", "\ud83d", "é", "a", "x "),
    *(
        "0",
        "1",
        "9",
        "8.5",
        "1e2",
        "-0",
        "-",
        "+",
        ".",
        ",",
        ";",
        ":",
        "/",
        "/10",
        "%",
        "85,5",
        "1,000",
        "1/2",
    ),
    *('"', "'", "*", "`", "_", "#", "(", "[", "]", "{", "}", "{{", "\\", "NaN", "Infinity", "null", "true"),
    *(
        "<think>",
        "</think>",
        "<THINK>",
        "</thinking>",
        "[/THINK]",
        "<|channel|>final<|message|>",
        "<",
        "eight",
    ),
)


SCORE_PIECES = (
    '"score"',
    '"score":',
    '{"score": ',
    '{"a": ',
    '{"a',
    '"reason": ["',
    "}",
    "]",
    "[1, 0.5]",
    "```json\n",
)
REVIEWS = ("8 7\nBoth are fine.", "**8, 7**\nfine", "Scores: 8/10 7/10", "Assistant 1: 8, Assistant 2: 7.")
SCORED = ('{"score": 85, "explanation": "ok"}', '```json\n{\n "score": "60",\n "why": "two"\n}\n```')
LISTS = ('{"reason": ["a", "b"], "score": [1, 0.5]}', 'Sure: {"answer": {"score": ["1", "0"]}} bye')
REGION = (
    "Region ID: 1\nIdentified Object: a dog.\nScore: 0.95\n\n"
    "Region ID: 2\nIdentified Object: a tree\nScore: -0.2\n"
)
SRUM = (
    "Region ID: ",
    "region",
    "Identified Object: ",
    "identified ",
    "Score: ",
    "score",
    "Score: 0.5",
    "out of ",
    "**",
)
CHAT = json.dumps(
    {
        "choices": [{"message": {"content": "8 7", "refusal": None}, "finish_reason": "length"}],
        "model": "m",
        "usage": {"total_tokens": 10, "sk-secret-0123": 1, "details": {"cached": 3}},
        "system_fingerprint": "sk-secret-0123",
    }
)
WIRE = (
    '"content": ',
    '"usage": ',
    '"error": {',
    '"message": ',
    "[{",
    "}]",
    "\\ud83d",
    "sk-secret-0123",
    "1" * 400,
    "[" * 50,
)
DATES = ("Wed, 01 Jan 2025 12:00:30 GMT", "12", "Wed, 01 Jan 99999 12:00:00 +9999", "1e400")
POLICY = 'alpha = 0.05\n[sequential] # x\nbatch = 10\n[[rule]]\ntask = "a"\n"b.c".d = """\n[x]\n"""\n'
COMPARED = (
    "[Context]\nstriped red star, large: [0.02, 0.02, 0.31, 0.31]\n\n[Question]\nwhat colour is the star?\n\n"
    "[Assistant 1]\nred\n\n[End of Assistant 1]\n\n[Assistant 2]\nblue\n\n[End of Assistant 2]"
)
ASKED = (
    "is the red star left of the ring?",
    "Is the star above the ring?",
    "are there more stars than rings?",
)
ASKED_PIECES = (
    "is the ",
    " left of the ",
    " than ",
    "Is the ",
    " above the ",
    "red ",
    "star",
    "?",
    " and the ",
)


REPEATED = (*" \n\t019.-,:/*\"'`_#[{}<", "</think>", "<think>", "x ")
"""Of long inputs: what patterns repeat."""


def random_inputs(parser: Parser, count: int, seed: int) -> Iterator[str]:
    """Random inputs: pieces put together, and sound replies with some inserted, doubled, taken out or cut."""
    rng = random.Random(seed)
    pieces = (*parser.pieces, *COMMON)
    for _ in range(count):
        if rng.random() < 0.4:
            yield "".join(rng.choices(pieces, k=rng.randrange(12)))
            continue
        text = rng.choice(parser.sound)
        for _ in range(rng.randrange(4)):
            start = rng.randrange(len(text) + 1)
            end = min(len(text), start + rng.randrange(8))
            middle = rng.choice(("", text[start:end] * 2, rng.choice(pieces), rng.choice(pieces)))
            text = text[:start] if rng.random() < 0.15 else text[:start] + middle + text[end:]
        yield text


def long_inputs(parser: Parser, length: int) -> Iterator[tuple[str, str]]:
    """(description, text) of texts of about ``length`` characters, each of one piece over and over."""
    for piece in dict.fromkeys((*parser.pieces, *REPEATED)):
        for head in parser.heads:
            yield f"{head!r} + {piece!r} * n", head + piece * (length // len(piece)) + "x"
    for text in parser.sound:
        yield f"{text!r} * n", text * (length // len(text))
