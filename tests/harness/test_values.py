"""What a written value means, and what the argument that takes it makes of it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.api.arguments import parse
from selfreward_eval.harness.errors import RunFolderError, UsageError
from selfreward_eval.harness.folders import RUN, require_same
from selfreward_eval.harness.registry import construct
from selfreward_eval.harness.values import fitted, read_value


def annotated(
    name: str = "",
    weights: str | Path | None = None,
    guidance: float = 1.0,
    rows: int = 4,
    filled: bool = True,
    either: float | str = 0.0,
    inner_args: Mapping[str, Any] | None = None,
    anything: Any = None,
) -> dict[str, Any]:
    return {key: value for key, value in locals().items() if value is not None}


def built(text: str) -> Any:
    """The first value of ``text`` as the function gets it."""
    arguments = parse(text, "--model-args")
    made = construct(annotated, arguments, "model 'x'", "--model-args")
    return made.get(next(iter(arguments)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("name=007", "007"),
        ("name=nan", "nan"),
        ("name=1e10", "1e10"),
        ("name=1.50", "1.50"),
        ("name=+5", "+5"),
        ("name=7", "7"),
        ("name=1_000", "1_000"),
        ('name="true"', "true"),
        ("weights=7", "7"),
        ("weights=none", None),
        ("guidance=3", 3),
        ("guidance=1.50", 1.5),
        ("guidance=1e-3", 0.001),
        ("rows=007", 7),
        ("filled=false", False),
        ("either=2", 2),
        ("anything=1e-3", 0.001),
    ],
)
def test_no_value_changes_its_kind_unnoticed(text: str, value: object) -> None:
    made = built(text)
    assert (made, type(made)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("guidance=big", "guidance=big is not a number"),
        ("guidance=nan", "guidance=nan is not a finite number"),
        ("guidance=true", "guidance=true is not a number"),
        ("guidance=none", "guidance=none is not a number"),
        ("rows=2.5", "rows=2.5 is not a whole number"),
        ("filled=yes", "filled=yes is neither true nor false"),
        ("name=true", "name=true is read as a truth value, and text is wanted; put it in quotes"),
        ("inner_args=3", "inner_args=3 is a value, and arguments are wanted"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_its_argument(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=f"^--model-args of model 'x': {reason}"):
        built(text)


def test_annotations_may_be_text() -> None:
    signature = inspect.Signature(
        [inspect.Parameter("size", inspect.Parameter.KEYWORD_ONLY, annotation="Optional[int]")]
    )
    assert fitted(signature, {"size": "08"}, "--x") == {"size": 8}
    assert fitted(signature, {"size": None}, "--x") == {"size": None}


@pytest.mark.parametrize("text", ["9" * 5000, "1e" + "9" * 400, "inf", "-Infinity"])
def test_what_is_no_finite_number_stays_text(text: str) -> None:
    assert read_value(text) == text


def test_a_name_that_was_recorded_as_a_number_is_still_the_same_run(tmp_path: Path) -> None:
    require_same(tmp_path, {"model": {"name": 7}}, {"model": {"name": "7"}}, RUN)
    with pytest.raises(RunFolderError, match=r"model\.name: 7 there, \"8\" here"):
        require_same(tmp_path, {"model": {"name": 7}}, {"model": {"name": "8"}}, RUN)


def test_an_instrument_s_value_is_refused_in_the_instrument_s_name() -> None:
    from selfreward_eval.harness.instruments.build import build

    with pytest.raises(UsageError, match=r"^instrument 'judge_openai': retries=many is not a whole number"):
        build("judge_openai", {"model": "m", "retries": "many"})
