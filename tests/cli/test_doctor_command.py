"""``selfreward-eval doctor``: what it checks, and when it exits with 1."""

from __future__ import annotations

import json
import sys

import pytest
import typer
from typer.testing import CliRunner, Result

from selfreward_eval.cli import doctor as command
from selfreward_eval.cli.doctor import Check, oracle_checks, version_check
from selfreward_eval.tasks.shapes.oracle.accuracy import Row


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command.doctor)
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without fault, whatever this machine is like."""
    monkeypatch.setattr(command, "_environment", lambda: iter([Check("python", True, "3.11")]))


@pytest.mark.usefixtures("healthy")
def test_it_measures_the_oracle_and_exits_with_0() -> None:
    result = run("--scenes", "16", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["ok"]
    assert {row["property"] for row in report["oracle"]} >= {
        "count",
        "form",
        "colour",
        "texture",
        "size",
        "order",
    }
    assert {"property", "kind", "correct", "total"} <= set(report["oracle"][0])


@pytest.mark.usefixtures("healthy")
def test_the_table_has_properties_and_kinds() -> None:
    result = run("--scenes", "8")
    assert "Oracle: percent read right on 8 rendered scenes" in result.output
    assert "oracle count: 8 of 8 right" in result.output


@pytest.mark.usefixtures("healthy")
def test_the_oracle_can_be_left_out() -> None:
    result = run("--scenes", "0")
    assert result.exit_code == 0
    assert "oracle" not in result.output


def test_a_broken_check_exits_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_environment", lambda: iter([Check("disk", False, "0.1 GiB free")]))
    result = run("--scenes", "0")
    assert result.exit_code == 1
    assert "broken disk: 0.1 GiB free" in result.output
    assert run("--scenes", "0", "--json").exit_code == 1


def test_an_oracle_that_reads_wrong_is_broken() -> None:
    rows = [Row("form", "plain", 100, 100), Row("form", "sized", 90, 100), Row("count", "plain", 100, 100)]
    form, count = oracle_checks(rows)
    assert not form.ok
    assert form.detail.startswith("190 of 200 right (95.00%")
    assert count.ok


def test_versions_below_the_lower_bound_are_broken() -> None:
    assert version_check("pytest", (8, 0)).ok
    assert not version_check("pytest", (999, 0)).ok
    missing = version_check("no-such-package", (1, 0))
    assert not missing.ok
    assert missing.detail == "not installed; `pip install 'no-such-package>=1.0'`"


def test_the_lower_bounds_are_those_of_the_package() -> None:
    from importlib.metadata import requires

    declared = {line.split(";")[0].replace(" ", "") for line in requires("selfreward-eval") or []}
    for name, least in command.LEAST_VERSIONS.items():
        wanted = f"{name}>={'.'.join(map(str, least))}"
        assert any(line.startswith(name) and wanted.removeprefix(name) in line for line in declared)


def test_this_machine_passes() -> None:
    names = [check.name for check in command._environment() if check.ok]
    assert {"python", "torch", "transformers", "device"} <= set(names)


def test_importing_the_command_is_light() -> None:
    import subprocess

    script = "import sys, selfreward_eval.cli.doctor; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"
