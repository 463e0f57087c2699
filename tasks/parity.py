"""Golden files of the official evaluators, recomputed with our rules.

A golden file holds inputs and upstream's results. The known files are those that
the tasks' own ``parity`` modules read, and those of readers that a caller adds; other
files of a folder are reported as unknown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from math import isclose, isnan
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError, SelfRewardError
from selfreward_eval.harness.models.bagel import golden as bagel
from selfreward_eval.tasks.dpg_bench import parity as dpg_bench
from selfreward_eval.tasks.geneval import parity as geneval
from selfreward_eval.tasks.geneval2 import parity as geneval2
from selfreward_eval.tasks.llava_bench import parity as llava_bench
from selfreward_eval.tasks.t2i_compbench import parity as t2i_compbench
from selfreward_eval.tasks.t2i_compbench_vlm import parity as t2i_compbench_vlm
from selfreward_eval.tasks.t2i_reasonbench import parity as t2i_reasonbench
from selfreward_eval.tasks.wise import parity as wise

Reader = Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[Any, Any]]
"""(document, case) -> (upstream's result, ours), in the same shape.

If it raises a :class:`SelfRewardError`, that error is our result."""

TOLERANCE = 1e-6
"""Numbers agree within this, absolutely and relatively. Booleans and strings agree exactly."""


@dataclass(frozen=True)
class Tolerant:
    """A reader of a file that states its tolerance.

    Numbers agree if abs(ours - upstream's) <= absolute + relative * abs(upstream's). What is not a number
    agrees with null and with itself.
    """

    reader: Reader
    absolute: float
    relative: float

    def __call__(self, document: Mapping[str, Any], case: Mapping[str, Any]) -> tuple[Any, Any]:
        return self.reader(document, case)

    def same(self, expected: Any, ours: Any) -> bool:
        """Whether two leaves agree."""
        if isinstance(expected, bool) or isinstance(ours, bool) or not isinstance(ours, int | float):
            return _same(expected, ours)
        if isnan(ours):
            return expected is None or (isinstance(expected, float) and isnan(expected))
        if not isinstance(expected, int | float):
            return False
        return abs(ours - expected) <= self.absolute + self.relative * abs(expected)


@dataclass(frozen=True)
class Sectioned(Tolerant):
    """A reader of a file that is one object of several parts instead of a list of cases.

    Attributes:
        sections: the cases of the document, each with its ``id`` and what is ``expected``.
    """

    sections: Callable[[Mapping[str, Any]], list[dict[str, Any]]]


WRONG_TYPE = (TypeError, ValueError, IndexError, AttributeError, ArithmeticError)
"""What an input of a wrong type or length raises in a reader. A missing key of a case is damage."""

INDEX = "INDEX.json"
"""The folder's table of contents, which is not a golden file."""

READERS: dict[str, Reader] = {
    **dpg_bench.READERS,
    "bagel_*.json": Sectioned(bagel.read, bagel.TOLERANCE, 0.0, bagel.sections),
    **geneval.READERS,
    **geneval2.READERS,
    **t2i_compbench.READERS,
    **t2i_compbench_vlm.READERS,
    **t2i_reasonbench.READERS,
    **llava_bench.READERS,
    **wise.READERS,
}
"""Golden file name -> its reader, over all tasks. A name may be a pattern: ``flow_rl*.json``."""


@dataclass(frozen=True)
class FileParity:
    """The result for one golden file.

    Attributes:
        file: its name.
        cases: number of cases.
        agreeing: number of cases in which our result is upstream's.
        first_difference: the first disagreeing case: its id, the place in the result, both values.
    """

    file: str
    cases: int
    agreeing: int
    first_difference: str | None


@dataclass(frozen=True)
class FolderParity:
    """The results for a folder of golden files; ``unknown`` lists the files that no reader knows."""

    files: list[FileParity]
    unknown: list[str]

    @property
    def agree(self) -> bool:
        """Whether every case of every known file agrees."""
        return all(result.agreeing == result.cases for result in self.files)

    def to_json(self) -> dict[str, Any]:
        """JSON values for ``parity --json``."""
        return {
            "agree": self.agree,
            "files": [asdict(result) for result in self.files],
            "unknown": self.unknown,
        }


def check_folder(folder: Path, readers: Mapping[str, Reader] = READERS) -> FolderParity:
    """Every known golden file in ``folder``, in order of name.

    Args:
        folder: holds golden files.
        readers: name or pattern -> reader.

    Raises:
        InputError: there is no such folder, it holds no known file, or a file is damaged.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give the one that holds the golden files")
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != INDEX)
    known = [name for name in names if _reader(name, readers) is not None]
    if not known:
        raise InputError(
            f"{folder} holds no golden file that is known here, such as {min(READERS)}; give another folder"
        )
    return FolderParity(
        [check_file(folder / name, readers) for name in known],
        [name for name in names if name not in known],
    )


def check_file(path: Path, readers: Mapping[str, Reader] = READERS) -> FileParity:
    """One golden file, read by the reader of its name.

    Raises:
        KeyError: no reader knows the name.
        InputError: it is damaged: no JSON, no cases, or a case without what its reader needs.
    """
    reader = _reader(path.name, readers)
    if reader is None:
        raise KeyError(path.name)
    document = _document(path, reader)
    agreeing, first = 0, None
    for number, case in enumerate(document["cases"]):
        name = case.get("id", f"case {number}") if isinstance(case, dict) else f"case {number}"
        try:
            differing = _case_difference(reader, document, case)
        except (KeyError, *WRONG_TYPE) as error:
            problem = f"lacks {error}" if isinstance(error, KeyError) else f"cannot be read ({error})"
            raise InputError(f"{path}: {name} {problem}; replace the damaged file") from error
        if differing is None:
            agreeing += 1
        elif first is None:
            first = f"{name}: {differing}"
    return FileParity(path.name, len(document["cases"]), agreeing, first)


def _reader(name: str, readers: Mapping[str, Reader]) -> Reader | None:
    """The reader of that name, or of the first pattern that the name fits."""
    if name in readers:
        return readers[name]
    return next((reader for pattern, reader in readers.items() if fnmatchcase(name, pattern)), None)


def difference(
    expected: Any, ours: Any, where: str = "", same: Callable[[Any, Any], bool] | None = None
) -> str | None:
    """The first place where two JSON values differ, in words; None if they agree.

    ``same`` says whether two leaves agree; by default numbers do within :data:`TOLERANCE`.
    """
    at = where or "result"
    if isinstance(expected, Mapping) and isinstance(ours, Mapping):
        if expected.keys() != ours.keys():
            odd = sorted(expected.keys() ^ ours.keys())
            return f"{at} has the keys {sorted(expected)}, ours has {sorted(ours)} (differing in {odd})"
        return _first(
            difference(expected[key], ours[key], f"{where}.{key}".lstrip("."), same) for key in expected
        )
    if isinstance(expected, list) and isinstance(ours, list):
        if len(expected) != len(ours):
            return f"{at} has {len(expected)} entries, ours has {len(ours)}"
        return _first(
            difference(a, b, f"{where}[{i}]", same)
            for i, (a, b) in enumerate(zip(expected, ours, strict=True))
        )
    return None if (same or _same)(expected, ours) else f"{at} is {expected!r}, ours is {ours!r}"


def _case_difference(reader: Reader, document: Mapping[str, Any], case: Mapping[str, Any]) -> str | None:
    """What differs in one case. If upstream crashed, an error of ours counts as agreement: no number."""
    expected = case["expected"]
    crashed = isinstance(expected, Mapping) and "error" in expected
    try:
        expected, ours = reader(document, case)
    except SelfRewardError as error:
        return None if crashed else f"upstream gives a result, ours is the error {str(error)!r}"
    except WRONG_TYPE:
        # An input of another type than the format has; if upstream took it, the file is damaged.
        if not crashed:
            raise
        return None
    if crashed:
        return f"upstream crashed ({case['expected']['error']}), ours gives {ours!r} instead of an error"
    return difference(expected, ours, same=reader.same if isinstance(reader, Tolerant) else None)


def _document(path: Path, reader: Reader) -> dict[str, Any]:
    """A golden file's content, with at least one case."""
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}); replace the damaged file") from error
    if isinstance(document, dict) and isinstance(reader, Sectioned):
        try:
            document["cases"] = reader.sections(document)
        except (KeyError, *WRONG_TYPE) as error:
            raise InputError(f"{path} cannot be read ({error}); replace the damaged file") from error
    cases = document.get("cases") if isinstance(document, dict) else None
    if not isinstance(cases, list) or not cases:
        raise InputError(f"{path} holds no list of cases; replace the damaged file")
    return document


def _same(expected: Any, ours: Any) -> bool:
    """Whether two leaves agree. A boolean is not a number here."""
    numbers = (int, float)
    if isinstance(expected, bool) or isinstance(ours, bool):
        return expected is ours
    if isinstance(expected, numbers) and isinstance(ours, numbers):
        return isclose(expected, ours, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return type(expected) is type(ours) and bool(expected == ours)


def _first(differences: Any) -> str | None:
    """The first that is not None."""
    return next((entry for entry in differences if entry is not None), None)
