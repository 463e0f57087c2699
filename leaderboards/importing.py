"""Reads lm-eval result files, ours and others', into rows that a leaderboard may show and never ranks.

A ``results_*.json`` has means and no items, so nothing in it can be paired. Every
row therefore says why it stands apart: its task is not known here, it was measured
by another program, or under another protocol version. A row of ours at the present
version says that its run folder could be ranked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.files import atomic_write_text
from selfreward_eval.harness.registry import registry
from selfreward_eval.harness.runs.results import SCHEMA

__all__ = ["Imported", "import_results", "known_tasks", "load_imported", "write_imported"]

RANKABLE = "means only: give the run's folder to `leaderboard build` and it is ranked"

_NOT_METRICS = {"alias", "name", "sample_len", "sample_count"}


@dataclass(frozen=True)
class Imported:
    """One metric of one task in a result file.

    Attributes:
        model: as the file names it.
        task: lm-eval's name of the task or group.
        version: of the task, as text; empty where the file has none.
        metric: name of the number.
        filter: lm-eval's filter, ``none`` by default.
        value: on the metric's own scale; None where the file has no finite number.
        se: its standard error as printed, or None.
        n: samples behind it, or None.
        higher_is_better: direction, or None where the file does not say.
        date: of the evaluation, ``YYYY-MM-DD`` in UTC, or None.
        file: name of the result file, without its folder.
        sha256: of that file.
        ours: whether it was written by this harness.
        standing: why the number stands apart.
    """

    model: str
    task: str
    version: str
    metric: str
    filter: str
    value: float | None
    se: float | None
    n: int | None
    higher_is_better: bool | None
    date: str | None
    file: str
    sha256: str
    ours: bool
    standing: str


def known_tasks() -> dict[str, str]:
    """Registered task -> its protocol version, empty for one that needs a package which is not installed."""
    from selfreward_eval.harness.errors import MissingExtra

    found = {}
    for name in registry("tasks"):
        try:
            found[name] = str(registry("tasks").load(name).info.version)
        except MissingExtra:
            found[name] = ""
    return found


def import_results(paths: Sequence[Path], tasks: Mapping[str, str]) -> list[Imported]:
    """The rows of result files, file by file, in each file's own order.

    Args:
        paths: of ``results_*.json`` files.
        tasks: known task -> protocol version, from :func:`known_tasks`.

    Raises:
        InputError: a file that is missing, no JSON, or not laid out as lm-eval does; the message has the
            file and the field. The same file twice is refused as well.
    """
    rows: list[Imported] = []
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
            content = json.loads(data.decode("utf-8"))
        except ValueError as error:
            raise InputError(f"{path} is not JSON ({error}); give a results_*.json of lm-eval") from error
        rows += _rows(content, path, digest, tasks)
    return rows


def _rows(content: Any, path: Path, digest: str, tasks: Mapping[str, str]) -> list[Imported]:
    if not isinstance(content, dict) or not isinstance(content.get("results"), dict):
        raise InputError(f"{path} has no object 'results'; give a results_*.json of lm-eval")
    if not content["results"]:
        raise InputError(f"{path} has no task in 'results'; was the evaluation interrupted?")
    versions, counts = _part(content, "versions", path), _part(content, "n-samples", path)
    higher, config = _part(content, "higher_is_better", path), _part(content, "config", path)
    subtasks = _part(content, "group_subtasks", path)
    parents = {str(one): str(name) for name, members in subtasks.items() for one in _names(members, path)}
    model = content.get("model_name") or config.get("model") or ""
    if not isinstance(model, str) or not model:
        raise InputError(f"{path} names no model (neither 'model_name' nor 'config.model'); add one")
    ours = _ours(content, path)
    rows = []
    for task, row in content["results"].items():
        if not isinstance(row, dict):
            raise InputError(f"{path}: results.{task} is a {type(row).__name__}, expected an object")
        version = versions.get(task)
        for key, value in row.items():
            name, _, filtered = str(key).partition(",")
            if name in _NOT_METRICS or name.endswith("_stderr"):
                continue
            rows.append(
                Imported(
                    model=model,
                    task=str(task),
                    version="" if version is None else str(version),
                    metric=name,
                    filter=filtered or "none",
                    value=_number(value, f"{path}: results.{task}.{key}"),
                    se=_error(row, key, name, filtered, f"{path}: results.{task}"),
                    n=_count(counts.get(task), f"{path}: n-samples.{task}"),
                    higher_is_better=_direction(higher.get(task), name),
                    date=_date(content.get("date"), path),
                    file=path.name,
                    sha256=digest,
                    ours=ours,
                    standing=_standing(
                        str(task), parents, "" if version is None else str(version), ours, tasks
                    ),
                )
            )
    return rows


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
        raise InputError(f"{where} is {value!r}, expected a number")
    if isinstance(value, str):
        # lm-eval writes "N/A", and strings for metrics that could not be computed.
        return None
    return float(value) if value is not None and isfinite(value) else None


def _error(row: Mapping[str, Any], key: str, name: str, filtered: str, where: str) -> float | None:
    twin = f"{name}_stderr,{filtered}" if "," in key else f"{name}_stderr"
    se = _number(row.get(twin), f"{where}.{twin}")
    if se is not None and se < 0:
        raise InputError(f"{where}.{twin} is {se}, a standard error is not negative")
    return se


def _count(counts: Any, where: str) -> int | None:
    if counts is None:
        return None
    number = counts.get("effective") if isinstance(counts, dict) else counts
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise InputError(f"{where} is {counts!r}, expected {{'original': n, 'effective': n}}")
    return number


def _direction(higher: Any, metric: str) -> bool | None:
    told = higher.get(metric) if isinstance(higher, dict) else None
    return told if isinstance(told, bool) else None


def _date(date: Any, path: Path) -> str | None:
    if date is None:
        return None
    try:
        return datetime.fromtimestamp(float(date), UTC).date().isoformat()
    except (ValueError, TypeError, OverflowError, OSError):
        raise InputError(f"{path}: 'date' is {date!r}, expected seconds since 1970") from None


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


def write_imported(path: Path, rows: Sequence[Imported]) -> None:
    """Writes rows as JSONL, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(asdict(row), ensure_ascii=False, allow_nan=False) for row in rows]
    atomic_write_text(path, "".join(f"{line}\n" for line in lines))


def load_imported(path: Path) -> list[Imported]:
    """Rows that :func:`write_imported` wrote.

    Raises:
        InputError: the file is missing, or a line is not such a row.
    """
    if not path.is_file():
        raise InputError(f"no file at {path}; `selfreward-eval leaderboard import` writes one with --out")
    rows = []
    names = {one.name for one in fields(Imported)}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            data = json.loads(line)
            if not isinstance(data, dict) or set(data) != names:
                raise ValueError("the fields are not those of an imported row")
            _number(data["value"], "value"), _number(data["se"], "se")
            for text in ("model", "task", "version", "metric", "filter", "file", "sha256", "standing"):
                if not isinstance(data[text], str):
                    raise ValueError(f"{text} is not a text")
        except (ValueError, InputError) as error:
            raise InputError(
                f"{path}:{number} is not an imported row ({error}); import the files again"
            ) from error
        rows.append(Imported(**data))
    return rows
