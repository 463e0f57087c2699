"""``key=value`` texts: quotes, JSON, dots, and the way back from arguments to text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.api.arguments import as_text, parse
from selfreward_eval.harness.errors import UsageError


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("", {}),
        ("a=1,b=x", {"a": 1, "b": "x"}),
        ('a="x,y",b=2', {"a": "x,y", "b": 2}),
        ("a='say \"hi\", twice'", {"a": 'say "hi", twice'}),
        ('a="7"', {"a": "7"}),
        ('t.x={"reply": "a,b", "seed": 1},u=2', {"t": {"x": {"reply": "a,b", "seed": 1}}, "u": 2}),
        ("a=[1, 2.5]", {"a": [1, 2.5]}),
        ("a=/data/x=y", {"a": "/data/x=y"}),
        ("detector.weights=a/b,detector=owlv2", {"detector": "owlv2", "detector_args": {"weights": "a/b"}}),
    ],
)  # fmt: skip
def test_texts_and_their_arguments(text: str, arguments: dict[str, Any]) -> None:
    assert parse(text, "--model-args") == arguments


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a=1,2", "'2' is not key=value; .* a value that holds a comma in quotes"),
        ("path='x", "the value of 'path' begins with a quote that is not closed"),
        ('path="x', "the value of 'path' begins like JSON and is none"),
        ("x={reply}", "the value of 'x' begins like JSON and is none .*put text in single quotes"),
        ('x="a"b', "the value of 'x' goes on behind its end: 'b'"),
        ("x=[NaN]", "the value of 'x' begins like JSON and is none .NaN is not a finite number"),
        ("x=[1e999]", "the value of 'x' begins like JSON and is none .1e999 is not a finite number"),
        ("x=" + "[" * 100_000, "the value of 'x' begins like JSON and is none"),
    ],
)
def test_a_damaged_text_is_refused_with_its_argument(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=f"^--model-args: {reason}"):
        parse(text, "--model-args")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text("abc_", min_size=1, max_size=4), _VALUES, max_size=4))
def test_any_arguments_have_a_text_that_gives_them_back(arguments: dict[str, Any]) -> None:
    assert parse(as_text(arguments), "") == arguments


def test_a_text_that_needs_no_quotes_has_none() -> None:
    text = "checkpoint=early,guidance=3,detector_args.weights=a/b c,lr=1e-3,name=007"
    assert as_text(parse(text, "")) == text
