"""Entries on disk, so that a leaderboard to which one run is added reads one run.

One file per run, named after the run's fingerprint and after the size and time of
the files it was read from: a run that was measured again is read again. The files
are NumPy archives without pickled objects; one that cannot be read is no entry,
and the run is read anew.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.files import atomic_write_bytes
from selfreward_eval.harness.records import Manifest, fingerprint
from selfreward_eval.harness.runs.scores import TaskScores
from selfreward_eval.leaderboards.entries import Entry, Items, TaskEntry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LAYOUT", "entry_path", "load_entry", "store_entry"]

LAYOUT = 3
"""Raised whenever what an entry keeps, or how it is read, changes."""


def entry_path(cache: Path, folder: Path, run: str, pictures: int) -> Path:
    """Where the entry of a run folder belongs.

    Args:
        cache: folder of entries.
        folder: of the run.
        run: its fingerprint.
        pictures: cards per task.
    """
    files = [folder / "run.json", *folder.glob("results_*.json"), *folder.glob("samples_*.jsonl")]
    state = [[path.name, (stat := path.stat()).st_size, stat.st_mtime_ns] for path in sorted(files)]
    return cache / f"{run[:24]}-{fingerprint([LAYOUT, pictures, state])[:16]}.npz"


def store_entry(path: Path, entry: Entry) -> None:
    """Writes an entry, and removes older ones of the same run."""
    import numpy as np

    header: dict[str, Any] = {
        "name": entry.name,
        "slug": entry.slug,
        "manifest": entry.manifest.to_json(),
        "tasks": {
            name: {"scores": task.scores.to_json(), "cards": list(task.cards)}
            for name, task in entry.tasks.items()
        },
    }
    arrays: dict[str, Any] = {}
    for number, task in enumerate(entry.tasks.values()):
        arrays[f"values_{number}"], arrays[f"seeds_{number}"] = task.values, task.seeds
        # Apart, since many runs name the same items.
        arrays[f"items_{number}"] = _bytes(asdict(task.items))
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode("utf-8"))
    for array in arrays.values():
        digest.update(np.ascontiguousarray(array).tobytes())
    arrays["header"] = _bytes({**header, "digest": digest.hexdigest()})
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob(f"{path.name.split('-')[0]}-*.npz"):
        if old != path:
            old.unlink(missing_ok=True)
    atomic_write_bytes(path, data.getvalue(), durable=False)


def _bytes(value: Any) -> NDArray[np.uint8]:
    import numpy as np

    return np.frombuffer(json.dumps(value).encode("utf-8"), dtype=np.uint8)


@lru_cache(maxsize=16)
def _items(data: bytes) -> Items:
    return Items(**{key: tuple(values) for key, values in json.loads(data).items()})


def load_entry(path: Path) -> Entry | None:
    """The entry at ``path``; None where there is none that can be read."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as arrays:
            header = json.loads(arrays["header"].tobytes().decode("utf-8"))
            tasks = {
                name: TaskEntry(
                    TaskScores.from_json(part["scores"]),
                    _items(arrays[f"items_{number}"].tobytes()),
                    arrays[f"values_{number}"],
                    arrays[f"seeds_{number}"],
                    tuple(part["cards"]),
                )
                for number, (name, part) in enumerate(header["tasks"].items())
            }
        manifest = Manifest.from_json(header["manifest"])
        return Entry(header["name"], header["slug"], manifest, tasks, str(header["digest"]))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None
