"""The schema of ``gate.toml`` as pydantic models: keys, types, ranges and defaults.

A field's ``description`` says what its value must be; it completes the error message
``alpha must be ...``. Rules that relate several keys are in
:mod:`selfreward_eval.harness.gating.policy_file`, which imports this module when a policy is read.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from selfreward_eval.harness.comparing.families import CORRECTIONS
from selfreward_eval.harness.gating.policy import ALPHA, BATCH, COVERAGE, NONE, POWER, SCHEMA

__all__ = ["FamilyTable", "PolicyFile", "RuleTable", "SequentialTable"]

CORRECTION_NAMES = (*CORRECTIONS, NONE)

TEXT = "a text without control characters that is not empty"
LARGEST = 2**63 - 1
"""Whole numbers of TOML have 64 bits."""

WHOLE_0 = f"a whole number of at least 0 and at most {LARGEST}"
WHOLE_1 = f"a whole number of at least 1 and at most {LARGEST}"

SHARE = "a number of at least 0 and at most 1"
VISIBLE = r"^[^\p{Cc}]*[^\s\p{Cc}][^\p{Cc}]*$"
"""Control characters of a stranger's policy would steer the terminal that shows it."""


class _Table(BaseModel):
    """A TOML table: unknown keys, other types and numbers that are not finite are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class SequentialTable(_Table):
    """``[sequential]``."""

    batch: int = Field(default=BATCH, ge=1, le=LARGEST, description=WHOLE_1)
    """Items between two looks."""
    seed: int = Field(default=0, ge=0, le=LARGEST, description=WHOLE_0)
    """Of the random order of the items."""


class FamilyTable(_Table):
    """``[[family]]``: rules whose p-values are corrected together."""

    name: str = Field(pattern=VISIBLE, description=TEXT)
    """As rules refer to it."""
    correction: str = Field(
        default="holm",
        pattern=f"^(?:{'|'.join(CORRECTION_NAMES)})$",
        description=f"one of {', '.join(CORRECTION_NAMES)}",
    )
    """How its p-values are adjusted."""
    require: Literal["all", "any"] = Field(default="all", description="one of all, any")
    """How many of its rules have to pass."""


class RuleTable(_Table):
    """``[[rule]]``: one claim about one score; it has one of margin, improve and floor."""

    task: str = Field(pattern=VISIBLE, description=TEXT)
    """Registry name."""
    category: str | None = Field(default=None, pattern=VISIBLE, description=TEXT)
    """Of the task; without it the rule is about the headline score."""
    margin: float | None = Field(default=None, gt=0, description="a number above 0")
    """The loss is smaller than this."""
    improve: float | None = Field(default=None, ge=0, description="a number of at least 0")
    """The gain is larger than this."""
    floor: float | None = Field(default=None, description="a number")
    """The candidate's own score is no worse than this."""
    coverage: float | None = Field(default=None, ge=0, le=1, description=SHARE)
    """Smallest share of planned samples that must have a number; the policy's by default."""
    family: str | None = Field(default=None, pattern=VISIBLE, description=TEXT)
    """Name of the rule's family."""
    name: str | None = Field(default=None, pattern=VISIBLE, description=TEXT)
    """Unique within the policy; the score and the kind by default."""


class PolicyFile(_Table):
    """The whole file."""

    schema_: int = Field(default=SCHEMA, alias="schema", ge=1, le=LARGEST, description=WHOLE_1)
    """Version of this format."""
    alpha: float = Field(default=ALPHA, gt=0, lt=0.5, description="a number above 0 and below 0.5")
    """One-sided error of every verdict."""
    power: float = Field(default=POWER, gt=0, lt=1, description="a number above alpha and below 1")
    """For the sample size that would decide a rule."""
    coverage: float = Field(default=COVERAGE, ge=0, le=1, description=SHARE)
    """Of the rules that do not state their own."""
    inconclusive: Literal["report", "fail"] = Field(default="report", description="one of report, fail")
    """``fail`` counts INCONCLUSIVE as FAIL."""
    sequential: SequentialTable = Field(default=SequentialTable(), description="a table")
    """When a sequential gate looks."""
    family: tuple[FamilyTable, ...] = Field(
        default=(), strict=False, description="tables, each under [[family]]"
    )
    """Families of rules."""
    rule: tuple[RuleTable, ...] = Field(default=(), strict=False, description="tables, each under [[rule]]")
    """The rules, at least one."""
