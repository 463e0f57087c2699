"""``gate.toml``, validated: unknown keys are refused, and every error names the file and the line.

::

    alpha = 0.05
    inconclusive = "report"

    [[rule]]
    task = "geneval"
    margin = 0.02
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError, did_you_mean
from selfreward_eval.harness.gating.lines import Place, line_numbers, line_of
from selfreward_eval.harness.gating.policy import (
    ANY,
    NONE,
    SCHEMA,
    Group,
    Kind,
    Policy,
    Rule,
    SequentialPlan,
)
from selfreward_eval.harness.user_files.text_files import split_lines

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from selfreward_eval.harness.gating.policy_schema import FamilyTable, PolicyFile, RuleTable

__all__ = ["read_policy"]

DOTS = 200
"""Most dots on a line; a key of a policy has one at most."""

SHOWN = 40
"""Characters of a wrong value that a message quotes."""


def read_policy(path: Path) -> Policy:
    """The policy in ``path``.

    Raises:
        InputError: the file is missing, is no TOML, or is no policy; the message begins with ``file:line``
            where there is a line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"no policy at {path} ({error.strerror}); docs/gating.md shows how to write one"
        ) from error
    try:
        # Editors write a byte order mark; TOML knows none.
        text = data.decode("utf-8-sig")
    except ValueError as error:
        raise InputError(f"{path} is not UTF-8 ({error}); write the policy as UTF-8") from error
    for number, line in enumerate(split_lines(text), 1):
        # The parser keeps every beginning of a dotted key: its memory grows with the square of the parts.
        if line.count(".") > DOTS and not line.lstrip().startswith("#"):
            raise InputError(f"{path}:{number} has more than {DOTS} dots; shorten the key or text")
    try:
        content = tomllib.loads(text)
    except ValueError as error:
        at = re.search(r"\(at line (\d+)", str(error))
        raise InputError(f"{path}{':' + at[1] if at else ''}: this is not TOML: {error}") from error
    except RecursionError:
        raise InputError(
            f"{path}: its values are nested too deeply; a policy has tables of numbers"
        ) from None
    reader = _Reader(path, line_numbers(text))
    return reader.policy(reader.validated(content), hashlib.sha256(data).hexdigest())


@dataclass(frozen=True)
class _Reader:
    """Turns the tables of a policy file into a policy.

    Attributes:
        path: of the file.
        lines: key -> its line.
    """

    path: Path
    lines: Mapping[Place, int]

    def validated(self, content: Mapping[str, Any]) -> PolicyFile:
        """The content by the schema, or the first error as an InputError; unknown keys come first."""
        from pydantic import ValidationError

        from selfreward_eval.harness.gating.policy_schema import PolicyFile

        try:
            return PolicyFile.model_validate(content)
        except ValidationError as invalid:
            errors = invalid.errors(include_url=False)
            error = min(errors, key=lambda error: error["type"] != "extra_forbidden")
            raise self.error(_message(error), *error["loc"]) from invalid

    def policy(self, file: PolicyFile, digest: str) -> Policy:
        """The policy, after the checks that relate several keys."""
        if file.schema_ != SCHEMA:
            raise self.error(f"schema {file.schema_} is not known; this version reads {SCHEMA}", "schema")
        if file.power <= file.alpha:
            raise self.error(f"power must be above alpha ({file.alpha:g}), got {file.power:g}", "power")
        groups = self.groups(file.family)
        rules = self.rules(file.rule, file.coverage, groups)
        for group in groups.values():
            if not any(rule.family == group.name for rule in rules):
                raise InputError(
                    f"{self.path}:{group.line}: no rule belongs to the family {group.name!r}; add "
                    f'family = "{group.name}" to its rules, or leave it out'
                )
        return Policy(
            file=str(self.path),
            sha256=digest,
            alpha=file.alpha,
            power=file.power,
            undecided_fails=file.inconclusive == "fail",
            rules=rules,
            groups=groups,
            sequential=SequentialPlan(file.sequential.batch, file.sequential.seed),
        )

    def groups(self, tables: Sequence[FamilyTable]) -> dict[str, Group]:
        groups: dict[str, Group] = {}
        for k, table in enumerate(tables):
            place: Place = ("family", k)
            if table.name in groups:
                raise self.error(f"a family {table.name!r} is declared above already", *place, "name")
            if table.require == ANY and table.correction == NONE:
                raise self.error(
                    f"the family {table.name!r} passes if any of its rules does, so every rule adds to the "
                    'error: it needs a correction ("holm")',
                    *place,
                    "correction",
                )
            groups[table.name] = Group(
                table.name, table.correction, table.require, line_of(self.lines, *place)
            )
        return groups

    def rules(
        self, tables: Sequence[RuleTable], coverage: float, groups: Mapping[str, Group]
    ) -> tuple[Rule, ...]:
        if not tables:
            raise self.error("a policy needs at least one [[rule]]")
        rules: dict[str, Rule] = {}
        for k, table in enumerate(tables):
            rule = self.rule(table, ("rule", k), coverage, groups)
            other = rules.setdefault(rule.name, rule)
            if other is not rule:
                raise self.error(
                    f"the rule {rule.name!r} stands on line {other.line} already; give one of them "
                    "another name, or leave it out",
                    "rule",
                    k,
                )
        return tuple(rules.values())

    def rule(self, table: RuleTable, place: Place, coverage: float, groups: Mapping[str, Group]) -> Rule:
        numbers = {Kind.MARGIN: table.margin, Kind.IMPROVE: table.improve, Kind.FLOOR: table.floor}
        stated = [(kind, number) for kind, number in numbers.items() if number is not None]
        if len(stated) != 1:
            names = " and ".join(kind for kind, _ in stated) or "none of them"
            raise self.error(
                f"a rule has one of margin, improve and floor, this one has {names}; write a rule for each",
                *place,
                *(kind for kind, _ in stated[1:2]),
            )
        ((kind, number),) = stated
        if table.family is not None and table.family not in groups:
            declared = ", ".join(groups) or "none"
            raise self.error(
                f"the family {table.family!r} is not declared; add a [[family]] of that name (declared: "
                f"{declared})",
                *place,
                "family",
            )
        if table.family is not None and kind is Kind.FLOOR:
            raise self.error(
                "a floor is a limit, not a claim about a change; it belongs to no family", *place, "family"
            )
        score = table.task if table.category is None else f"{table.task}/{table.category}"
        return Rule(
            name=f"{score} {kind}" if table.name is None else table.name,
            task=table.task,
            category=table.category,
            kind=kind,
            number=number,
            coverage=coverage if table.coverage is None else table.coverage,
            family=table.family,
            line=line_of(self.lines, *place),
        )

    def error(self, message: str, *place: str | int) -> InputError:
        return InputError(f"{self.path}:{line_of(self.lines, *place)}: {message}")


def _message(error: ErrorDetails) -> str:
    """What is wrong with one key, in words."""
    names = [part for part in error["loc"] if isinstance(part, str)]
    key, fields = names[-1], _fields(names)
    if error["type"] == "extra_forbidden":
        hint = did_you_mean(key, list(fields), f"known here: {', '.join(fields)}")
        return f"unknown key {key!r}; {hint}"
    if error["type"] == "missing":
        return f"{key} is missing here"
    return f"{key} must be {fields[key].description}, got {_kind(error['input'])}"


def _fields(names: Sequence[str]) -> dict[str, FieldInfo]:
    """Key -> field, of the table that has the last of ``names``."""
    from selfreward_eval.harness.gating import policy_schema

    tables: dict[str, type[BaseModel]] = {
        "rule": policy_schema.RuleTable,
        "family": policy_schema.FamilyTable,
        "sequential": policy_schema.SequentialTable,
    }
    table = tables[names[0]] if len(names) > 1 else policy_schema.PolicyFile
    return {field.alias or name: field for name, field in table.model_fields.items()}


def _kind(value: object) -> str:
    """A value with its type, as TOML calls it."""
    names = {str: "the text", bool: "the truth value", int: "the number", float: "the number", list: "a list"}
    name = names.get(type(value), "a table" if isinstance(value, dict) else "a date")
    if isinstance(value, dict | list):
        return name
    text = repr(value)
    return f"{name} {text}" if len(text) <= SHOWN else f"{name} {text[:SHOWN]}... ({len(text)} characters)"
