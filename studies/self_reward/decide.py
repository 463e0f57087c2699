"""Whether each hypothesis of the plan holds: decided only when all runs that it needs are finished.

Until then its words say how many are, and what their checkpoints show so far, which is no claim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.comparing.claims import Design
from selfreward_eval.harness.comparing.pooled import compare_pools
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.stats.multiplicity import holm
from selfreward_eval.trainers.pooling import pooled
from selfreward_eval.trainers.record import read
from selfreward_eval.trainers.verdict import Outcome, guard_claim
from studies.self_reward.plan import Hypothesis, Plan, PlannedRun, folder_of

if TYPE_CHECKING:
    from selfreward_eval.harness.comparing.claims import PooledComparison
    from selfreward_eval.harness.comparing.records import Contrast

__all__ = ["decided"]

Arms = Mapping[str, Mapping[str, Any]]


def decided(one: Hypothesis, plan: Plan, arms: Arms, output: Path) -> dict[str, Any]:
    """A hypothesis with its answer.

    Args:
        one: of the plan.
        plan: that declares it.
        arms: as :func:`studies.self_reward.gather.gathered` tells of them.
        output: the study's folder.

    Returns:
        ``says``, ``holds`` (None while it is not decided; False where it is not shown) and ``words``.
    """
    needed = [*one.arms, *filter(None, [one.over])]
    states = [run["state"] for name in needed for run in arms[name]["runs"]]
    done, stopped = states.count("finished"), states.count("stopped")
    if done < len(states):
        words = [f"not decided: {done} of {len(states)} runs are finished"]
        if stopped:
            words.append(f"{stopped} stopped themselves and will not finish")
        words += [text for name in needed for text in _so_far(name, arms[name], one.tasks)]
        return {"says": one.says, "holds": None, "words": "; ".join(words)}
    answers = [_answer(one, name, plan, arms, output) for name in one.arms]
    # Of several arms named, one that shows a gain is enough ("in one of the forms declared here").
    given = [good for good, _ in answers]
    holds = any(given) if one.test == "gain" else all(given)
    return {
        "says": one.says,
        "holds": None if None in given else holds,
        "words": "; ".join(words for _, words in answers),
    }


def _so_far(name: str, arm: Mapping[str, Any], tasks: Sequence[str]) -> list[str]:
    """The last measured point of every run of an arm."""
    said = []
    for run in arm["runs"]:
        if not run["points"]:
            continue
        last = run["points"][-1]
        shown = [
            f"{task} {_signed(told['effect'])} ({_signed(told['low'])} to {_signed(told['high'])})"
            for task, told in (
                (task, last["tasks"][task]["difference"]) for task in tasks if task in last["tasks"]
            )
        ]
        if shown:
            said.append(
                f"so far {name}, seed {run['seed']} after {last['pictures']:,} of {arm['pictures']:,} "
                f"pictures: {', '.join(shown)}"
            )
    return said


def _answer(one: Hypothesis, name: str, plan: Plan, arms: Arms, output: Path) -> tuple[bool | None, str]:
    """Whether one arm shows what a hypothesis says (None without a method claim), and the figures."""
    against = _beaten(one, name, arms, output) if one.over else pooled(_folders(name, plan, output))
    every = {task: _claim(against, task) for task in one.tasks}
    adjusted = {task: None if claim is None else claim.p_adjusted for task, claim in every.items()}
    if one.over:
        corrected = holm([None if claim is None else claim.p for claim in every.values()])
        adjusted = dict(zip(every, corrected, strict=True))
    good, said = [], []
    for task, claim in every.items():
        if claim is None:
            said.append(f"{name}, {task}: no claim about the method")
            continue
        p = adjusted[task]
        good.append(_good(one, task, claim, p, against))
        said.append(
            f"{name}, {task}: {_signed(claim.effect)} ({_signed(claim.low)} to {_signed(claim.high)}), "
            f"adjusted p {'none' if p is None else f'{p:.4f}'}{_short_of(one, claim, p)}"
        )
    return all(good) if len(good) == len(every) else None, "; ".join(said)


def _good(one: Hypothesis, task: str, claim: Contrast, p: float | None, against: PooledComparison) -> bool:
    """Whether a task's claim is what the hypothesis says; every task of the plan is better when higher."""
    if claim.effect is None:
        return False
    if one.test == "kept":
        return guard_claim(claim, _range(against, task), higher_is_better=True) == Outcome.KEPT
    if one.test == "no gain":
        return claim.high is not None and claim.high < one.margin
    return claim.effect > 0 and not _short_of(one, claim, p)


def _short_of(one: Hypothesis, claim: Contrast, p: float | None) -> str:
    """What a gain lacks of what was declared, as words to add; empty if nothing, and for the other tests."""
    if one.test not in ("gain", "beats") or claim.effect is None:
        return ""
    # Of several arms named, one is enough: the chances of error of all of them add up.
    level = one.p / len(one.arms) if one.test == "gain" else one.p
    lacks = []
    if claim.effect < one.at_least:
        lacks.append(f"less than {one.at_least:+.3f}")
    if one.relative and not (claim.a and claim.effect / claim.a >= one.relative):
        lacks.append(f"less than {one.relative:.1%} of the score before")
    if p is None or p >= level:
        lacks.append(f"p not below {level:.4g}")
    return f" ({', '.join(lacks)})" if lacks else ""


def _claim(against: PooledComparison, task: str) -> Contrast | None:
    return against.tasks[task].overall.method if task in against.tasks else None


def _range(against: PooledComparison, task: str) -> tuple[float, float]:
    return load_run(Path(against.a[0].folder)).scores[task].range


def _folders(name: str, plan: Plan, output: Path) -> list[Path]:
    [arm] = [arm for arm in plan.arms if arm.name == name]
    return [folder_of(PlannedRun(arm, seed), output) for seed in arm.seeds]


def _beaten(one: Hypothesis, name: str, arms: Arms, output: Path) -> PooledComparison:
    """An arm against another after equally many pictures: the last point that both have."""
    shared = {point["pictures"] for run in arms[one.over]["runs"] for point in run["points"]}
    for run in arms[name]["runs"]:
        shared &= {point["pictures"] for point in run["points"]}
    at = max(shared)
    sides = [
        [load_run(_at(output / "runs" / side / f"seed-{seed}", at)) for seed in arms[side]["seeds"]]
        for side in (one.over, name)
    ]
    return compare_pools(sides[0], sides[1], design=Design.INDEPENDENT)


def _at(folder: Path, pictures: int) -> Path:
    """The run folder of the point after so many pictures."""
    [point] = [point for point in read(folder).points if point["pictures"] == pictures]
    return folder / str(point["folder"])


def _signed(value: float | None) -> str:
    return "none" if value is None else f"{value:+.3f}"
