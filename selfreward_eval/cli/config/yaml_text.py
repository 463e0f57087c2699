"""YAML with lines: plain values mean what they mean on the command line, and errors say where.

YAML 1.1 reads ``no`` as false, ``007`` as 7 and ``1:30`` as 90. Here a plain value is read by
:func:`selfreward_eval.harness.values.read_value`, as on the command line. What is in quotes is text.
Anchors, aliases and tags are refused: nothing here needs them, and with them a small file can stand for a
huge one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.values import WrittenFloat, WrittenInt, read_value

__all__ = ["YamlFile", "read_yaml", "written"]

LONGEST = 1 << 20
"""Bytes of a configuration file."""

Place = tuple[str | int, ...]
"""Keys and numbers of list entries that lead to a value."""


@dataclass(frozen=True)
class YamlFile:
    """What a file holds.

    Attributes:
        path: of the file.
        content: of its top level.
        lines: place of every key and list entry -> its line, from 1.
    """

    path: Path
    content: dict[str, Any]
    lines: dict[Place, int] = field(default_factory=dict)

    def at(self, place: Place) -> str:
        """The file and the line of ``place``, or of the nearest thing around it, for a message."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.path}, line {self.lines[place]}" if place else str(self.path)


def read_yaml(path: Path) -> YamlFile:
    """A file whose top level has keys.

    Raises:
        InputError: it cannot be read.
        UsageError: it is no YAML, or uses more of it than keys, lists and values; the message has the line.
    """
    import yaml

    try:
        data = path.read_bytes()
        if len(data) > LONGEST:
            raise UsageError(
                f"--config {path} has {len(data)} bytes, which is too large for a list of options"
            )
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"--config {path} cannot be read: {reason}") from error
    try:
        _refuse_references(path, yaml.parse(text, Loader=yaml.SafeLoader))
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageError(f"{path}{line}: {error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError) as error:
        reason = str(error).splitlines()[0] if isinstance(error, yaml.YAMLError) else "it is nested too deep"
        raise UsageError(f"{path} is no YAML file: {reason}") from error
    lines: dict[Place, int] = {}
    content = {} if root is None else _plain(path, root, (), lines)
    if not isinstance(content, dict):
        raise UsageError(f"{path}, line 1: write one option a line, such as `model: tiny`")
    return YamlFile(path, content, lines)


def _refuse_references(path: Path, events: Iterator[Any]) -> None:
    for event in events:
        if getattr(event, "anchor", None) or getattr(event, "tag", None):
            line = event.start_mark.line + 1
            raise UsageError(f"{path}, line {line}: anchors (&), aliases (*) and tags (!) are not read here")


def _plain(path: Path, node: Any, place: Place, lines: dict[Place, int]) -> Any:
    """A node as plain values; ``lines`` gets the place of everything in it."""
    import yaml

    if isinstance(node, yaml.ScalarNode):
        if node.style is not None:
            return node.value
        return None if node.value in ("", "~") else read_value(node.value)
    if isinstance(node, yaml.SequenceNode):
        values = []
        for number, inner in enumerate(node.value):
            lines[(*place, number)] = inner.start_mark.line + 1
            values.append(_plain(path, inner, (*place, number), lines))
        return values
    mapping: dict[str, Any] = {}
    for key_node, inner in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or not key_node.value:
            raise UsageError(f"{path}, line {line}: a key is a word")
        key = key_node.value
        if key in mapping:
            first = lines[(*place, key)]
            raise UsageError(f"{path}, line {line}: {key!r} stands in line {first} already")
        lines[(*place, key)] = line
        mapping[key] = _plain(path, inner, (*place, key), lines)
    return mapping


_BARE = re.compile(r"[A-Za-z0-9_./][\w./+-]*(?: [\w./+-]+)*", re.ASCII)
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def written(content: Mapping[str, Any], indent: str = "") -> str:
    """Lines of YAML that :func:`read_yaml` reads ``content`` from.

    >>> print(written({"model": "tiny", "model_args": {"name": "007, 8"}, "tasks": ["a", "b"]}), end="")
    model: tiny
    model_args:
      name: "007, 8"
    tasks: [a, b]
    """
    lines = []
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            lines.append(f"{indent}{_value(str(key))}:\n{written(value, indent + '  ')}")
        else:
            lines.append(f"{indent}{_value(str(key))}: {_value(value)}\n")
    return "".join(lines)


def _value(value: Any) -> str:
    """One value on one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, WrittenInt | WrittenFloat):
        return value.text
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_value(str(key))}: {_value(inner)}' for key, inner in value.items())}}}"
    text = str(value)
    if _BARE.fullmatch(text) and isinstance(read_value(text), str):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda letter: f"\\u{ord(letter[0]):04x}", quoted)
