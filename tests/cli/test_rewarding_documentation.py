"""What ``docs/rewarding.md`` shows are commands, and the numbers are those of the table beside them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.paths import ROOT

DOCS = ROOT / "docs"
PAGE = (DOCS / "rewarding.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^selfreward-eval (reward.+)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_that_is_shown_is_one(
    command: Callable[..., Any], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pictures named on the page are not there, which is the only thing that may go wrong."""
    monkeypatch.chdir(tmp_path)
    result = command(*shlex.split(line))
    assert result.code == 4
    assert re.match(r"error: no (run folder|pictures) at ", result.errors[0])


def test_options_that_are_named_exist(command: Callable[..., Any]) -> None:
    offered = "".join(command(name, "--help").out for name in ("reward", "reward-audit"))
    named = set(re.findall(r"`(--[a-z-]+)", PAGE))
    assert named
    assert {option for option in named if option not in offered} == set()


def test_the_picture_is_there_and_small() -> None:
    (name,) = re.findall(r"!\[.+\]\((.+)\)", PAGE)
    assert 0 < (DOCS / name).stat().st_size < 150_000


def test_the_meaning_of_every_column_is_told() -> None:
    """The header of the audit's table, and the table that explains it."""
    header = next(line for line in PAGE.splitlines() if "┃ rewarder" in line and "order inside" in line)
    columns = [cell.strip() for cell in header.strip("┃").split("┃")]
    explained = set(re.findall(r"^\| ([^|]+?) \|", PAGE, re.MULTILINE))
    assert set(columns) - {"rewarder", "scored"} <= explained
