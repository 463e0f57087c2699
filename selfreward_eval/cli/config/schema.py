"""The schema of a command's configuration file, made from the command's own options.

An option that a command gains is in its files at once, with the same name, type, range and help.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from selfreward_eval.api.arguments import as_text
from selfreward_eval.cli.config.yaml_text import YamlFile
from selfreward_eval.harness.errors import UsageError, did_you_mean
from selfreward_eval.harness.values import WrittenFloat, WrittenInt

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

__all__ = ["COMMAND", "checked", "key_of", "options_of", "schema_of"]

COMMAND = "command"
"""Key that says which command a file is for; optional."""

LISTS = ("tasks", "seeds", "scales", "log_with")
"""Options that are a comma-separated list on the command line; in a file they may be a list."""

LEFT_OUT = ("config", "help", "show_completion", "install_completion")

_FIELD = "option_"
"""Fields of the pydantic model are called so; their aliases are what files hold."""

WANTED = {
    "bool_type": "true or false",
    "dict_type": "lines of key: value",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "string_type": "text",
}
"""Kind of pydantic's errors -> what was wanted."""

SHOWN = 5
"""A message tells at most so many errors."""


def options_of(command: Any) -> dict[str, Any]:
    """Key -> option or argument of a command, in the order of its help."""
    return {key_of(option): option for option in command.params if key_of(option) not in LEFT_OUT}


def key_of(option: Any) -> str:
    """What a file calls an option: its long name without dashes, or an argument's name."""
    long = [name for name in option.opts if name.startswith("--")]
    return str(long[0][2:].replace("-", "_") if long else option.name)


def schema_of(command: Any, name: str) -> type[BaseModel]:
    """The pydantic model of ``command``'s files: every key may be left out, no other key is known.

    Args:
        command: as Typer made it.
        name: of the command, such as ``leaderboard build``.
    """
    from inspect import unwrap
    from re import escape
    from typing import get_type_hints

    from pydantic import ConfigDict, Field, create_model

    hints = get_type_hints(unwrap(command.callback))
    # pydantic has names of its own, such as json, that a field must not have.
    fields: dict[str, Any] = {}
    for key, option in options_of(command).items():
        kind, limits = _type_of(key, option, hints[option.name])
        text = str(getattr(option, "help", "") or "")
        fields[_FIELD + key] = (kind | None, Field(None, alias=key, description=text, **limits))
    about = "Command that the file is for."
    fields[_FIELD + COMMAND] = (
        str | None,
        Field(None, alias=COMMAND, description=about, pattern=f"^{escape(name)}$"),
    )
    config = ConfigDict(extra="forbid", strict=True, title=f"Options of {name}")
    return create_model("Options", __config__=config, **fields)


def checked(file: YamlFile, command: Any, name: str) -> dict[str, Any]:
    """Parameter name -> value for the command line, for every key that the file gives a value.

    Raises:
        UsageError: keys that are no options, or values that they do not take; each with its line.
    """
    from pydantic import ValidationError

    options = options_of(command)
    content: dict[str, Any] = {}
    places: dict[str, Any] = {}
    for key, value in file.content.items():
        known = key.replace("-", "_")
        if known in content:
            raise UsageError(f"{file.at((key,))}: {key!r} is there twice, as {places[known]!r} too")
        content[known], places[known] = value, key
    try:
        model = schema_of(command, name).model_validate(content)
    except ValidationError as error:
        raise UsageError(_told(error, file, options, places, name)) from error
    values = {key: getattr(model, _FIELD + key) for key in content if key != COMMAND}
    given = {key: value for key, value in values.items() if value is not None}
    return {str(options[key].name): _for_command_line(key, value) for key, value in given.items()}


def _type_of(key: str, option: Any, hint: Any) -> tuple[Any, dict[str, Any]]:
    """What pydantic checks a value of this option by: a type, and limits by pydantic's names.

    Args:
        key: of the file.
        option: as Typer made it.
        hint: the annotation of the command's parameter.
    """
    from types import GenericAlias, NoneType
    from typing import get_args

    from pydantic import BeforeValidator

    text: Any = Annotated[str, BeforeValidator(_as_written)]
    kinds = set(get_args(hint) or (hint,)) - {NoneType}
    if key.endswith("_args"):
        return text | dict, {}
    if key in LISTS or option.multiple or option.nargs == -1:
        return text | GenericAlias(list, (text,)), {}
    if kinds == {bool}:
        return bool, {}
    if kinds in ({int}, {float}):
        (kind,) = kinds
        limits = option if hasattr(option, "min") else option.type
        return kind, {"ge": getattr(limits, "min", None), "le": getattr(limits, "max", None)}
    return text, {}


def _as_written(value: Any) -> Any:
    """A number as it was written, where text is wanted: a name may be 007."""
    if isinstance(value, WrittenInt | WrittenFloat):
        return value.text
    return repr(value) if type(value) in (int, float) else value


def _for_command_line(key: str, value: Any) -> Any:
    """A value as the command line has it."""
    if isinstance(value, Mapping):
        return as_text(value)
    if isinstance(value, list) and key in LISTS:
        return ",".join(value)
    return value


def _told(
    error: ValidationError, file: YamlFile, options: Mapping[str, Any], places: Mapping[str, str], name: str
) -> str:
    """Every error with its line, each place once."""
    told: dict[str, list[str]] = {}
    for one in error.errors(include_url=False):
        key = str(one["loc"][0])
        told.setdefault(places.get(key, key), []).append(_wanted(one))
    lines = []
    for key, wanted in sorted(told.items(), key=lambda entry: file.lines.get((entry[0],), 0)):
        value = file.content[key]
        if key.replace("-", "_") == COMMAND:
            text = f"the file is for the command {value!r}, not for {name}"
        elif key.replace("-", "_") not in options:
            text = f"{key!r} is no option of {name}; {did_you_mean(key, options)}"
        else:
            shown = "" if isinstance(value, Mapping | list) else f", got {value!r}"
            text = f"{key} takes {' or '.join(dict.fromkeys(wanted))}{shown}"
        lines.append(f"{file.at((key,))}: {text}")
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "; ".join([*lines[:SHOWN], *more])


def _wanted(error: Mapping[str, Any]) -> str:
    """What one of pydantic's errors asks for."""
    limits = error.get("ctx", {})
    if "ge" in limits:
        return f"at least {limits['ge']}"
    if "le" in limits:
        return f"at most {limits['le']}"
    return WANTED.get(error["type"], str(error["msg"]))
