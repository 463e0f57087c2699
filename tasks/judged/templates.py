"""Prompt templates for judges: text files with ``$names`` to fill in, identified by their hash.

>>> Template("greeting", "Hello $name!").fill(name="you")
'Hello you!'

``$$`` is a dollar sign. A user's own file may replace ours if it has the same names.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError, UsageError


@dataclass(frozen=True)
class Template:
    """One prompt.

    Attributes:
        name: its purpose.
        text: with the names to fill in.
    """

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Of the text, 64 hex digits: part of a score's identity."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()

    @property
    def names(self) -> frozenset[str]:
        """The names to fill in."""
        return frozenset(string.Template(self.text).get_identifiers())

    def fill(self, **values: Any) -> str:
        """The text with every name replaced; names inside a value are not replaced.

        Values whose name is not in the text are ignored.
        """
        return string.Template(self.text).substitute(values)


def load_template(
    name: str, ours: Path, own: str | Path | None, needs: Collection[str], may: Collection[str] = ()
) -> Template:
    """A template from a file, without white space around it.

    Args:
        name: its purpose, for messages and hashes.
        ours: the file that ships with the task.
        own: a user's file that replaces it.
        needs: names that the text must contain.
        may: further names that the text may contain.

    Raises:
        InputError: the file cannot be read.
        UsageError: it lacks a needed name, holds an unknown one, or a lone dollar sign.
    """
    path = ours if own is None else Path(own).expanduser()
    try:
        template = Template(name, path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the {name} template {path} cannot be read ({error}); give another file") from error
    known = {*needs, *may}
    if not string.Template(template.text).is_valid():
        raise UsageError(f"the {name} template {path} holds a lone $; write $$ for a dollar sign")
    if lacking := sorted(set(needs) - template.names):
        raise UsageError(f"the {name} template {path} lacks ${', $'.join(lacking)}; add what the judge needs")
    if odd := sorted(template.names - known):
        names = f"it may hold ${', $'.join(sorted(known))}" if known else "it may hold none"
        raise UsageError(f"the {name} template {path} holds the unknown name ${odd[0]}; {names}")
    return template


def hashes(templates: Mapping[str, Template]) -> dict[str, str]:
    """Name -> hash, as the run's identity and every sample's evidence hold them."""
    return {name: template.sha256 for name, template in templates.items()}
