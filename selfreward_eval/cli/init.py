"""``selfreward-eval init``: a commented configuration file with every option of a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from selfreward_eval.harness.errors import UsageError, did_you_mean

COMMANDS = ("run", "train", "reward", "leaderboard build")
"""Commands that take ``--config``."""

FIRST: dict[str, dict[str, Any]] = {
    "reward": {"pictures": "results/tiny-final", "rewarder": "srum", "output_path": "rewards/srum"},
    "leaderboard build": {"runs": ["results"], "output_path": "site"},
}
"""Command -> example values of options that have no default."""

WIDTH = 100


def init(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(help=f"Command: {', '.join(COMMANDS)}.")] = "run",
    output_path: Annotated[
        Path | None,
        typer.Option("--output-path", "-o", help="The file; COMMAND.yaml by default, - for the screen."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a commented configuration file for `--config`, with every option and its default."""
    if what not in COMMANDS:
        raise UsageError(f"no file configures {what!r}; {did_you_mean(what, COMMANDS)}")
    root: Any = ctx.find_root().command
    command = root
    for name in what.split():
        command = command.commands[name]
    text = commented(command, what)
    if str(output_path) == "-":
        typer.echo(text, nl=False)
        return
    path = output_path or Path(f"{what.partition(' ')[0]}.yaml")
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; name another --output-path, or add --force")
    from selfreward_eval.harness.files import atomic_write_text

    atomic_write_text(path, text)
    typer.echo(f"wrote {path}; selfreward-eval {what} --config {path}")


def commented(command: Any, name: str) -> str:
    """Every option of ``command`` with its help above; those without a value are commented out."""
    from textwrap import fill

    from selfreward_eval.cli.config.schema import COMMAND, LISTS, options_of
    from selfreward_eval.cli.config.yaml_text import written

    head = f"Options of `selfreward-eval {name}`. An option on the command line overrides its line here."
    blocks = [fill(head, WIDTH, initial_indent="# ", subsequent_indent="# "), f"\n{written({COMMAND: name})}"]
    for key, option in options_of(command).items():
        value = FIRST.get(name, {}).get(key, option.default)
        if key in LISTS and isinstance(value, str):
            value = [part for part in value.split(",") if part]
        elif isinstance(value, Path):
            value = str(value)
        text = str(getattr(option, "help", "") or "")
        blocks.append(
            fill(text, WIDTH, initial_indent="\n# ", subsequent_indent="# ", break_on_hyphens=False)
        )
        if key.endswith("_args"):
            blocks.append(f"# {key}:\n#   key: value\n")
        elif value is None or value in ("", []):
            blocks.append(f"# {key}:\n")
        else:
            blocks.append(written({key: value}))
    return "\n".join(block.rstrip("\n") for block in blocks) + "\n"
