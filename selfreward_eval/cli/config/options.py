"""``--config FILE``: options from a file, which options on the command line override.

A command takes part by two parameters, ``ctx: typer.Context`` and ``config: ConfigFile = None``. Before
any other option is read, the file's values become the defaults of this call. :func:`resolved` is the file
that asks for the same again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["CONFIG", "ConfigFile", "resolved"]

CONFIG = "config.yaml"
"""The file in a run's folder that asks for the run again."""


def _use(ctx: typer.Context, path: Path | None) -> Path | None:
    """Makes the values of the file the defaults of this call."""
    if path is not None and not ctx.resilient_parsing:
        from selfreward_eval.cli.config.schema import checked
        from selfreward_eval.cli.config.yaml_text import read_yaml

        ctx.default_map = checked(read_yaml(path), ctx.command, command_name(ctx))
    return path


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        callback=_use,
        is_eager=True,
        help="YAML file of options, as `init` writes one; options given here override it.",
    ),
]


def command_name(ctx: typer.Context) -> str:
    """The command without the program: ``leaderboard build``."""
    names = []
    context: Any = ctx
    while context is not None and context.parent is not None:
        names.append(str(context.info_name))
        context = context.parent
    return " ".join(reversed(names)) or str(ctx.info_name)


def resolved(ctx: typer.Context) -> str:
    """A configuration file with every option of this call, defaults included; ``--config`` reads it back."""
    from selfreward_eval import __version__
    from selfreward_eval.api.arguments import parse
    from selfreward_eval.cli.config.schema import COMMAND, LISTS, options_of
    from selfreward_eval.cli.config.yaml_text import written

    name = command_name(ctx)
    content: dict[str, Any] = {COMMAND: name}
    for key, option in options_of(ctx.command).items():
        value = ctx.params.get(str(option.name))
        if key.endswith("_args"):
            value = parse(str(value or ""), f"--{key.replace('_', '-')}") or {}
        elif key in LISTS and isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        elif isinstance(value, Path):
            value = str(value)
        elif isinstance(value, list | tuple):
            value = [str(one) for one in value]
        content[key] = value
    head = (
        f"# Options of this `selfreward-eval {name}`, version {__version__}. The same again: --config FILE\n"
    )
    return head + written(content)
