"""A runner for the steps of an action or a workflow: bash and files in ``tmp_path``, no GitHub.

It does what the steps here need: ``env``, ``if``, ``with``, outputs, the summary, and stopping at the first
failure. A step that ``uses`` something is given to a stand-in, or noted only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.paths import ROOT

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
TOKEN = re.compile(r"\s*('[^']*'|&&|\|\||==|!=|!(?=\w)|[()]|[A-Za-z_][\w.-]*)")
OPERATORS = {"&&": " and ", "||": " or ", "!": " not ", "==": "==", "!=": "!=", "(": "(", ")": ")"}

Context = Mapping[str, str | bool]
Uses = Callable[[Mapping[str, str]], Mapping[str, str]]
"""A stand-in for an action: its inputs to its outputs; ``code`` is its exit code, 0 by default."""


def evaluate(expression: str, context: Context) -> Any:
    """The value of a workflow expression.

    What a step did not say is empty, as on GitHub; any other unknown name is an error.

    >>> evaluate("a.b == 'x' && 'yes' || 'no'", {"a.b": "x"})
    'yes'
    """
    parts, at = [], 0
    expression = expression.strip()
    while at < len(expression):
        token = TOKEN.match(expression, at)
        assert token, f"cannot read {expression[at:]!r}"
        at = token.end()
        word = token[1]
        if word[0] == "'":
            parts.append(repr(word[1:-1]))
        elif word == "cancelled":
            parts.append(word)
        elif word in OPERATORS:
            parts.append(OPERATORS[word])
        else:
            parts.append(repr(context.get(word, "") if word.startswith("steps.") else context[word]))
    return eval("".join(parts).strip(), {"cancelled": lambda: False, "__builtins__": {}})


def fill(text: str, context: Context) -> str:
    """A text with its ``${{ }}`` replaced."""
    return EXPRESSION.sub(lambda found: str(evaluate(found[1], context)), str(text))


def holds(condition: str, context: Context) -> bool:
    """Whether ``if:`` lets a step run."""
    return bool(evaluate(condition.strip().removeprefix("${{").removesuffix("}}"), context))


@dataclass
class Ran:
    """What the steps left.

    Attributes:
        code: exit code of the step that failed, or 0.
        names: of the steps that ran.
        context: what expressions see, step outputs included.
        used: actions, with their inputs.
        log: what the steps printed.
    """

    context: dict[str, str | bool]
    code: int = 0
    names: list[str] = field(default_factory=list)
    used: dict[str, dict[str, str]] = field(default_factory=dict)
    log: str = ""


class LocalRunner:
    """Runs steps in ``workspace`` with a PATH of its own in front."""

    def __init__(self, place: Path) -> None:
        self.workspace, self.bin, self.temp = place / "workspace", place / "bin", place / "temp"
        for folder in (self.workspace, self.bin, self.temp):
            folder.mkdir()
        self.summary = place / "summary.md"
        self.summary.touch()
        self.stand_ins: dict[str, Uses] = {}
        entry = "from selfreward_eval.cli.main import main; main()"
        self.command("selfreward-eval", f'exec "{sys.executable}" -c "{entry}" "$@"')

    def command(self, name: str, script: str) -> None:
        """Puts a command on the PATH of the steps."""
        (self.bin / name).write_text(f"#!/usr/bin/env bash\n{script}\n")
        (self.bin / name).chmod(0o755)

    def __call__(self, steps: list[dict[str, Any]], context: Context, env: Mapping[str, str] = {}) -> Ran:
        """Runs steps in order, as one job.

        Args:
            steps: as in the file.
            context: what expressions see.
            env: of the workflow and the job; may hold expressions.
        """
        ran = Ran(dict(context))
        env = {name: fill(value, context) for name, value in env.items()}
        for step in steps:
            self._offer(step, ran, env)
            if ran.code:
                return ran
        return ran

    def _offer(self, step: dict[str, Any], ran: Ran, env: Mapping[str, str]) -> None:
        identity = step.get("id", step.get("name", step.get("uses")))
        if not holds(step.get("if", "!cancelled()"), ran.context):
            return
        ran.names.append(step["name"] if "name" in step else step["uses"])
        if "uses" in step:
            action = step["uses"].partition("@")[0]
            given = {key: fill(value, ran.context) for key, value in step.get("with", {}).items()}
            told = self.stand_ins[action](given) if action in self.stand_ins else {}
            ran.used[action] = given
            ran.code = 0 if step.get("continue-on-error") else int(told.get("code", 0))
        else:
            own = {key: fill(value, ran.context) for key, value in step.get("env", {}).items()}
            told = self._bash(fill(step["run"], ran.context), {**env, **own}, ran)
        for name, value in told.items():
            ran.context[f"steps.{identity}.outputs.{name}"] = value

    def _bash(self, script: str, env: Mapping[str, str], ran: Ran) -> dict[str, str]:
        output = self.temp / "output"
        output.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.workspace,
            env={
                "PATH": f"{self.bin}:{os.environ['PATH']}",
                "HOME": str(self.temp),
                "PYTHONPATH": str(ROOT),
                "OMP_NUM_THREADS": "1",
                "COLUMNS": "200",
                "GITHUB_ACTION_PATH": str(ROOT),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                "GITHUB_WORKSPACE": str(self.workspace),
                "GITHUB_SERVER_URL": "https://git.example",
                "GITHUB_REPOSITORY": "lab/models",
                "GITHUB_RUN_ID": "77",
                "RUNNER_TEMP": str(self.temp),
                **env,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        ran.log += done.stdout
        ran.code = done.returncode
        return dict(line.split("=", 1) for line in output.read_text().splitlines())


@pytest.fixture(scope="session")
def action() -> dict[str, Any]:
    """The action of this repository."""
    return yaml.safe_load((ROOT / "action.yml").read_text())


@pytest.fixture(scope="session")
def workflow() -> dict[str, Any]:
    """The example workflow."""
    return yaml.safe_load((ROOT / "docs" / "examples" / "checkpoint-gate.yml").read_text())


@pytest.fixture
def run_action(runner: LocalRunner, action: dict[str, Any]) -> Callable[..., Ran]:
    """``run_action(base=..., candidate=...)``: the action with these inputs and the package that is here.

    Its outputs are in ``context`` under ``outputs.<name>``.
    """

    def call(**given: str) -> Ran:
        inputs = {name: str(one.get("default", "")) for name, one in action["inputs"].items()}
        inputs |= {"install": "false"} | given
        assert set(inputs) == set(action["inputs"])
        ran = runner(action["runs"]["steps"], {f"inputs.{name}": value for name, value in inputs.items()})
        for name, one in action["outputs"].items():
            ran.context[f"outputs.{name}"] = fill(one["value"], ran.context)
        return ran

    return call


@pytest.fixture
def runner(tmp_path: Path) -> LocalRunner:
    """A runner with an empty workspace."""
    assert shutil.which("bash"), "the steps are written for bash"
    return LocalRunner(tmp_path)
