"""Reads lm-eval result files, ours and others', into rows that a leaderboard may show and never ranks.

A ``results_*.json`` has means and no items, so nothing in it can be paired. Every
row therefore says why it stands apart: its task is not known here, it was measured
by another program, or under another protocol version. A row of ours at the present
version says that its run folder could be ranked. A row that cannot be true, such as
one with a negative standard error, is left out by itself, and a note names it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.models.layouts.base import printable
from selfreward_eval.harness.registry import registry
from selfreward_eval.harness.runs.results import SCHEMA
from selfreward_eval.harness.user_files.text_files import parse_json
from selfreward_eval.leaderboards.imported import Imported, load_imported, write_imported
from selfreward_eval.leaderboards.result_file_facts import date_of, model_of

__all__ = ["Import", "Imported", "import_results", "known_tasks", "load_imported", "write_imported"]

RANKABLE = "means only: give the run's folder to `leaderboard build` and it is ranked"

_NOT_METRICS = {"", "alias", "name", "samples", "sample_len", "sample_count"}

_ABOUT_A_METRIC = re.compile(r".+_stderr(_[a-z]+)?|paired_(ci_.*|p_?value|baseline.*)")
"""lmms-eval has ``_stderr_clt`` and ``_stderr_clustered`` beside lm-eval's ``_stderr``, and compares runs."""

_ERRORS = ("_stderr", "_stderr_clustered", "_stderr_clt")
"""In this order, the first that is a number."""


class _OddRow(Exception):
    """A row that cannot be true; the message says which and why."""


@dataclass(frozen=True)
class Import:
    """What result files hold.

    Attributes:
        rows: file by file, in each file's own order.
        notes: what was left out or is not as the file says, one line each.
    """

    rows: tuple[Imported, ...]
    notes: tuple[str, ...]


def known_tasks() -> dict[str, str]:
    """Registered task -> its protocol version, empty for one that cannot be imported here."""
    found = {}
    for name in registry("tasks"):
        try:
            found[name] = str(registry("tasks").load(name).info.version)
        except Exception:  # An absent extra, or a plug-in that fails: `list tasks` says why.
            found[name] = ""
    return found


def import_results(paths: Sequence[Path], tasks: Mapping[str, str]) -> Import:
    """The rows of result files.

    Args:
        paths: of ``results_*.json`` files.
        tasks: known task -> protocol version, from :func:`known_tasks`.

    Raises:
        InputError: a file that is missing, no JSON, not laid out as lm-eval does, or without any row that
            can be true; the message has the file and the field. The same file twice is refused as well.
    """
    rows: list[Imported] = []
    notes: list[str] = []
    seen: dict[str, Path] = {}
    for path in paths:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise InputError(f"no result file at {path}; lm-eval writes results_<date>.json") from None
        except IsADirectoryError:
            raise InputError(f"{path} is a folder; name the results_*.json files in it") from None
        digest = hashlib.sha256(data).hexdigest()
        if digest in seen:
            raise InputError(f"{path} and {seen[digest]} are the same file; give one of them")
        seen[digest] = path
        try:
            content = parse_json(data.decode("utf-8-sig"), lenient=True)
        except ValueError as error:
            raise InputError(f"{path} is not JSON ({error}); give a results_*.json of lm-eval") from error
        found = _rows(content, path, digest, tasks)
        rows += found.rows
        notes += [f"{path}: {note}" for note in found.notes]
    return Import(tuple(rows), tuple(notes))


def _rows(content: Any, path: Path, digest: str, tasks: Mapping[str, str]) -> Import:
    if not isinstance(content, dict) or not isinstance(content.get("results"), dict):
        raise InputError(f"{path} has no object 'results'; give a results_*.json of lm-eval")
    if not content["results"]:
        raise InputError(f"{path} has no task in 'results'; was the evaluation interrupted?")
    versions, counts = _part(content, "versions", path), _part(content, "n-samples", path)
    higher, config = _part(content, "higher_is_better", path), _part(content, "config", path)
    subtasks = _part(content, "group_subtasks", path)
    parents = {str(one): str(name) for name, members in subtasks.items() for one in _names(members, path)}
    ours = _ours(content, path)
    model, note = model_of(content, config, ours=ours)
    if not model:
        raise InputError(f"{path} names no model (neither 'model_name' nor 'config.model'); add one")
    date, date_note = date_of(content.get("date"))
    rows, odd = [], []
    for task, row in content["results"].items():
        version = versions.get(task)
        told = "" if version is None else printable(str(version))
        try:
            if not isinstance(row, dict):
                raise _OddRow(f"results.{printable(task)} is a {type(row).__name__}, expected an object")
            n = _count(counts.get(task), f"n-samples.{printable(task)}")
        except _OddRow as error:
            odd.append(str(error))
            continue
        for key, value in row.items():
            name, _, filtered = key.partition(",")
            if name.strip() in _NOT_METRICS or _ABOUT_A_METRIC.fullmatch(name):
                continue
            where = f"results.{printable(task)}"
            try:
                number = _number(value, f"{where}.{printable(key)}")
                se = _error(row, key, name, filtered, where)
            except _OddRow as error:
                odd.append(str(error))
                continue
            rows.append(
                Imported(
                    model=model,
                    task=printable(task),
                    version=told,
                    metric=printable(name),
                    filter=printable(filtered) or "none",
                    value=number,
                    se=se,
                    n=n,
                    higher_is_better=_direction(higher.get(task), name),
                    date=date,
                    file=printable(path.name),
                    sha256=digest,
                    ours=ours,
                    standing=_standing(printable(task), parents, told, ours, tasks),
                )
            )
    if not rows and odd:
        raise InputError(f"{path}: no row can be used; {odd[0]}; correct the file")
    left_out = [f"{reason}; the row is left out" for reason in odd]
    return Import(tuple(rows), (*filter(None, (note, date_note)), *left_out))


def _part(content: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    part = content.get(key)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise InputError(f"{path}: {key!r} is a {type(part).__name__}, expected an object")
    return part


def _names(members: Any, path: Path) -> list[Any]:
    if not isinstance(members, list):
        raise InputError(
            f"{path}: a group of 'group_subtasks' is a {type(members).__name__}, expected a list"
        )
    return members


def _ours(content: Mapping[str, Any], path: Path) -> bool:
    block = content.get("selfreward")
    if block is None:
        return False
    if not isinstance(block, dict) or not isinstance(block.get("fingerprint"), str):
        raise InputError(
            f"{path}: the block 'selfreward' has no fingerprint; run the command again to rewrite it"
        )
    if block.get("schema") != SCHEMA:
        raise InputError(
            f"{path} has schema {block.get('schema')!r}, this version reads {SCHEMA}; update selfreward-eval"
        )
    return True


def _number(value: Any, where: str) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | type(None)):
        raise _OddRow(f"{where} is {_short(value)}, expected a number")
    if value is None or isinstance(value, str):
        # lm-eval writes "N/A", and strings for metrics that could not be computed.
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        raise _OddRow(f"{where} has {len(str(abs(value)))} digits or more, expected a number") from None


def _short(value: Any) -> str:
    text = printable(repr(value))
    return text if len(text) <= 40 else f"{text[:40]}..."


def _error(row: Mapping[str, Any], key: str, name: str, filtered: str, where: str) -> float | None:
    for suffix in _ERRORS:
        twin = f"{name}{suffix},{filtered}" if "," in key else f"{name}{suffix}"
        se = _number(row.get(twin), f"{where}.{printable(twin)}")
        if se is not None and se < 0:
            raise _OddRow(f"{where}.{printable(twin)} is {se}, a standard error is not negative")
        if se is not None:
            return se
    return None


def _count(counts: Any, where: str) -> int | None:
    if counts is None:
        return None
    number = counts.get("effective") if isinstance(counts, dict) else counts
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**53:
        raise _OddRow(f"{where} is {_short(counts)}, expected {{'original': n, 'effective': n}}")
    return number


def _direction(higher: Any, metric: str) -> bool | None:
    told = higher.get(metric) if isinstance(higher, dict) else None
    return told if isinstance(told, bool) else None


def _standing(
    task: str, parents: Mapping[str, str], version: str, ours: bool, tasks: Mapping[str, str]
) -> str:
    """Why a row stands apart from measured runs."""
    name = task if task in tasks else parents.get(task, task)
    if name not in tasks:
        return f"not comparable: no task {name!r} is registered here"
    if not ours:
        return f"not comparable: {name!r} was measured by another program, on unknown items and instruments"
    if version != tasks[name]:
        there, here = version or "unknown", tasks[name] or "unknown"
        return f"not comparable: version {there} of {name!r}, here it is {here}"
    return RANKABLE
