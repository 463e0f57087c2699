"""``selfreward-eval leaderboard`` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from selfreward_eval.cli.leaderboard import app
from selfreward_eval.harness.errors import InputError, SelfRewardError, UsageError

BETTER = {"one": [[1, 1]] * 20 + [[1, 0]] * 5}
WORSE = {"one": [[0, 0]] * 20 + [[1, 0]] * 5}


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("COLUMNS", "160")
    return lambda *arguments: CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture
def runs(make_run: Callable[..., Path]) -> list[Path]:
    return [make_run("better", BETTER), make_run("worse", WORSE)]


def test_build_writes_a_site_and_prints_its_head(
    call: Callable[..., Result], runs: list[Path], tmp_path: Path
) -> None:
    result = call("build", *runs, "--out", tmp_path / "site")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "site" / "index.html").is_file()
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [line[:2] for line in lines if line[1:2] in (["better"], ["worse"])] == [
        ["1", "better"],
        ["2", "worse"],
    ]
    assert "2 runs (2 read now)" in result.stdout
    assert str(tmp_path / "site" / "index.html") in result.stdout


def test_build_takes_a_folder_of_runs_and_answers_in_json(
    call: Callable[..., Result], runs: list[Path], tmp_path: Path
) -> None:
    first = call("build", *runs, "-o", tmp_path / "site", "--json")
    answer = json.loads(first.stdout)
    assert (answer["runs"], answer["read"], len(answer["boards"])) == (2, 2, 1)
    again = json.loads(call("build", *runs, "-o", tmp_path / "site", "--json").stdout)
    assert (again["read"], again["made"]) == (0, [])


def test_build_shows_imported_rows_apart(
    call: Callable[..., Result], runs: list[Path], tmp_path: Path
) -> None:
    file = tmp_path / "results_x.json"
    file.write_text(json.dumps({"results": {"arc": {"acc,none": 0.25}}, "model_name": "them/theirs"}))
    imported = call("import", file, "--out", tmp_path / "rows.jsonl")
    assert imported.exit_code == 0, imported.output
    assert "not comparable: no task 'arc' is registered here" in imported.stdout
    assert "1 numbers; 1 are not comparable" in imported.stdout
    result = call("build", *runs, "-o", tmp_path / "site", "--imported", tmp_path / "rows.jsonl")
    assert result.exit_code == 0, result.output
    assert "them/theirs" in (tmp_path / "site" / "reported.html").read_text()
    assert "them/theirs" not in (tmp_path / "site" / "leaderboard.csv").read_text()


def test_import_answers_in_json(call: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "results_x.json"
    file.write_text(json.dumps({"results": {"arc": {"acc,none": 0.25}}, "model_name": "them/theirs"}))
    (row,) = json.loads(call("import", file, "--json").stdout)
    assert (row["task"], row["value"]) == ("arc", 0.25)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [(["build", "nowhere", "-o", "site"], InputError), (["import", "nowhere.json"], InputError)],
)
def test_what_is_missing_is_an_input_error(
    call: Callable[..., Result], arguments: list[str], error: type[SelfRewardError]
) -> None:
    result = call(*arguments)
    assert isinstance(result.exception, error)
    assert result.exception.exit_code == 4


def test_export_writes_yaml_for_the_hub(
    call: Callable[..., Result], runs: list[Path], tmp_path: Path
) -> None:
    result = call(
        "export", runs[0], "--to", "hugging-face", "-o", tmp_path, "--dataset", "toy=org/toy:default"
    )
    assert result.exit_code == 0, result.output
    assert "id: org/toy" in (tmp_path / ".eval_results" / "toy.yaml").read_text()
    result = call("export", runs[0], "--to", "model-card", "-o", tmp_path)
    assert (tmp_path / "model-index.yaml").read_text().startswith("model-index:\n")


def test_export_writes_every_eval_ever(call: Callable[..., Result], runs: list[Path], tmp_path: Path) -> None:
    options = ["--organization", "Example", "--developer", "lab"]
    result = call("export", runs[0], "--to", "every-eval-ever", "-o", tmp_path, *options)
    assert result.exit_code == 0, result.output
    assert all(Path(line).is_file() for line in result.stdout.splitlines())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "excel"], "--to 'excel': give one of hugging-face"),
        (["--to", "hugging-face"], "name the benchmark"),
        (["--to", "hugging-face", "--dataset", "toy"], "--dataset 'toy' is not TASK="),
        (["--to", "every-eval-ever"], "--organization is needed"),
    ],
)
def test_an_export_that_cannot_be_is_a_usage_error(
    call: Callable[..., Result], runs: list[Path], tmp_path: Path, options: list[str], message: str
) -> None:
    result = call("export", runs[0], "-o", tmp_path, *options)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)
