"""``selfreward-eval compare`` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from selfreward_eval.cli.compare import compare
from selfreward_eval.harness.errors import NotComparable, UsageError

BEFORE = {"one": [[0, 0]] * 9 + [[1, 1]], "two": [[1, 0], [0, 0], [1, 1], [0, 0], [1, 0]]}
AFTER = {"one": [[1, 1]] * 7 + [[0, 1]] * 2 + [[1, 1]], "two": [[1, 1], [0, 1], [1, 1], [0, 1], [1, 1]]}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("COLUMNS", "120")
    app = typer.Typer()
    app.command()(compare)
    return lambda *arguments: CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture
def arms(make_run: Callable[..., Path]) -> tuple[Path, Path]:
    return make_run("before", BEFORE), make_run("after", AFTER)


def test_it_prints_a_table_and_a_verdict(run: Callable[..., Result], arms: tuple[Path, Path]) -> None:
    result = run(*arms)
    assert result.exit_code == 0, result.output
    assert "toy@1: correct" in result.output
    assert "overall (macro)" in result.output
    assert "B is better than A (B - A = +0." in result.output
    assert "15 items x 2" in result.output
    assert "not adjusted" in result.output
    assert "items: 13 improved, 2 unchanged, 0 worsened" in result.output
    assert "G = 15 items, m = 2, ICC of an item's differences" in result.output
    assert "BCa bootstrap +0." in result.output


def test_declared_categories_get_a_column_of_adjusted_p_values(
    run: Callable[..., Result], arms: tuple[Path, Path]
) -> None:
    plain, declared = run(*arms).output, run(*arms, "--family", "categories", "--correction", "bh").output
    assert "adjusted" in declared
    assert "Benjamini-Hochberg over the categories of toy (2), declared with --family" in declared
    assert "read them as hints" in plain
    assert "read them as hints" not in declared


def test_every_table_fits_a_line_of_80_characters(
    run: Callable[..., Result], arms: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for family in ("headlines", "categories"):
        table = run(*arms, "--family", family).output.split("B is better")[0]
        assert "…" not in table


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["A"], "two run folders"),
        (["A", "B", "--runs-a", "A"], "not both"),
        (["A", "B", "--plots"], "--plots needs --output-path"),
        (["A", "B", "--method-claim"], "several training runs"),
        (["A", "B", "--design", "paired"], "several training runs"),
        (["A", "B", "--family", "toy/three"], "did you mean toy/two"),
        (["A", "B", "--correction", "none"], "choose holm, bh, by"),
        (
            ["--runs-a", "A", "--runs-b", "B", "--design", "crossed"],
            "choose independent, paired, untrained-a",
        ),
        (["--runs-a", "A"], "--runs-a and --runs-b"),
    ],
)
def test_what_does_not_go_together_is_refused(
    run: Callable[..., Result], arms: tuple[Path, Path], arguments: list[str], said: str
) -> None:
    names = {"A": arms[0], "B": arms[1]}
    result = run(*(names.get(word, word) for word in arguments))
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)


def test_json_is_one_object_on_stdout(run: Callable[..., Result], arms: tuple[Path, Path]) -> None:
    content = json.loads(run(*arms, "--json").stdout)
    assert content["tasks"]["toy"]["overall"]["verdict"] == "B is better than A"
    assert content["a"]["folder"] == str(arms[0])


def test_unpaired_items_are_on_the_screen(run: Callable[..., Result], make_run: Callable[..., Path]) -> None:
    rows: list[Any] = [[1, 0], [None, None], [0, 0]]
    result = run(make_run("a", {"one": rows}), make_run("b", {"one": [[1, 1], [1, 1], [0, 0]]}))
    assert "1 of 3 items could not be paired:" in result.output
    assert "one-1 (one): no sample scored in A (2 generation_error)" in result.output
    assert "66.7% of the sample pairs scored, bounds" in result.output


def test_an_arm_that_fails_more_is_warned_of_beside_the_verdict(
    run: Callable[..., Result], make_run: Callable[..., Path]
) -> None:
    whole: list[Any] = [[1, 0]] * 10
    arms = make_run("a", {"one": whole}), make_run("b", {"one": [[1, None]] * 8 + [[1, 0]] * 2})
    words = "B has more samples without a score than A (40.0% against 0.0%, p = 0.0078)"
    assert f"warning: {words}" in run(*arms).output
    overall = json.loads(run(*arms, "--json").stdout)["tasks"]["toy"]["overall"]
    assert overall["imbalance"].startswith(words)
    assert (overall["unscored_a"], overall["unscored_b"]) == (0.0, 0.4)


def test_arms_that_fail_alike_have_no_warning(run: Callable[..., Result], arms: tuple[Path, Path]) -> None:
    assert "warning" not in run(*arms).output


def test_a_torn_line_is_told_on_stderr(run: Callable[..., Result], arms: tuple[Path, Path]) -> None:
    (path,) = arms[0].glob("samples_*.jsonl")
    path.write_bytes(path.read_bytes()[:-5])
    result = run(*arms, "--json")
    assert "torn last line" in result.stderr
    json.loads(result.stdout)


def test_markup_in_names_is_shown_as_text(run: Callable[..., Result], make_run: Callable[..., Path]) -> None:
    marks = {"[red]one": [[1, 0], [0, 0]]}
    assert "[red]one" in run(make_run("a", marks), make_run("b", marks)).output


def test_runs_that_cannot_be_compared_are_refused(
    run: Callable[..., Result], make_run: Callable[..., Path]
) -> None:
    result = run(make_run("a", BEFORE), make_run("b", AFTER, identity={"seed": 1}))
    assert isinstance(result.exception, NotComparable)
    assert result.exception.exit_code == 2


def test_an_output_path_gets_a_record_and_a_page(
    run: Callable[..., Result], arms: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import selfreward_eval.harness.report

    def page(comparison: object, run_a: object, run_b: object, path: Path) -> Path:
        path.write_text("<html>")
        return path

    monkeypatch.setattr(selfreward_eval.harness.report, "write_comparison_page", page, raising=False)
    result = run(*arms, "--output-path", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "out" / "compare_before_vs_after.json").read_text())["schema"] == 1
    assert (tmp_path / "out" / "compare_before_vs_after.html").read_text() == "<html>"
    assert f"wrote {tmp_path / 'out' / 'compare_before_vs_after.html'}" in result.output


def test_plots_are_written_beside_the_page(
    run: Callable[..., Result], arms: tuple[Path, Path], tmp_path: Path
) -> None:
    result = run(*arms, "--output-path", tmp_path / "out", "--plots", "--json")
    assert result.exit_code == 0, result.output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {f"compare_before_vs_after_toy_{kind}.{ending}" for kind in ("forest", "scatter")
            for ending in ("svg", "png")} < names  # fmt: skip
    json.loads(result.stdout)
