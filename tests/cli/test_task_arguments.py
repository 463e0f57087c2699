"""``--task-args``: what goes to every task, and what to one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.api.arguments import parse, per_task
from selfreward_eval.harness.errors import UsageError


def own(text: str, *tasks: str) -> dict[str, dict[str, Any]]:
    return per_task(parse(text, "--task-args"), tasks, "--task-args")


def test_arguments_without_a_task_go_to_all() -> None:
    assert own("limit=3", "a", "b") == {"a": {"limit": 3}, "b": {"limit": 3}}


def test_a_task_s_own_arguments_go_to_it_alone() -> None:
    assert own("a.detector=owlv2,b.detector=x", "a", "b") == {
        "a": {"detector": "owlv2"},
        "b": {"detector": "x"},
    }


def test_its_own_arguments_win() -> None:
    assert own("a.facts=spacy,facts=shipped", "a", "b") == {
        "a": {"facts": "spacy"},
        "b": {"facts": "shipped"},
    }


def test_nested_arguments_stay_nested() -> None:
    assert own("a.detector_args.floor=0.1,vqa_args.image_size=480", "a") == {
        "a": {"detector_args": {"floor": 0.1}, "vqa_args": {"image_size": 480}}
    }


def test_no_arguments_are_none() -> None:
    assert own("", "a", "b") == {"a": {}, "b": {}}


def test_a_task_takes_arguments_and_no_value() -> None:
    with pytest.raises(
        UsageError, match=r"'a' is a task and takes arguments, got 3; write --task-args a\.key"
    ):
        own("a=3", "a")


def test_an_argument_that_a_task_lacks_is_named_with_the_option(
    command: Callable[..., Any], tmp_path: Path
) -> None:
    for text in ("shapes_geneval.detector=owlv2", "detector=owlv2"):
        result = command("run", "--model", "dummy", "--task-args", text, "-o", tmp_path)
        assert result.code == 2
        (line,) = result.errors
        assert "task 'shapes_geneval'" in line
        assert "'detector'" in line
        assert "--task-args takes" in line


def test_arguments_of_a_task_that_is_not_run_are_refused(command: Callable[..., Any], tmp_path: Path) -> None:
    result = command("run", "--model", "dummy", "--task-args", "geneval.detector=x", "-o", tmp_path)
    assert result.code == 2
    assert "'geneval'" in result.errors[0]


def test_a_misspelt_task_is_found(command: Callable[..., Any], tmp_path: Path) -> None:
    options = ("--model", "dummy", "--tasks", "shapes_t2i_reasonbench", "-o", tmp_path)
    result = command("run", *options, "--task-args", "shapes_t2i_reasonbenc.parser=strict")
    assert result.code == 2
    assert result.errors == [
        "error: --task-args: 'shapes_t2i_reasonbenc' is none of the tasks; did you mean "
        "shapes_t2i_reasonbench?"
    ]
