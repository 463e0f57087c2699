r"""Which line of a TOML file a key stands on; the parser of the standard library does not say.

>>> lines = line_numbers('alpha = 0.05\n\n[[rule]]\ntask = "geneval"\n')
>>> line_of(lines, "rule", 0, "task"), line_of(lines, "rule", 0, "margin")
(4, 3)
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from selfreward_eval.harness.user_files.text_files import split_lines

__all__ = ["Place", "line_numbers", "line_of"]

Place = tuple[str | int, ...]
"""Keys and positions in arrays of tables that lead to a value."""

_NAME = r"(?:[A-Za-z0-9_-]++|\"(?:[^\"\\]|\\.)*+\"|'[^']*+')"
_PATH = rf"({_NAME}(?:\s*+\.\s*+{_NAME})*+)\s*+"
# Possessive throughout: a line of a stranger's file takes time that grows with its length only.
_HEADER = re.compile(rf"\s*+(\[\[?+)\s*+{_PATH}\]\]?+\s*+(?:#.*)?$")
_KEY = re.compile(rf"\s*+{_PATH}=")
_PART = re.compile(r"\"((?:[^\"\\]|\\.)*+)\"|'([^']*+)'|([A-Za-z0-9_-]++)")
_LONG = re.compile(r'"""|\'\'\'')


def line_numbers(text: str) -> dict[Place, int]:
    """The line (from 1) of every table header and key of a valid TOML text.

    Keys inside inline tables have no line of their own; :func:`line_of` gives that of the table.
    """
    lines: dict[Place, int] = {(): 1}
    counts: dict[Place, int] = {}
    table: Place = ()
    closing = ""  # The quotes that end the long string this line begins in.
    for number, line in enumerate(split_lines(text), 1):
        if closing:
            closing = "" if closing in line else closing
            continue
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            path = _parts(header[2])
            table = path
            if header[1] == "[[":
                counts[path] = counts.get(path, -1) + 1
                table = (*path, counts[path])
            lines.setdefault(path, number)
            lines[table] = number
        elif key:
            lines.setdefault((*table, *_parts(key[1])), number)
            quotes = _LONG.findall(line[key.end() :])
            closing = quotes[0] if len(quotes) % 2 else ""
    return lines


def line_of(lines: Mapping[Place, int], *place: str | int) -> int:
    """The line of ``place``, or of the nearest table around it."""
    while place not in lines:
        place = place[:-1]
    return lines[place]


def _parts(dotted: str) -> Place:
    return tuple(double or single or bare for double, single, bare in _PART.findall(dotted))
