"""What ``docs/comparing.md`` shows is what the commands say."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.paths import ROOT

PAGE = (ROOT / "docs" / "comparing.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^selfreward-eval (.+)$", PAGE, re.MULTILINE)


def test_the_example_of_power_is_its_output(command: Callable[..., Any]) -> None:
    (example,) = re.findall(r"```\n((?:sd .+\n)+)```", PAGE)
    assert example in command("power", "--benchmark", "geneval", "--effect", "0.05").out


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_that_is_shown_is_one(
    command: Callable[..., Any], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runs named on the page are not there, which is the only thing that may go wrong."""
    monkeypatch.chdir(tmp_path)
    result = command(*shlex.split(line))
    assert result.code in (0, 4), result.err
    if result.code:
        assert result.errors[0].startswith("error: no run folder at ")


def test_options_that_are_named_exist(command: Callable[..., Any]) -> None:
    offered = "".join(command(name, "--help").out for name in ("compare", "power", "calibrate"))
    named = set(re.findall(r"`(--[a-z-]+)", PAGE))
    assert named
    assert {option for option in named if option not in offered} == set()
