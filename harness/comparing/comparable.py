"""Whether two runs may be compared: they must differ in the model and in nothing else.

Everything in a manifest's identity has to agree for the tasks that both runs
did, apart from the model's own name, weights and revision. The model's
generation settings (guidance, temperature ...) are not its own: a score that
changed because a scale changed says nothing about training.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from selfreward_eval.harness.errors import NotComparable
from selfreward_eval.harness.identity import differing
from selfreward_eval.harness.runs.reader import Run

__all__ = ["differences", "pairing_note", "repeats_itself", "require_comparable", "shared_tasks"]


def shared_tasks(a: Run, b: Run) -> list[str]:
    """Tasks that both runs did, in the order of the first."""
    return [task for task in a.scores if task in b.scores]


def require_comparable(a: Run, b: Run, own: Collection[str] = ()) -> None:
    """Returns if the runs differ in the model only.

    Args:
        a: one run.
        b: the other.
        own: generation settings that each arm chose for itself on prompts apart from these, such as
            ``guidance``; they are then part of what is compared.

    Raises:
        NotComparable: they share no task, or differ elsewhere; the message has every differing
            field as ``field: a != b``.
    """
    if not shared_tasks(a, b):
        raise NotComparable(
            f"{a.folder} and {b.folder} share no task ({', '.join(a.scores) or 'none'} against "
            f"{', '.join(b.scores) or 'none'}); run both on the same one"
        )
    differing_fields = differences(a, b, own)
    if differing_fields:
        raise NotComparable(
            f"{a.folder} and {b.folder} differ in more than the model: {'; '.join(differing_fields)}; "
            "run both again with the same settings"
        )


def repeats_itself(run: Run) -> bool:
    """Whether the run's model draws the same picture for the same prompt and seed, so that seeds pair."""
    return run.manifest.identity.get("model", {}).get("reproducible") is not False


def pairing_note(runs: Mapping[str, Run]) -> str:
    """How samples are paired where a model does not repeat itself; empty where all do.

    Args:
        runs: what a sentence calls each run -> the run.
    """
    others = [letter for letter, run in runs.items() if not repeats_itself(run)]
    if not others:
        return ""
    does = "do" if len(others) > 1 else "does"
    return (
        f"{' and '.join(others)} {does} not draw the same picture for the same seed again, so samples are "
        "paired by prompt and not by seed; expect wider intervals"
    )


def differences(a: Run, b: Run, own: Collection[str] = ()) -> list[str]:
    """Every field that must agree and does not, as ``field: a != b``, sorted; ``own`` need not agree."""
    tasks = shared_tasks(a, b)
    lines = [
        f"{field}: {left} != {right}"
        for field, left, right in differing(_compared(a, tasks, own), _compared(b, tasks, own))
    ]
    for task in tasks:
        lines.extend(_seed_differences(task, a, b))
    return lines


def _compared(run: Run, tasks: list[str], own: Collection[str] = ()) -> dict[str, Any]:
    """The part of a run's identity that has to agree, with how its scores are made."""
    identity = {key: value for key, value in run.manifest.identity.items() if key not in ("model", "tasks")}
    generation = run.manifest.identity.get("model", {}).get("generation", {})
    identity["model"] = {"generation": {key: v for key, v in generation.items() if key not in own}}
    planned = run.manifest.identity.get("tasks", {})
    identity["tasks"] = {}
    for task in tasks:
        scores = run.scores[task]
        identity["tasks"][task] = {
            **planned.get(task, {}),
            "metric": scores.metric,
            "macro": scores.macro,
            "range": list(scores.range),
            "higher_is_better": scores.higher_is_better,
        }
    return identity


def _seed_differences(task: str, a: Run, b: Run) -> list[str]:
    """Samples that were drawn from different seeds although the manifests agree."""
    seeds = {(r.sample.item_id, r.sample.index): r.sample.seed for r in a.records[task]}
    unequal = [
        (r.sample, seeds[key])
        for r in b.records[task]
        if (key := (r.sample.item_id, r.sample.index)) in seeds and seeds[key] != r.sample.seed
    ]
    if not unequal:
        return []
    sample, seed = unequal[0]
    more = f" (and {len(unequal) - 1} more)" if len(unequal) > 1 else ""
    return [f"tasks.{task}.samples[{sample.item_id},{sample.index}].seed: {seed} != {sample.seed}{more}"]
