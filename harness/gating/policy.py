"""What a gate asks for: rules on tasks and categories, families of rules, error rate and power."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "ALL",
    "ALPHA",
    "ANY",
    "BATCH",
    "COVERAGE",
    "NONE",
    "POWER",
    "SCHEMA",
    "Group",
    "Kind",
    "Policy",
    "Rule",
    "SequentialPlan",
]

ALL, ANY = "all", "any"
"""How many rules of a family have to pass."""

NONE = "none"
"""A family whose p-values are not corrected."""

SCHEMA = 1
"""Version of the policy file's format."""

ALPHA, POWER = 0.05, 0.8
"""Of a policy that does not state its own."""

COVERAGE = 0.99
"""A rule's coverage unless it states its own: more missing samples could hide a loss."""

BATCH = 25
"""Items between two looks of a sequential gate."""


class Kind(StrEnum):
    """What a rule asks of a score."""

    MARGIN = "margin"
    """Non-inferiority: the loss is smaller than the rule's number."""
    IMPROVE = "improve"
    """Superiority: the gain is larger than the rule's number."""
    FLOOR = "floor"
    """The candidate's own score is no worse than the rule's number."""


@dataclass(frozen=True)
class Rule:
    """One claim about one score; it gets one verdict.

    Attributes:
        name: unique within the policy; the score and the kind by default.
        task: registry name.
        category: of the task, or None for its headline score.
        kind: ``margin``: the loss is smaller than ``number``; ``improve``: the gain is larger;
            ``floor``: the candidate's own score is no worse.
        number: in the metric's units: a margin is above 0, an improvement 0 or more.
        coverage: smallest share of planned samples that must have a number, in [0, 1].
        family: name of its family, or None.
        line: of the policy file.
    """

    name: str
    task: str
    category: str | None
    kind: Kind
    number: float
    coverage: float
    family: str | None
    line: int

    @property
    def score(self) -> str:
        """``task`` or ``task/category``."""
        return self.task if self.category is None else f"{self.task}/{self.category}"

    @property
    def asks(self) -> str:
        """The claim for a reader, such as ``loss < 0.02``."""
        sign = {Kind.MARGIN: "loss <", Kind.IMPROVE: "gain >", Kind.FLOOR: "no worse than"}
        return f"{sign[self.kind]} {self.number:g}"


@dataclass(frozen=True)
class Group:
    """Rules whose p-values are corrected together.

    Attributes:
        name: as rules refer to it.
        correction: ``holm``, ``bh``, ``by`` or ``none``.
        require: ``all``: every member has to pass; ``any``: one is enough.
        line: of the policy file.
    """

    name: str
    correction: str
    require: str
    line: int


@dataclass(frozen=True)
class SequentialPlan:
    """When a sequential gate looks.

    Attributes:
        batch: items between two looks.
        seed: of the random order.
    """

    batch: int
    seed: int


@dataclass(frozen=True)
class Policy:
    """A whole policy.

    Attributes:
        file: where it was read from.
        sha256: of the file.
        alpha: one-sided error of every verdict, in (0, 0.5).
        power: for the sample size that would decide a rule, in (alpha, 1).
        undecided_fails: whether INCONCLUSIVE counts as FAIL overall.
        rules: at least one.
        groups: name -> family, each with at least one member.
        sequential: when a sequential gate looks.
    """

    file: str
    sha256: str
    alpha: float
    power: float
    undecided_fails: bool
    rules: tuple[Rule, ...]
    groups: dict[str, Group]
    sequential: SequentialPlan

    @property
    def tasks(self) -> list[str]:
        """The tasks that a rule is about, in the file's order."""
        return list(dict.fromkeys(rule.task for rule in self.rules))

    def members(self, group: str) -> tuple[Rule, ...]:
        """The rules of a family."""
        return tuple(rule for rule in self.rules if rule.family == group)
