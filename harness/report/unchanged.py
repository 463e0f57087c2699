"""Whether a run's page would be the same again, so that it need not be: its pictures take most of the time.

Beside the page lies a small hidden file with the state of everything that the page was made of: names, sizes
and times of the run's files, its pictures included, and of the modules and templates that made it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from selfreward_eval.harness.files import write_page
from selfreward_eval.harness.records import fingerprint

__all__ = ["is_unchanged", "note_state", "state_of"]

HARNESS = Path(__file__).resolve().parents[1]
MADE_BY = ("report", "runs", "records.py", "comparing")

Entry = tuple[str, int, int]
"""Path, size in bytes, time of the last change in nanoseconds."""


def state_of(folder: Path, budget: int) -> str:
    """The state of the run in ``folder``, and of what makes a page with ``budget`` bytes of pictures."""
    names = ("run.json", "results_*.json", "samples_*.jsonl")
    files = [_entry(path) for name in names for path in folder.glob(name)]
    images = _entries(folder / "images")
    own = [entry for part in MADE_BY for entry in _entries(HARNESS / part)]
    return fingerprint([budget, sorted(files), sorted(images), sorted(own)])


def is_unchanged(page: Path, state: str) -> bool:
    """Whether ``page`` was made in this state, and lies there as it was written."""
    try:
        return _note(page).read_text(encoding="utf-8") == _noted(page, state)
    except (OSError, ValueError):
        return False


def note_state(page: Path, state: str) -> None:
    """Notes that ``page`` was made in ``state``, which was taken before the run was read."""
    write_page(_note(page), _noted(page, state))


def _note(page: Path) -> Path:
    return page.with_name(f".{page.name}.state")


def _noted(page: Path, state: str) -> str:
    _, size, changed = _entry(page)
    return f"{state} {size} {changed}\n"


def _entry(path: Path) -> Entry:
    stat = path.stat()
    return str(path), stat.st_size, stat.st_mtime_ns


def _entries(path: Path) -> Iterator[Entry]:
    """Every file below ``path``, or that file; compiled modules are left out."""
    if path.is_file():
        yield _entry(path)
        return
    try:
        with os.scandir(path) as inside:
            found = [(entry.path, entry.name, entry.is_dir(), entry.stat()) for entry in inside]
    except OSError:
        return
    for name, short, is_folder, stat in found:
        if not is_folder:
            yield name, stat.st_size, stat.st_mtime_ns
        elif short != "__pycache__":
            yield from _entries(Path(name))
