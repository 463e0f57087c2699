"""The GitHub Action: its shell steps, run in bash on runs of a known verdict."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support.paths import ROOT

from selfreward_eval.harness.gating.summary import MARKER

GOOD = {"one": [[1, 0], [1, 1]] * 40, "two": [[0, 1], [1, 1]] * 40}
SAME = {"one": [[1, 0], [1, 1]] * 40, "two": [[0, 1], [1, 1]] * 39 + [[1, 1], [0, 1]]}
BAD = {"one": [[0, 0], [1, 0]] * 40, "two": [[0, 0], [1, 1]] * 40}
MIDDLING = {"one": [[1, 0], [1, 1]] * 32 + [[0, 0]] * 16, "two": [[0, 1], [1, 1]] * 40}

REPORTS = ["gate.html", "gate.json", "gate.md", "gate.xml", "gate_pairs.html"]


@pytest.fixture
def place(runner: Any, write: Callable[..., Path]) -> Path:
    """A checked-out project: runs and ``gate.toml``."""
    for name, marks in {"base": GOOD, "same": SAME, "bad": BAD, "middling": MIDDLING}.items():
        write(runner.workspace / "runs" / name, marks)
    (runner.workspace / "gate.toml").write_text('[[rule]]\ntask = "toy"\nmargin = 0.1\n')
    return runner.workspace


def files(place: Path, folder: str = "gate") -> list[str]:
    return sorted(path.name for path in (place / folder).iterdir())


@pytest.mark.parametrize(
    ("candidate", "code", "verdict"),
    [("same", 0, "PASS"), ("bad", 1, "FAIL"), ("middling", 3, "INCONCLUSIVE"), ("never", 4, "")],
)
def test_the_action_ends_as_the_gate_does(
    run_action: Callable[..., Any], runner: Any, place: Path, candidate: str, code: int, verdict: str
) -> None:
    ran = run_action(base="runs/base", candidate=f"runs/{candidate}")
    assert ran.code == code, ran.log
    assert ran.names == ["Gate", "Upload the reports", "Verdict"]
    assert (ran.context["outputs.verdict"], ran.context["outputs.exit-code"]) == (verdict, str(code))
    summary = runner.summary.read_text()
    assert summary.splitlines()[0] == MARKER
    assert f"Gate: {verdict or 'not judged'}\n" in summary
    assert ("::error title=Gate::" in ran.log) == (code != 0)


def test_every_report_is_uploaded(run_action: Callable[..., Any], place: Path) -> None:
    ran = run_action(base="runs/base", candidate="runs/bad", output="out/mine", artifact="mine")
    assert files(place, "out/mine") == REPORTS
    upload = ran.used["actions/upload-artifact"]
    assert (upload["name"], upload["path"]) == ("mine", "out/mine/gate*")
    assert ElementTree.parse(place / "out" / "mine" / "gate.xml").getroot().get("failures") == "1"


def test_nothing_is_uploaded_without_a_name(run_action: Callable[..., Any], place: Path) -> None:
    ran = run_action(base="runs/base", candidate="runs/same", artifact="")
    assert ran.names == ["Gate", "Verdict"]
    assert ran.context["outputs.artifact-url"] == ""


def test_the_summary_of_an_error_says_what_is_wrong(
    run_action: Callable[..., Any], runner: Any, place: Path
) -> None:
    run_action(base="runs/base", candidate="runs/never")
    assert "    error: no run folder at runs/never" in runner.summary.read_text()


def test_an_earlier_verdict_does_not_outlive_an_error(run_action: Callable[..., Any], place: Path) -> None:
    run_action(base="runs/base", candidate="runs/same")
    run_action(base="runs/base", candidate="runs/never")
    assert files(place) == ["gate.md"]
    assert "not judged" in (place / "gate" / "gate.md").read_text()


def test_further_arguments_stand_one_a_line(run_action: Callable[..., Any], place: Path) -> None:
    (place / "my policy.toml").write_text('[[rule]]\ntask = "toy"\nmargin = 0.1\n')
    ran = run_action(
        base="runs/base",
        candidate="runs/bad",
        policy="my policy.toml",
        arguments="--sequential\n--replay\n",
    )
    assert ran.code == 1
    assert "of the samples saved" in ran.log


def test_a_model_can_take_the_place_of_a_candidate(run_action: Callable[..., Any], place: Path) -> None:
    ran = run_action(base="runs/base", arguments="--sequential\n--model\ndummy")
    assert (ran.code, ran.context["outputs.verdict"]) == (2, "")
    assert "task 'toy'" in ran.log


@pytest.mark.parametrize(
    "hostile", ["$(touch pwned)", "`touch pwned`", '"; touch pwned; "', "--help", "runs/base\ntouch pwned"]
)
@pytest.mark.parametrize("name", ["base", "candidate", "policy", "output", "arguments"])
def test_no_input_is_run_as_a_command(
    run_action: Callable[..., Any], runner: Any, place: Path, name: str, hostile: str
) -> None:
    runner.command("selfreward-eval", 'printf "%s\\n" "$@"; exit 4')
    ran = run_action(**{"base": "runs/base", "candidate": "runs/same", name: hostile})
    assert ran.code != 0
    assert not list(place.rglob("pwned"))


def test_an_input_that_looks_like_an_option_is_a_folder(run_action: Callable[..., Any], place: Path) -> None:
    ran = run_action(base="runs/base", candidate="--help")
    assert ran.code == 4
    assert "no run folder at --help" in ran.log


def test_an_exit_code_of_0_without_a_report_is_no_pass(run_action: Callable[..., Any], place: Path) -> None:
    """Not even where the report of an earlier gate says so."""
    assert run_action(base="runs/base", candidate="runs/same").code == 0
    ran = run_action(base="runs/base", candidate="runs/same", arguments="--help")
    assert (ran.code, ran.context["outputs.verdict"], ran.context["outputs.exit-code"]) == (4, "", "4")


def test_a_crash_is_no_fail(run_action: Callable[..., Any], runner: Any, place: Path) -> None:
    """An uncaught exception ends with 1 too, and may come after the report of a PASS was written."""
    report = json.dumps({"verdict": "PASS", "exit_code": 0, "rules": []}, indent=2)
    runner.command("selfreward-eval", f"echo '{report}' > gate/gate.json; echo 'MemoryError' >&2; exit 1")
    ran = run_action(base="runs/base", candidate="runs/same")
    assert (ran.code, ran.context["outputs.verdict"]) == (1, "")
    assert "    MemoryError" in runner.summary.read_text()
    assert files(place) == ["gate.md"]


def test_a_missing_program_is_told(run_action: Callable[..., Any], runner: Any, place: Path) -> None:
    (runner.bin / "selfreward-eval").write_text("#!/no/such/interpreter\n")
    ran = run_action(base="runs/base", candidate="runs/same")
    assert (ran.code not in (0, 1, 3), ran.context["outputs.verdict"]) == (True, "")


def test_what_the_gate_prints_is_no_command_to_the_runner(
    run_action: Callable[..., Any], place: Path
) -> None:
    (place / "gate.toml").write_text('[[rule]]\nname = "::add-mask::a"\ntask = "toy"\nmargin = 0.1\n')
    lines = run_action(base="runs/base", candidate="runs/bad").log.splitlines()
    (token,) = (line.removeprefix("::stop-commands::") for line in lines if "::stop-commands::" in line)
    (named,) = (k for k, line in enumerate(lines) if line.startswith("::add-mask::"))
    assert len(token) == 32
    assert lines.index(f"::stop-commands::{token}") < named < lines.index(f"::{token}::")


def test_it_installs_itself_with_its_own_pins(
    run_action: Callable[..., Any], runner: Any, place: Path
) -> None:
    """``python`` notes what it is asked for; its environment holds the command that is run afterwards."""
    note = f'echo "$@" >> "{runner.temp}/asked"'
    runner.command("inner", note)
    moves = f'cp "{runner.bin}/inner" "$3/bin/python"; mv "{runner.bin}/selfreward-eval" "$3/bin/"'
    runner.command("py", f'{note}; mkdir -p "$3/bin"; {moves}')
    ran = run_action(base="runs/base", candidate="runs/same", install="true", python="py")
    root = ROOT
    environment = runner.temp / "selfreward-eval"
    assert (runner.temp / "asked").read_text().splitlines() == [
        f"-m venv {environment}",
        f"-m pip install --quiet -c {root}/constraints.txt {root}",
    ]
    assert (root / "constraints.txt").is_file()
    assert (ran.code, ran.context["outputs.verdict"]) == (0, "PASS")


def test_scripts_see_environment_variables_only(action: dict[str, Any], workflow: dict[str, Any]) -> None:
    steps = [*action["runs"]["steps"], *(one for job in workflow["jobs"].values() for one in job["steps"])]
    scripts = [step["run"] for step in steps if "run" in step]
    assert len(scripts) == 8
    assert not [script for script in scripts if "${{" in script]


def test_every_input_is_used_and_none_is_unknown(action: dict[str, Any]) -> None:
    said = json.dumps(action["runs"])
    assert set(re.findall(r"inputs\.([\w-]+)", said)) == set(action["inputs"])
    assert all(step.get("shell") == "bash" for step in action["runs"]["steps"] if "run" in step)


def test_expressions_name_steps_that_came_before(action: dict[str, Any], workflow: dict[str, Any]) -> None:
    for steps in (action["runs"]["steps"], *(job["steps"] for job in workflow["jobs"].values())):
        known: set[str] = set()
        for step in steps:
            assert set(re.findall(r"steps\.([\w-]+)\.", json.dumps(step))) <= known
            known |= {step["id"]} if "id" in step else set()
    last = {step["id"] for step in action["runs"]["steps"] if "id" in step}
    assert set(re.findall(r"steps\.([\w-]+)\.", json.dumps(action["outputs"]))) <= last


def test_other_actions_are_github_s_own_at_a_major_version(
    action: dict[str, Any], workflow: dict[str, Any]
) -> None:
    steps = [*action["runs"]["steps"], *(one for job in workflow["jobs"].values() for one in job["steps"])]
    used = [step["uses"] for step in steps if "uses" in step and not step["uses"].startswith("OWNER/")]
    assert len(used) == 6
    assert all(re.fullmatch(r"actions/[a-z/-]+@v\d+", one) for one in used)
