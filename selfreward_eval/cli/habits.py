"""What every command has: examples below its options, and old option names that still work.

One thing has one name. An option that was called otherwise before is taken under its old name, too, and no
help shows that one.

A text, and an option that is not given, need no conversion. Typer converts every value through pydantic,
whose import takes a quarter of a short command's time, so that these pass it by.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["HELP_NAMES", "OLD_NAMES", "Command", "Group", "add", "renamed"]

HELP_NAMES: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
"""Context settings of every application and command."""

OLD_NAMES = {"--out": "--output-path", "--output": "--output-path"}
"""Name that an option had -> its name."""


OPTION = "option: "
"""Beginning of the note on an error of the operating system that says which option named the file."""


class _Unconverted:
    """What commands and groups share: values that need no conversion get none."""

    def get_params(self, ctx: Any) -> list[Any]:
        options: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for option in options:
            _keep(option)
        return options


class Group(_Unconverted, TyperGroup):
    """The commands together."""


class Command(_Unconverted, TyperCommand):
    """A command that knows its options by their old names, and whose file errors name the option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        names = {name for option in self.params for name in option.opts}
        return super().parse_args(ctx, renamed(args, names))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.filename is not None and (option := self._option_of(ctx, error.filename)):
                error.add_note(f"{OPTION}{option}")
            raise

    def _option_of(self, ctx: Any, file: Any) -> str:
        """The option whose path ``file`` is, or lies in; empty if there is none."""
        path = Path(os.fsdecode(file)).absolute()
        found = {
            len(value.absolute().parts): max(option.opts, key=len)
            for option in self.params
            if isinstance(value := ctx.params.get(str(option.name)), Path)
            and (path.is_relative_to(value.absolute()) or value.absolute().is_relative_to(path))
        }
        return found[max(found)] if found else ""


def _keep(option: Any) -> None:
    """Lets what needs no conversion pass as it is; anything else goes Typer's way."""
    if "process_value" in vars(option):
        return
    convert = option.process_value
    several = option.multiple or option.nargs != 1
    is_text = getattr(getattr(option, "type_descriptor", None), "annotation", None) is str and not several

    def process(ctx: Any, value: Any) -> Any:
        absent = value is None and not option.required
        if not absent and not (is_text and type(value) is str):
            return convert(ctx, value)
        kept = () if absent and several else value
        return kept if option.callback is None else option.callback(ctx, option, kept)

    option.process_value = process


def renamed(args: Sequence[str], names: Collection[str]) -> list[str]:
    """``args`` with every old name of an option among ``names`` replaced by the new one.

    >>> renamed(["--out", "site", "--out=site", "--", "--out"], ["--output-path"])
    ['--output-path', 'site', '--output-path=site', '--', '--out']
    """
    end = args.index("--") if "--" in args else len(args)
    out = []
    for word in args[:end]:
        name, equals, value = word.partition("=")
        new = OLD_NAMES.get(name, "")
        out.append(f"{new}{equals}{value}" if new in names and name not in names else word)
    return [*out, *args[end:]]


def add(
    app: typer.Typer,
    name: str,
    function: Callable[..., Any],
    short_help: str,
    examples: Sequence[str] = (),
    *,
    cls: type[TyperCommand] = Command,
) -> None:
    """Registers a command.

    Args:
        app: that gets it.
        name: of the command.
        function: that does it; its docstring is the help.
        short_help: its line in the list of commands, short enough not to be cut.
        examples: command lines without the program's name, shown below the options.
        cls: of the command.
    """
    epilog = "\b\nExamples:\n" + "\n".join(f"  selfreward-eval {line}" for line in examples)
    app.command(
        name,
        cls=cls,
        short_help=short_help,
        epilog=epilog if examples else None,
        context_settings=HELP_NAMES,
    )(function)
