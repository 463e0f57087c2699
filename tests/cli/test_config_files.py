"""``--config FILE``: a command's options as a file, and the file that a run leaves of itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from selfreward_eval.cli.config.options import CONFIG
from selfreward_eval.cli.config.schema import checked, options_of
from selfreward_eval.cli.config.yaml_text import read_yaml, written
from selfreward_eval.cli.init import COMMANDS, commented
from selfreward_eval.cli.main import app
from selfreward_eval.harness.errors import InputError, UsageError

Command = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a configuration file."""

    def write(text: str) -> Path:
        path = tmp_path / "run.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def of(name: str) -> Any:
    """A command as Typer made it."""
    command: Any = typer.main.get_command(app)
    for part in name.split():
        command = command.commands[part]
    return command


def test_a_file_gives_the_options_and_the_command_line_overrides_them(
    command: Command, file: Callable[[str], Path], tmp_path: Path
) -> None:
    text = "model: dummy\nmodel_args: {name: 007, size: 16}\ntasks: [shapes_geneval]\nlimit: 6\nseed: 4\n"
    outcome = command("run", "--config", file(text), "--seed", 5, "-o", tmp_path)
    assert outcome.code == 0, outcome.err
    identity = json.loads((tmp_path / "007" / "run.json").read_text(encoding="utf-8"))["identity"]
    assert (identity["seed"], identity["limit"], identity["model"]["name"]) == (5, 6, "007")


def test_the_file_that_a_run_leaves_asks_for_the_same_run(command: Command, tmp_path: Path) -> None:
    options = ("--model", "dummy", "--model-args", 'name="a, b",size=16', "--limit", 6)
    assert command("run", *options, "-o", tmp_path).code == 0
    echoed = tmp_path / "a__b" / CONFIG
    again = command("run", "--config", echoed, "--json")
    assert again.code == 0, again.err
    summary = json.loads(again.out)
    assert (summary["folder"], summary["pictures_drawn"]) == (str(tmp_path / "a__b"), 0)
    assert 'model_args:\n  name: "a, b"\n  size: 16\n' in echoed.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed: 1\nmodle: tiny\n", "line 2: 'modle' is no option of run; did you mean model?"),
        ("seed: many\n", "line 1: seed takes a whole number, got 'many'"),
        ("\nbatch_size: 0\n", "line 2: batch_size takes at least 1, got 0"),
        ("retry_failed: yes\n", "line 1: retry_failed takes true or false, got 'yes'"),
        ("tasks: {a: 1}\n", "line 1: tasks takes text or a list"),
        ("seed: 1\nseed: 2\n", "line 2: 'seed' stands in line 1 already"),
        ("output-path: a\noutput_path: b\n", "line 2: 'output_path' is there twice, as 'output-path' too"),
        ("command: train\n", "line 1: the file is for the command 'train', not for run"),
        ("- run\n", "line 1: write one option a line, such as `model: tiny`"),
        ("a: [1\nb: 2", "line 2: expected ',' or ']', but got ':'"),
        ("a: &x 1\nb: *x\n", "line 1: anchors (&), aliases (*) and tags (!) are not read here"),
        ("a: 1\nb: !!python/name:os.system x\n", "line 2: anchors (&), aliases (*) and tags (!)"),
    ],
)
def test_an_error_names_file_and_line(
    command: Command, file: Callable[[str], Path], text: str, told: str
) -> None:
    path = file(text)
    outcome = command("run", "--config", path)
    assert outcome.code == 2
    assert outcome.errors[0].startswith(f"error: {path}, {told}")


def test_every_error_is_told_in_the_order_of_lines(file: Callable[[str], Path]) -> None:
    path = file("limit: few\nmodle: x\nseed: 1.5\n")
    with pytest.raises(UsageError) as caught:
        checked(read_yaml(path), of("run"), "run")
    assert [part.split(": ")[0] for part in str(caught.value).split("; ") if "line" in part] == [
        f"{path}, line {line}" for line in (1, 2, 3)
    ]


@pytest.mark.parametrize("text", ["[" * 5000, "a: " + "x" * (1 << 20), "a: \x00"])
def test_a_hostile_file_is_one_error(file: Callable[[str], Path], text: str) -> None:
    with pytest.raises(UsageError):
        read_yaml(file(text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--config .*none\.yaml cannot be read: No such file"):
        read_yaml(tmp_path / "none.yaml")


def test_plain_values_mean_what_they_mean_on_the_command_line(file: Callable[[str], Path]) -> None:
    path = file("a: no\nb: 007\nc: 1e-3\nd: '7'\ne: 1:30\nf: ~\ng: True\nh: 2026-01-01\n")
    assert read_yaml(path).content == {
        "a": "no", "b": "007", "c": 0.001, "d": "7", "e": "1:30", "f": None, "g": True, "h": "2026-01-01",
    }  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        "007",
        "7",
        "true",
        "",
        " a",
        "a: b",
        "x #y",
        "\x85\ufeff",
        "-",
        "é",
        "a\nb",
        "1e-3",
        "&a",
        "null",
        "😀",
    ],
)
def test_any_text_is_read_back(file: Callable[[str], Path], value: str) -> None:
    content = {"a": value, "inner": {"b": [value, 1, None]}, "empty": {}}
    assert read_yaml(file(written(content))).content == content


@pytest.mark.parametrize("name", COMMANDS)
def test_init_writes_every_option_of_a_command_and_the_command_takes_it(
    file: Callable[[str], Path], name: str
) -> None:
    text = commented(of(name), name)
    for key in options_of(of(name)):
        assert f"\n{key}:" in text or f"\n# {key}:" in text
    content = read_yaml(file(text))
    for parameter, value in checked(content, of(name), name).items():
        default = next(option.default for option in of(name).params if option.name == parameter)
        required = default is None
        assert required or str(value) == str(default)


def test_init_replaces_no_file(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("seed: 3\n", encoding="utf-8")
    outcome = command("init", "-o", path)
    assert outcome.code == 2
    assert "is there already; name another --output-path, or add --force" in outcome.errors[0]
    assert path.read_text(encoding="utf-8") == "seed: 3\n"
    assert command("init", "train", "-o", path, "--force").code == 0
    assert "command: train" in path.read_text(encoding="utf-8")


def test_required_options_may_come_from_a_file(
    command: Command, file: Callable[[str], Path], tmp_path: Path
) -> None:
    command("run", "--model", "dummy", "--model-args", "size=16", "--limit", 6, "-o", tmp_path)
    text = f"pictures: {tmp_path / 'dummy'}\nrewarder: random\noutput_path: {tmp_path / 'rewards'}\n"
    assert command("reward", "--config", file(text)).code == 0
    assert (tmp_path / "rewards" / "rewards.jsonl").is_file()
    assert "rewarder: random" in (tmp_path / "rewards" / CONFIG).read_text(encoding="utf-8")
    text = f"runs: [{tmp_path / 'dummy'}]\noutput-path: {tmp_path / 'site'}\n"
    outcome = command("leaderboard", "build", "--config", file(text))
    assert outcome.code == 0, outcome.err
    assert command("leaderboard", "build", "--config", tmp_path / "site" / CONFIG).code == 0


def test_a_training_run_leaves_its_file_once_its_folder_is_claimed(
    command: Command, file: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The training itself is left out."""
    from selfreward_eval.trainers import job_checks, seeds

    def claimed(job: Any, training_seeds: list[int], *_: object) -> list[Any]:
        for seed in training_seeds:
            job_checks.claim(job.with_training_seed(seed))
        return []

    monkeypatch.setattr(seeds, "train_seeds", claimed)
    text = "rewarder: random\ntrainer: rejection\ntrainer_args: {steps: 9}\ntasks: [shapes_geneval]\n"
    outcome = command("train", "--config", file(text), "--seeds", 3, "-o", tmp_path / "out", "--limit", 6)
    assert outcome.code == 0, outcome.err
    path = tmp_path / "out" / "rejection-random" / "seed-3" / CONFIG
    given = checked(read_yaml(path), of("train"), "train")
    assert (given["seeds"], given["limit"], given["rewarder"]) == ("3", 6, "random")
    assert given["trainer_args"] == "steps=9"
