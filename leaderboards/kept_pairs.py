"""Tested pairs of models on disk, so that a leaderboard to which one run is added tests that run's pairs.

A pair's numbers depend on the marks of its two runs, on the items and how they are grouped, and on the code
that tests. All of it is in the file by its hash: what differs in anything is tested anew. Runs may come, go
and be measured again.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.files import atomic_write_bytes
from selfreward_eval.harness.records import fingerprint
from selfreward_eval.leaderboards.pair_tests import Pairs
from selfreward_eval.leaderboards.pairwise import Chosen, Stratum, pairwise, pairwise_macro, pictures_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["pairs_of"]

LAYOUT = 1
"""Raised whenever what the file keeps changes."""

ARRAYS = tuple(field.name for field in fields(Pairs))


def pairs_of(
    values: NDArray[np.float64],
    strata: Mapping[str, Stratum],
    whole: Stratum | None,
    width: float,
    path: Path | None = None,
) -> tuple[Pairs, dict[str, Pairs]]:
    """Every pair of runs tested: overall, and in every stratum.

    Args:
        values: shape (runs, items, samples).
        strata: the categories.
        whole: all items, whose mean is the overall score; None where that is the mean of the categories.
        width: of the metric's range.
        path: where tested pairs are kept; None to test all of them.
    """
    import numpy as np

    first, second = np.triu_indices(len(values), 1)
    kept = None if path is None else _load(path, _context(values, strata, whole, width))
    keys = (
        []
        if path is None
        else [hashlib.sha256(np.ascontiguousarray(one).tobytes()).hexdigest() for one in values]
    )
    there = _places(keys, first, second, kept)
    lacking = np.flatnonzero(there < 0)
    if kept is not None and not len(lacking) and keys == kept.runs:
        return kept.tables[""], {name: kept.tables[name] for name in strata}
    tested = _tested(values, strata, whole, width, (first[lacking], second[lacking]))
    tables = tested if kept is None else {
        name: _filled(kept.tables[name], there, pairs) for name, pairs in tested.items()
    }  # fmt: skip
    if path is not None:
        _store(path, _context(values, strata, whole, width), keys, tables)
    return tables[""], {name: tables[name] for name in strata}


class _Kept:
    """What a file holds: the runs by their marks, and table -> their pairs."""

    def __init__(self, runs: list[str], tables: dict[str, Pairs]) -> None:
        self.runs = runs
        self.tables = tables


def _tested(
    values: NDArray[np.float64],
    strata: Mapping[str, Stratum],
    whole: Stratum | None,
    width: float,
    chosen: Chosen,
) -> dict[str, Pairs]:
    macro, single = pairwise_macro(values, strata, width, chosen=chosen)
    return {"": macro if whole is None else pairwise(values, whole, width, chosen=chosen), **single}


def _places(
    keys: Sequence[str], first: NDArray[np.intp], second: NDArray[np.intp], kept: _Kept | None
) -> NDArray[np.intp]:
    """Where each pair is among the kept ones, in the same order of its two runs; -1 where it is not."""
    import numpy as np

    if kept is None:
        return np.full(len(first), -1)
    known = {key: place for place, key in enumerate(kept.runs)}
    old = np.array([known.get(key, -1) for key in keys], dtype=int)
    a, b = old[first], old[second]
    count = len(kept.runs)
    # The order of numpy.triu_indices.
    place = a * count - a * (a + 1) // 2 + (b - a - 1)
    return np.where((a >= 0) & (a < b), place, -1)


def _filled(kept: Pairs, there: NDArray[np.intp], tested: Pairs) -> Pairs:
    """Kept pairs at their new places, and those that were tested now at the others."""
    import numpy as np

    arrays = {}
    for name in ARRAYS:
        old, new = getattr(kept, name), getattr(tested, name)
        array = np.empty(len(there), dtype=new.dtype)
        array[there >= 0], array[there < 0] = old[there[there >= 0]], new
        arrays[name] = array
    return Pairs(**arrays)


def _context(
    values: NDArray[np.float64], strata: Mapping[str, Stratum], whole: Stratum | None, width: float
) -> str:
    """A hash of everything but the runs that a pair's numbers depend on."""
    groups = {**strata, **({} if whole is None else {"": whole})}
    about = [[name, one.order.tolist(), one.starts.tolist()] for name, one in groups.items()]
    return fingerprint(
        [LAYOUT, _code(), width, str(pictures_of(values, width)), list(values.shape[1:]), about]
    )


@cache
def _code() -> str:
    """A hash of the modules that test."""
    here = Path(__file__).parent
    names = [here / f"{name}.py" for name in ("entries", "pairwise", "pair_tests")]
    digest = hashlib.sha256()
    for path in [*names, *sorted((here.parent / "harness" / "stats").glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _load(path: Path, context: str) -> _Kept | None:
    """What ``path`` holds, if it can be read and was tested in the same way."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as arrays:
            header = json.loads(arrays["header"].tobytes().decode("utf-8"))
            if header["context"] != context:
                return None
            runs = [str(run) for run in header["runs"]]
            count = len(runs) * (len(runs) - 1) // 2
            tables: dict[str, Pairs] = {}
            for number, name in enumerate(header["tables"]):
                tables[str(name)] = Pairs(**{one: arrays[f"{one}_{number}"] for one in ARRAYS})
                if any(getattr(tables[str(name)], one).shape != (count,) for one in ARRAYS):
                    return None
        return _Kept(runs, tables)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def _store(path: Path, context: str, runs: Sequence[str], tables: Mapping[str, Pairs]) -> None:
    import numpy as np

    header = {"context": context, "runs": list(runs), "tables": list(tables)}
    arrays: dict[str, Any] = {"header": np.frombuffer(json.dumps(header).encode("utf-8"), dtype=np.uint8)}
    for number, pairs in enumerate(tables.values()):
        arrays.update({f"{name}_{number}": getattr(pairs, name) for name in ARRAYS})
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_bytes(path, data.getvalue(), durable=False)
