"""Several training seeds of one method: what may be said of the method, not of one checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from selfreward_eval.harness.comparing.claims import Design, PooledComparison, write_pooled
from selfreward_eval.harness.comparing.pooled import compare_pools
from selfreward_eval.harness.comparing.several_methods import run_pools, with_pooled_runs
from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.files import atomic_write_json
from selfreward_eval.harness.runs.reader import Run, load_run
from selfreward_eval.trainers.learning_curves import learning_curve, points_of
from selfreward_eval.trainers.record import RECORD, TrainingRecord, read
from selfreward_eval.trainers.verdict import GUARDING


def pooled(folders: Sequence[Path]) -> PooledComparison:
    """The method claim of finished training runs that share their starting model and its measurement.

    Raises:
        InputError: a folder without a finished training run, or one that began elsewhere.
        NotComparable: runs that differ in more than the training seed.
    """
    records = [read(folder) for folder in folders]
    _require_alike(folders, records)
    start = _run(folders[0], records[0].before.folder)
    trained = [_run(folder, record.after.folder) for folder, record in zip(folders, records, strict=True)]
    own = ("guidance",) if records[0].policy == "tuned" else ()
    return compare_pools([start], trained, design=Design.UNTRAINED_A, own=own)


def pool_seeds(folders: Sequence[Path]) -> tuple[PooledComparison, Path]:
    """:func:`pooled`, written with its page into the folder that holds the seeds' folders."""
    from selfreward_eval.trainers.report import write_method_page

    claims = pooled(folders)
    method_folder = folders[0].parent
    write_pooled(claims, method_folder / "method.json")
    return claims, write_method_page(folders, claims, method_folder / "method.html")


@dataclass(frozen=True)
class Methods:
    """Several methods side by side.

    Attributes:
        claims: method -> what its training runs say against the measurement before.
        against: method -> the same runs against those of the baseline, seed by seed; empty without one.
        guards: tasks that answer, which training must not cost anything.
        drawn: method -> pictures that each of its runs drew to learn from.
        page: the page.
        curves: method -> its learning curve, for methods whose runs measured points along the way.
    """

    claims: Mapping[str, PooledComparison]
    against: Mapping[str, PooledComparison]
    guards: tuple[str, ...]
    drawn: Mapping[str, int]
    page: Path
    curves: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "methods": {name: claims.to_json() for name, claims in self.claims.items()},
            "against": {name: claims.to_json() for name, claims in self.against.items()},
            "drawn": dict(self.drawn),
            "learning_curve": dict(self.curves),
            "page": str(self.page),
        }


def side_by_side(folders: Sequence[Path], baseline: str | None, page: Path) -> Methods:
    """Pools each method's seeds, and compares the methods with a baseline among them.

    The variance between runs is pooled over the methods that are alike in it; each method's own claim stays
    beside. All of it is written as JSON beside the page.

    Args:
        folders: a method's folder each, with a folder ``seed-*`` for every training run.
        baseline: name of the method that the others have to beat; None for no such comparison.
        page: where the page goes.

    Raises:
        UsageError: two methods of one name, or a baseline that is none of them.
        InputError: a folder without finished training runs.
        NotComparable: methods that were not measured on the same items with the same settings.
    """
    from selfreward_eval.trainers.report import write_methods_page

    runs = {folder.resolve().name: _seeds(folder) for folder in folders}
    if len(runs) < len(folders):
        raise UsageError("two of the methods' folders have one name; rename one of them")
    if baseline is not None and baseline not in runs:
        raise UsageError(f"--against {baseline!r} is none of the methods {', '.join(runs)}")
    records = {name: [read(folder) for folder in seeds] for name, seeds in runs.items()}
    own_claims = {name: pooled(seeds) for name, seeds in runs.items()}
    pools = run_pools(own_claims)
    claims = {name: with_pooled_runs(one, (None, name), pools) for name, one in own_claims.items()}
    trained = {
        name: [_run(folder, one.after.folder) for folder, one in zip(runs[name], kept, strict=True)]
        for name, kept in records.items()
    }
    own = ("guidance",) if any(one.policy == "tuned" for kept in records.values() for one in kept) else ()
    against = {}
    if baseline is not None:
        alike = {name: [one.seed for one in kept] for name, kept in records.items()}
        for name in runs:
            if name != baseline:
                same = alike[name] == alike[baseline] and _drew(records[name][0]) == _drew(
                    records[baseline][0]
                )
                design = Design.PAIRED if same else Design.INDEPENDENT
                own_claim = compare_pools(trained[baseline], trained[name], design=design, own=own)
                against[name] = with_pooled_runs(own_claim, (baseline, name), pools)
    words = {str(one) for one in GUARDING}
    guards = dict.fromkeys(
        task
        for kept in records.values()
        for one in kept
        for task, word in one.verdicts.items()
        if word in words
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    drawn = {name: _budget(kept[0]) for name, kept in records.items()}
    curves = _curves(runs, records)
    write_methods_page(
        claims,
        page,
        guards=tuple(guards),
        baseline=baseline or "",
        against=against,
        drawn=drawn,
        curves=curves,
    )
    methods = Methods(claims, against, tuple(guards), drawn, page, curves)
    atomic_write_json(page.with_suffix(".json"), methods.to_json())
    return methods


def _curves(
    runs: Mapping[str, Sequence[Path]], records: Mapping[str, Sequence[TrainingRecord]]
) -> dict[str, dict[str, Any]]:
    """The learning curve of every method that has one."""
    found = {}
    for name, folders in runs.items():
        each = [points_of(folder, one.seed) for folder, one in zip(folders, records[name], strict=True)]
        curve = learning_curve(each, folders[0] / records[name][0].before.folder)
        if curve is not None:
            found[name] = curve
    return found


def _seeds(folder: Path) -> list[Path]:
    """The finished training runs of a method, by seed."""
    finished = [one for one in sorted(folder.glob("seed-*")) if (one / RECORD).is_file()]
    if not finished:
        raise InputError(f"{folder} holds no finished training run (seed-*/{RECORD})")
    return finished


def _run(folder: Path, inside: str) -> Run:
    return load_run(folder / inside)


def _require_alike(folders: Sequence[Path], records: Sequence[TrainingRecord]) -> None:
    first = records[0]
    for folder, record in zip(folders[1:], records[1:], strict=True):
        for what, a, b in (
            ("starting model", first.model, record.model),
            ("rewarder", first.rewarder, record.rewarder),
            ("prompts", first.prompts, record.prompts),
            ("guidance policy", first.policy, record.policy),
            ("trainer", _seedless(first), _seedless(record)),
        ):
            if a != b:
                raise InputError(
                    f"{folders[0]} and {folder} differ in their {what}; seeds are pooled of one method only"
                )


def _budget(record: TrainingRecord) -> int:
    """Pictures that a run drew to learn from."""
    settings = record.trainer["settings"]
    return int(settings["rounds"] * settings["prompts"] * settings["candidates"])


def _drew(record: TrainingRecord) -> object:
    """What decides the candidates beside the seed: with all of it alike, the same seed drew the same ones."""
    settings = record.trainer["settings"]
    kept = ("prompts", "candidates", "rounds", "guidance", "temperature")
    return record.model, record.prompts, [settings[name] for name in kept]


def _seedless(record: TrainingRecord) -> dict[str, object]:
    settings = {key: value for key, value in record.trainer["settings"].items() if key != "seed"}
    return {**record.trainer, "settings": settings}
