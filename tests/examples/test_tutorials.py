"""``docs/tutorials``: every page runs from top to bottom in an empty folder, apart from what needs a GPU.

A block whose title is a file's name writes that file. A ``bash`` block without a title is run.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from support.installing import environment
from support.paths import ROOT

from selfreward_eval.cli.main import app

PAGES = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
NOT_RUN = {"needs a GPU and weights", "once, in a checkout"}
VERDICTS = {"gate": {0, 1, 3}}
"""Exit codes of a command that answers by them; of every other only 0 is right."""


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Language, title and text of every block."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_runs(
    page: Path,
    plugins: Path,
    command: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for language, title, text in blocks(page):
        if title and title not in NOT_RUN:
            Path(title).write_text(text, encoding="utf-8")
        if language != "bash" or title:
            continue
        for line in text.splitlines():
            program, *words = shlex.split(line)
            if program == "python":
                subprocess.run([sys.executable, *words], check=True, env=environment())
                continue
            assert program == "selfreward-eval"
            done = command(*words)
            assert done.code in VERDICTS.get(words[0], {0}), f"{line}\n{done.err}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_not_run_has_known_options(page: Path) -> None:
    """Commands that need a GPU are checked by name and option."""
    group: Any = typer.main.get_command(app)
    for language, title, text in blocks(page):
        assert language != "bash" or not title or title in NOT_RUN
        for line in text.splitlines() if title == "needs a GPU and weights" else ():
            name, *words = shlex.split(line.removeprefix("selfreward-eval "))
            node = group.commands[name]
            while hasattr(node, "commands"):
                node, words = node.commands[words[0]], words[1:]
            options = {option for parameter in node.params for option in parameter.opts}
            assert {word for word in words if word.startswith("-")} <= options
