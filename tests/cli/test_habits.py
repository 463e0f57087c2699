"""What users of other command lines expect: versions, -h, completion, examples, old names of options."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.core import TyperCommand

from selfreward_eval import __version__
from selfreward_eval.cli import habits
from selfreward_eval.cli.main import app

Command = Callable[..., Any]


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its whole name."""
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from commands(one, f"{before}{name} ")
        else:
            yield f"{before}{name}", one


ALL = dict(commands(typer.main.get_command(app)))


def test_version(command: Command) -> None:
    outcome = command("--version")
    assert (outcome.code, outcome.out) == (0, f"selfreward-eval {__version__}\n")


@pytest.mark.parametrize("name", sorted(ALL))
def test_h_is_help_everywhere(command: Command, name: str) -> None:
    outcome = command(*name.split(), "-h")
    assert outcome.code == 0
    assert outcome.out.startswith(f"Usage: selfreward-eval {name} ")


def test_the_list_of_commands_is_not_cut(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert "..." not in command("-h").out.replace("ARGS]...", "").replace("rewarders, ...", "")


@pytest.mark.parametrize("name", sorted(ALL))
def test_examples_have_options_that_the_command_has(name: str) -> None:
    options = {word for option in ALL[name].params for word in option.opts}
    lines = re.findall(r"^  selfreward-eval (.*)$", ALL[name].epilog or "", re.MULTILINE)
    for words in map(shlex.split, lines):
        assert words[: len(name.split())] == name.split()
        assert {word for word in words if word.startswith("-")} <= options


def test_output_goes_to_output_path_everywhere() -> None:
    for name, one in ALL.items():
        options = {word for option in one.params for word in option.opts}
        assert not options & {"--out", "--output"}, name
        assert ("-o" in options) <= ("--output-path" in options), name


@pytest.mark.parametrize("old", ["--out", "--output", "-o"])
def test_an_old_name_still_works_and_no_help_shows_it(command: Command, tmp_path: Path, old: str) -> None:
    command("run", "--model", "dummy", "--model-args", "size=16", "--limit", 6, "-o", tmp_path)
    outcome = command("leaderboard", "build", tmp_path / "dummy", old, tmp_path / "site")
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "site" / "index.html").is_file()
    assert not re.search(r"--out(put)?\b(?!-)", command("leaderboard", "build", "-h").out)


def test_the_shell_can_complete_commands(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_SELFREWARD_EVAL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "selfreward-eval rew")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert command().out.split() == ["reward", "reward-audit"]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("run --model dum", "dummy"),
        ("run --tasks shapes_geneval,shapes_quest", "shapes_geneval,shapes_questions"),
        ("train --trainer dsr_s", "dsr_simpo"),
        ("reward x --rewarder rand", "random"),
    ],
)
def test_the_shell_can_complete_names(
    command: Command, monkeypatch: pytest.MonkeyPatch, words: str, offered: str
) -> None:
    monkeypatch.setenv("_SELFREWARD_EVAL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"selfreward-eval {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    assert command().out.split() == [offered]


def test_comparing_a_run_with_itself_is_said(command: Command, tmp_path: Path) -> None:
    command("run", "--model", "dummy", "--model-args", "size=16", "--limit", 6, "-o", tmp_path)
    outcome = command("compare", tmp_path / "dummy", tmp_path / "dummy")
    assert "are the same folder, so that every difference is 0; name another run" in outcome.err


def test_a_folder_that_cannot_be_written_is_named_with_its_option(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    outcome = command("run", "--model", "dummy", "--limit", 6, "-o", tmp_path / "file" / "runs")
    assert outcome.code == 4
    assert outcome.errors[0].endswith("; choose another --output-path, or mend this one")


def test_a_judge_without_its_model_is_one_short_line(command: Command) -> None:
    outcome = command("judge-check", "--judge", "judge_openai")
    assert outcome.code == 2
    assert outcome.errors == ["error: instrument 'judge_openai' needs model; give its arguments model=VALUE"]


@pytest.mark.parametrize(
    "words",
    [
        ("reward", "nothing", "--rewarder", "srumm", "-o", "x"),
        ("train", "--rewarder", "srumm"),
        ("train", "--trainer", "srumm"),
    ],
)
def test_a_wrong_name_is_told_before_anything_heavy_is_imported(words: tuple[str, ...]) -> None:
    script = (
        "import sys; sys.argv = ['selfreward-eval', *sys.argv[1:]]\n"
        "from selfreward_eval.cli.main import main\n"
        "try: main()\n"
        "finally: print([m for m in ('torch', 'transformers', 'numpy', 'rich') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: unknown ")
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ((), ("", None, (), 1)),
        (("--text", "\udcff"), ("\udcff", None, (), 1)),
        (("--text", "ü", "--number", "2", "--names", "a", "--names", "b"), ("ü", None, ["a", "b"], 2)),
        (("--maybe", "x", "--text", ""), ("", "x", (), 1)),
    ],
)
def test_values_arrive_as_typer_converts_them(words: tuple[str, ...], given: tuple[Any, ...]) -> None:
    """Those that need no conversion get none, and nobody can tell."""
    seen: list[Any] = []

    def command(
        text: str = "",
        maybe: Annotated[str | None, typer.Option()] = None,
        names: Annotated[list[str], typer.Option()] = [],  # noqa: B006 - Typer reads it only
        number: int = 1,
    ) -> None:
        seen.append((text, maybe, names, number))

    for cls in (TyperCommand, habits.Command):
        app = typer.Typer()
        app.command(cls=cls)(command)
        app(list(words), standalone_mode=False)
    assert seen[0] == seen[1]
    assert [list(value) if isinstance(value, tuple | list) else value for value in seen[1]] == [
        list(value) if isinstance(value, tuple | list) else value for value in given
    ]


@pytest.mark.parametrize("words", [("--number", "x"), ("--text",), ("a", "b")])
def test_what_typer_refuses_is_refused(words: tuple[str, ...]) -> None:
    def command(text: str = "", number: int = 1) -> None:
        pytest.fail("it was called")

    app = typer.Typer()
    app.command(cls=habits.Command)(command)
    with pytest.raises(SystemExit) as stop:
        app(list(words))
    assert stop.value.code == 2
