"""Aggregates over a run: per skill, per number of atoms, and totals, in per cent as upstream prints them.

Source: facebookresearch/GenEval2 at a6e82d2, ``soft_tifa_analysis.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import SampleRecord
from selfreward_eval.tasks.geneval2.scoring import soft_tifa

SKILLS = ("object", "attribute", "count", "position", "verb")
"""In upstream's order."""

ATOMS = range(3, 11)
"""How many atoms a prompt has."""


@dataclass(frozen=True)
class Row:
    """One picture's atoms.

    Attributes:
        atoms: the prompt's number of atoms according to the official file.
        skills: of every question.
        scores: of every question, aligned.
    """

    atoms: int
    skills: tuple[str, ...]
    scores: tuple[float, ...]


def per_skill(rows: Sequence[Row]) -> dict[str, float]:
    """Skill -> 100 x the mean over all its atoms of all pictures; a skill without atoms is left out.

    Raises:
        InputError: a skill that GenEval 2 does not have, not one skill per score, or a score that is no
            probability. Upstream refuses the first two.
    """
    pools: dict[str, list[float]] = {}
    for row in rows:
        if len(row.skills) != len(row.scores):
            raise InputError(
                f"a picture has {len(row.scores)} scores for {len(row.skills)} skills; score it anew"
            )
        for skill, score in zip(row.skills, row.scores, strict=True):
            pools.setdefault(require_skill(skill), []).append(_probability(score))
    return {skill: _percent(pools[skill]) for skill in SKILLS if skill in pools}


def whole_skills(rows: Sequence[Row]) -> dict[str, float]:
    """The same as upstream's script computes it, which needs every skill to be present.

    Raises:
        InputError: as :func:`per_skill`, or a skill has no atom; upstream divides by zero there.
    """
    means = per_skill(rows)
    if lacking := [skill for skill in SKILLS if skill not in means]:
        raise InputError(f"no atom of the skill {lacking[0]!r} is scored; score the whole benchmark")
    return means


def per_atomicity(rows: Sequence[Row]) -> dict[int, float]:
    """Number of atoms -> 100 x the mean over its pictures of their geometric means.

    Raises:
        InputError: a number of atoms that GenEval 2 does not have, which upstream refuses, or a score that
            is no probability.
    """
    pools: dict[int, list[float]] = {}
    for row in rows:
        scores = [_probability(score) for score in row.scores]
        pools.setdefault(require_atoms(row.atoms), []).append(soft_tifa(scores).geometric)
    return {atoms: _percent(pools[atoms]) for atoms in sorted(pools)}


def whole_atomicity(rows: Sequence[Row]) -> dict[int, float]:
    """The same as upstream's script computes it, which needs every number of atoms to be present.

    Raises:
        InputError: as :func:`per_atomicity`, or a number of atoms has no picture; upstream divides by zero
            there.
    """
    means = per_atomicity(rows)
    if lacking := [atoms for atoms in ATOMS if atoms not in means]:
        raise InputError(
            f"no picture of a prompt with {lacking[0]} atoms is scored; score the whole benchmark"
        )
    return means


def require_skill(skill: object) -> str:
    """``skill`` itself, if it is one of :data:`SKILLS`.

    Raises:
        InputError: it is not; a sixth skill would be a row of no published table.
    """
    if not isinstance(skill, str) or skill not in SKILLS:
        raise InputError(f"GenEval 2 has no skill {skill!r}, only {', '.join(SKILLS)}; correct the row")
    return skill


def require_atoms(atoms: object) -> int:
    """``atoms`` itself, if it is one of :data:`ATOMS`.

    Raises:
        InputError: it is not.
    """
    if isinstance(atoms, bool) or not isinstance(atoms, int) or atoms not in ATOMS:
        raise InputError(
            f"GenEval 2 has no prompt of {atoms!r} atoms, only of {ATOMS[0]} to {ATOMS[-1]}; correct the row"
        )
    return atoms


def further_numbers(records: Sequence[SampleRecord]) -> dict[str, float]:
    """Upstream's numbers over the pictures that were scored, in per cent; empty where none was."""
    scored = [record for record in records if record.measurement.ok]
    if not scored:
        return {}
    rows = [_row(record) for record in scored]
    totals = {
        f"{name}_x100": _percent([record.measurement.values[name] for record in scored])
        for name in ("soft_tifa_gm", "soft_tifa_am", "tifa")
    }
    skills = {f"skill_{name}_am_x100": value for name, value in per_skill(rows).items()}
    return totals | skills | {f"atoms_{n}_gm_x100": value for n, value in per_atomicity(rows).items()}


def _row(record: SampleRecord) -> Row:
    try:
        atoms: Sequence[Mapping[str, Any]] = record.measurement.evidence["atoms"]
        return Row(
            record.item.metadata["atom_count"],
            tuple(atom["skill"] for atom in atoms),
            tuple(atom["probability"] for atom in atoms),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the sample of item {record.item.id!r} holds no atoms ({error!r}); run it again"
        ) from error


def _probability(score: object) -> float:
    """``score``, if it is a number in [0, 1]; text is none, although it may look like one."""
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise InputError(f"{score!r} is no probability; correct the instrument")
    return float(score)


def _percent(values: Sequence[float]) -> float:
    return 100 * fsum(values) / len(values)
