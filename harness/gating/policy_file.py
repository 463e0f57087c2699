"""``gate.toml``: read strictly. What it does not know it refuses, with the file and the line.

::

    alpha = 0.05
    inconclusive = "report"

    [[rule]]
    task = "geneval"
    margin = 0.02
"""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from selfreward_eval.harness.comparing.families import CORRECTIONS
from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.gating.lines import Place, line_numbers, line_of
from selfreward_eval.harness.gating.policy import ALL, ANY, NONE, Group, Kind, Policy, Rule, SequentialPlan

__all__ = ["BATCH", "COVERAGE", "SCHEMA", "read_policy"]

SCHEMA = 1
COVERAGE = 0.99
"""A rule's coverage unless it says otherwise: more missing samples could hide what was lost."""

BATCH = 25
REPORT, FAIL = "report", "fail"

_TOP = ("schema", "alpha", "power", "coverage", "inconclusive", "sequential", "family", "rule")
_RULE = ("name", "task", "category", *Kind, "coverage", "family")
_FAMILY = ("name", "correction", "require")
_SEQUENTIAL = ("batch", "seed")


def read_policy(path: Path) -> Policy:
    """The policy in ``path``.

    Raises:
        InputError: the file is missing, is no TOML, or says what a policy cannot; the message begins with
            ``file:line``.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"no policy at {path} ({error.strerror}); docs/gating.md shows how to write one"
        ) from error
    try:
        text = data.decode("utf-8")
        content = tomllib.loads(text)
    except ValueError as error:
        at = re.search(r"\(at line (\d+)", str(error))
        raise InputError(f"{path}{':' + at[1] if at else ''}: this is not TOML: {error}") from error
    return _Reader(path, line_numbers(text)).policy(content, hashlib.sha256(data).hexdigest())


@dataclass(frozen=True)
class _Reader:
    path: Path
    lines: Mapping[Place, int]

    def policy(self, content: Mapping[str, Any], digest: str) -> Policy:
        self.known(content, _TOP, ())
        schema = self.whole(content, "schema", (), SCHEMA, at_least=1)
        if schema != SCHEMA:
            raise self.error(f"schema {schema} is not known; this version reads {SCHEMA}", "schema")
        alpha = self.number(content, "alpha", (), 0.05, above=0.0, below=0.5)
        power = self.number(content, "power", (), 0.8, above=alpha, below=1.0)
        coverage = self.number(content, "coverage", (), COVERAGE, at_least=0.0, at_most=1.0)
        undecided = self.choice(content, "inconclusive", (), (REPORT, FAIL), REPORT)
        groups = self.groups(self.tables(content, "family"))
        rules = self.rules(self.tables(content, "rule"), coverage, groups)
        for group in groups.values():
            if not any(rule.family == group.name for rule in rules):
                raise InputError(
                    f"{self.path}:{group.line}: no rule belongs to the family {group.name!r}; add "
                    f'family = "{group.name}" to its rules, or leave it out'
                )
        return Policy(
            str(self.path), digest, alpha, power, undecided == FAIL, rules, groups, self.looks(content)
        )

    def looks(self, content: Mapping[str, Any]) -> SequentialPlan:
        table = content.get("sequential", {})
        if not isinstance(table, dict):
            raise self.error(f"sequential must be a table, got {_kind(table)}", "sequential")
        place: Place = ("sequential",)
        self.known(table, _SEQUENTIAL, place)
        return SequentialPlan(
            self.whole(table, "batch", place, BATCH, at_least=1),
            self.whole(table, "seed", place, 0, at_least=0),
        )

    def groups(self, tables: Sequence[Mapping[str, Any]]) -> dict[str, Group]:
        groups: dict[str, Group] = {}
        for k, table in enumerate(tables):
            place: Place = ("family", k)
            self.known(table, _FAMILY, place)
            name = self.text(table, "name", place)
            if name in groups:
                raise self.error(f"a family {name!r} is declared above already", *place, "name")
            correction = self.choice(table, "correction", place, (*CORRECTIONS, NONE), "holm")
            require = self.choice(table, "require", place, (ALL, ANY), ALL)
            if require == ANY and correction == NONE:
                raise self.error(
                    f"the family {name!r} passes if any rule does, and every further rule is a further "
                    'chance: it needs a correction ("holm")',
                    *place,
                    "correction",
                )
            groups[name] = Group(name, correction, require, line_of(self.lines, *place))
        return groups

    def rules(
        self, tables: Sequence[Mapping[str, Any]], coverage: float, groups: Mapping[str, Group]
    ) -> tuple[Rule, ...]:
        if not tables:
            raise self.error("a policy needs at least one [[rule]]")
        rules: list[Rule] = []
        for k, table in enumerate(tables):
            rule = self.rule(table, ("rule", k), coverage, groups)
            for other in rules:
                if other.name == rule.name:
                    raise self.error(
                        f"the rule {rule.name!r} stands on line {other.line} already; give one of them "
                        "another name, or leave it out",
                        "rule",
                        k,
                    )
            rules.append(rule)
        return tuple(rules)

    def rule(
        self, table: Mapping[str, Any], place: Place, coverage: float, groups: Mapping[str, Group]
    ) -> Rule:
        self.known(table, _RULE, place)
        task = self.text(table, "task", place)
        category = self.text(table, "category", place) if "category" in table else None
        kinds = [kind for kind in Kind if kind in table]
        if len(kinds) != 1:
            found = "none of them" if not kinds else " and ".join(kinds)
            raise self.error(
                f"a rule has one of margin, improve and floor, this one has {found}; write a rule for each",
                *place,
                *kinds[1:2],
            )
        (kind,) = kinds
        limits: dict[str, float] = {"above": 0.0} if kind is Kind.MARGIN else {"at_least": 0.0}
        number = self.number(table, kind, place, **({} if kind is Kind.FLOOR else limits))
        family = self.text(table, "family", place) if "family" in table else None
        if family is not None and family not in groups:
            known = ", ".join(groups) or "none"
            raise self.error(
                f"the family {family!r} is not declared; add a [[family]] of that name (declared: {known})",
                *place,
                "family",
            )
        if family is not None and kind is Kind.FLOOR:
            raise self.error(
                "a floor is a limit, not a claim about a change; it belongs to no family", *place, "family"
            )
        score = task if category is None else f"{task}/{category}"
        return Rule(
            self.text(table, "name", place) if "name" in table else f"{score} {kind}",
            task,
            category,
            kind,
            number,
            self.number(table, "coverage", place, coverage, at_least=0.0, at_most=1.0),
            family,
            line_of(self.lines, *place),
        )

    # Values

    def known(self, table: Mapping[str, Any], names: Sequence[str], place: Place) -> None:
        for key in table:
            if key not in names:
                close = difflib.get_close_matches(key, names, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(names)}"
                raise self.error(f"unknown key {key!r}; {hint}", *place, key)

    def tables(self, content: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        value = content.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self.error(f"{key} must be tables, each under [[{key}]], got {_kind(value)}", key)
        return value

    def text(self, table: Mapping[str, Any], key: str, place: Place) -> str:
        if key not in table:
            raise self.error(f"{key} is missing here", *place)
        value = table[key]
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{key} must be a text that is not empty, got {_kind(value)}", *place, key)
        return value

    def choice(
        self, table: Mapping[str, Any], key: str, place: Place, known: Sequence[str], default: str
    ) -> str:
        value = table.get(key, default)
        if value not in known:
            raise self.error(f"{key} must be one of {', '.join(known)}, got {value!r}", *place, key)
        return str(value)

    def whole(self, table: Mapping[str, Any], key: str, place: Place, default: int, *, at_least: int) -> int:
        value = table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
            raise self.error(
                f"{key} must be a whole number of at least {at_least}, got {_kind(value)}", *place, key
            )
        return value

    def number(
        self, table: Mapping[str, Any], key: str, place: Place, default: float | None = None, **limits: float
    ) -> float:
        value = table.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
            raise self.error(f"{key} must be a number, got {_kind(value)}", *place, key)
        fits = {
            "above": lambda limit: value > limit,
            "at_least": lambda limit: value >= limit,
            "below": lambda limit: value < limit,
            "at_most": lambda limit: value <= limit,
        }
        if not all(fits[name](limit) for name, limit in limits.items()):
            said = " and ".join(f"{name.replace('_', ' ')} {limit:g}" for name, limit in limits.items())
            raise self.error(f"{key} must be {said}, got {value:g}", *place, key)
        return float(value)

    def error(self, message: str, *place: str | int) -> InputError:
        return InputError(f"{self.path}:{line_of(self.lines, *place)}: {message}")


def _kind(value: object) -> str:
    """A value with its type, as TOML calls it."""
    names = {str: "the text", bool: "the truth value", int: "the number", float: "the number", list: "a list"}
    name = names.get(type(value), "a table" if isinstance(value, dict) else "a date")
    return name if isinstance(value, dict | list) else f"{name} {value!r}"
