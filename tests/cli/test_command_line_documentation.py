"""What ``docs/command-line.md`` shows: its commands have the options, and its file is one."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from support.paths import ROOT

from selfreward_eval.api.arguments import parse
from selfreward_eval.cli.config.schema import checked
from selfreward_eval.cli.config.yaml_text import read_yaml
from selfreward_eval.cli.main import app

PAGE = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^selfreward-eval (.+)$", PAGE, re.MULTILINE)


def of(name: str) -> Any:
    """A command as Typer made it."""
    group: Any = typer.main.get_command(app)
    return group.commands[name]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_has_its_options(line: str) -> None:
    name, *words = shlex.split(line, comments=True)
    options = {word for option in of(name).params for word in option.opts}
    assert {word for word in words if word.startswith("-")} <= options
    for option, value in pairwise(words):
        if option.endswith("-args"):
            assert parse(value, option)


def test_the_file_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.+?)```", PAGE, re.DOTALL)
    path = tmp_path / "run.yaml"
    path.write_text(text, encoding="utf-8")
    given = checked(read_yaml(path), of("run"), "run")
    assert given["tasks"] == "geneval,t2i_reasonbench"
    assert parse(given["task_args"], "")["t2i_reasonbench"]["judge_args"]["model"] == "my-model"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('name="a,b"', "a,b"),
        ("name='a,b'", "a,b"),
        ('x={"reply": "a,b"}', {"reply": "a,b"}),
        ("x=none", None),
    ],
)
def test_values_mean_what_the_table_says(text: str, value: object) -> None:
    assert list(parse(text, "").values()) == [value]
