"""Which runs may stand in one table: those that differ in the model and in nothing else.

The rule is :mod:`selfreward_eval.harness.comparing.comparable`'s, asked per task: versions, items,
instruments, options, seeds and the model's generation settings must agree. It is
an equality of settings, so comparing with the first run of a group is enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.comparing.comparable import differences
from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import fingerprint
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.leaderboards.entries import NOT_DRAWN, Entry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Group", "group_runs", "settings_of"]

OWN = "model.generation."
"""Fields of a model's own settings, which a table may let differ if it says so."""


@dataclass(frozen=True, eq=False)
class Group:
    """The runs of one task that may be compared.

    Attributes:
        task: registry name.
        key: short hash of what the runs share; the same in every build.
        entries: sorted by name and fingerprint.
    """

    task: str
    key: str
    entries: tuple[Entry, ...]


def group_runs(entries: Sequence[Entry], *, own_settings: bool = False) -> list[Group]:
    """Every task's runs in groups of comparable ones, sorted by task and key.

    Args:
        entries: sorted.
        own_settings: let models differ in their generation settings.

    Raises:
        InputError: two runs agree in every setting, and yet one drew a sample from another seed, or
            has an item in another category.
    """
    tasks = sorted({task for entry in entries for task in entry.tasks})
    groups = []
    for task in tasks:
        found: list[list[Entry]] = []
        for entry in entries:
            if task not in entry.tasks:
                continue
            for members in found:
                if not _differences(members[0], entry, task, own_settings):
                    members.append(entry)
                    break
            else:
                found.append([entry])
        for members in found:
            _require_same_samples(task, members)
            key = fingerprint(settings_of(members[0], task, own_settings=own_settings))[:8]
            groups.append(Group(task, key, tuple(members)))
    return sorted(groups, key=lambda group: (group.task, group.key))


def _differences(a: Entry, b: Entry, task: str, own_settings: bool) -> list[str]:
    lines = differences(_view(a, task), _view(b, task))
    return [line for line in lines if not (own_settings and line.startswith(OWN))]


def _view(entry: Entry, task: str) -> Run:
    """The run as if it had done this task alone; its samples are checked as arrays."""
    return Run(Path(entry.slug), entry.manifest, {}, {task: entry.tasks[task].scores}, {task: ()})


def settings_of(entry: Entry, task: str, *, own_settings: bool = False) -> dict[str, Any]:
    """What the runs of a table share: everything of the identity but the model itself."""
    identity = entry.manifest.identity
    shared = {key: value for key, value in identity.items() if key not in ("model", "tasks")}
    if not own_settings:
        shared["generation"] = dict(identity.get("model", {}).get("generation", {}))
    scores = entry.tasks[task].scores
    shared["task"] = {
        "name": task,
        **identity["tasks"][task],
        "metric": scores.metric,
        "macro": scores.macro,
        "range": list(scores.range),
        "higher_is_better": scores.higher_is_better,
    }
    return _pruned(shared)


def _pruned(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Without empty mappings, which the comparison takes for absent ones."""
    inner = {key: _pruned(one) if isinstance(one, Mapping) else one for key, one in settings.items()}
    return {key: one for key, one in inner.items() if one != {}}


def _require_same_samples(task: str, members: Sequence[Entry]) -> None:
    """Equal settings promise equal items and seeds; a pair of samples is one only if that holds."""
    import numpy as np

    first = members[0].tasks[task]
    places = {name: position for position, name in enumerate(first.items.ids)}
    seeds: NDArray[np.int64] = first.seeds.copy()
    for entry in members[1:]:
        other = entry.tasks[task]
        if other.items != first.items:
            shared = [(places[name], row) for row, name in enumerate(other.items.ids) if name in places]
            for here, there in shared:
                if first.items.categories[here] != other.items.categories[there]:
                    raise InputError(
                        f"{task}: item {first.items.ids[here]!r} is of category "
                        f"{first.items.categories[here]!r} in {members[0].slug} and of "
                        f"{other.items.categories[there]!r} in {entry.slug}, with the same settings; "
                        "run one of them again"
                    )
            rows = np.array([here for here, _ in shared], dtype=int)
            theirs = other.seeds[[there for _, there in shared]]
        else:
            rows, theirs = np.arange(len(first.items)), other.seeds
        known = seeds[rows]
        clash = (known != theirs) & (known != NOT_DRAWN) & (theirs != NOT_DRAWN)
        if clash.any():
            row, index = np.argwhere(clash)[0]
            raise InputError(
                f"{task}: sample {index} of item {first.items.ids[rows[row]]!r} was drawn from the seed "
                f"{known[row, index]} in {members[0].slug} and from {theirs[row, index]} in {entry.slug}, "
                "with the same settings; run one of them again"
            )
        seeds[rows] = np.where(known == NOT_DRAWN, theirs, known)
