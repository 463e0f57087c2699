"""Several training seeds of one method: what may be said of the method, not of one checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InputError
from trainers.record import TrainingRecord, read

if TYPE_CHECKING:
    from harness.claims import PooledComparison
    from harness.run_reader import Run


def pooled(folders: Sequence[Path]) -> PooledComparison:
    """The method claim of finished training runs that share their starting model and its measurement.

    Raises:
        InputError: a folder without a finished training run, or one that began elsewhere.
        NotComparable: runs that differ in more than the training seed.
    """
    from harness.claims import Design
    from harness.pooling import compare_pools

    records = [read(folder) for folder in folders]
    _require_alike(folders, records)
    start = _run(folders[0], records[0].before.folder)
    trained = [_run(folder, record.after.folder) for folder, record in zip(folders, records, strict=True)]
    own = ("guidance",) if records[0].policy == "tuned" else ()
    return compare_pools([start], trained, design=Design.UNTRAINED_A, own=own)


def pool_seeds(folders: Sequence[Path]) -> tuple[PooledComparison, Path]:
    """:func:`pooled`, written with its page into the folder that holds the seeds' folders."""
    from harness.claims import write_pooled
    from trainers.report import write_method_page

    found = pooled(folders)
    home = folders[0].parent
    write_pooled(found, home / "method.json")
    return found, write_method_page(folders, found, home / "method.html")


def _run(folder: Path, inside: str) -> Run:
    from harness.run_reader import load_run

    return load_run(folder / inside)


def _require_alike(folders: Sequence[Path], records: Sequence[TrainingRecord]) -> None:
    first = records[0]
    for folder, record in zip(folders[1:], records[1:], strict=True):
        for what, a, b in (
            ("starting model", first.model, record.model),
            ("guidance policy", first.policy, record.policy),
            ("trainer", _seedless(first), _seedless(record)),
        ):
            if a != b:
                raise InputError(
                    f"{folders[0]} and {folder} differ in their {what}; seeds are pooled of one method only"
                )


def _seedless(record: TrainingRecord) -> dict[str, object]:
    settings = {key: value for key, value in record.trainer["settings"].items() if key != "seed"}
    return {**record.trainer, "settings": settings}
