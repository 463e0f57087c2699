"""The study's summary in Markdown, from ``results.json`` alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from selfreward_eval.trainers.report.learning import gain_words

__all__ = ["bare", "state_words", "summary"]

HEAD = """# The papers' claims on `tiny`: the study

Which method teaches what, from how many pictures, at what cost. The runs, and what each hypothesis needs to
hold, were declared in `studies/self_reward/plan.yaml` before the first run; what was changed later stands
below. These commands resume the study and write this page:

```
python -m studies.self_reward run --jobs 2 -o study
python -m studies.self_reward page -o study
```

"""

ANSWER = {True: "Holds", False: "Not shown", None: "Not decided"}


def summary(found: Mapping[str, Any], picture: str = "") -> str:
    """The page.

    Args:
        found: what :func:`studies.self_reward.gather.gathered` returns.
        picture: address of the learning curves; empty for none.
    """
    runs = [run for arm in found["arms"].values() for run in arm["runs"]]
    finished = sum(run["state"] == "finished" for run in runs)
    how_many = f"**{finished} of {len(runs)} runs are finished.** The others are told as far as they got."
    if finished == len(runs):
        how_many = f"**All {finished} runs are finished.**"
    lines = [
        how_many,
        "",
        *_amended(found["amendments"]),
        "## Hypotheses",
        "",
        "| declared | answer |",
        "| --- | --- |",
        *(f"| {one['says']} | {_answer(one)} |" for one in found["hypotheses"]),
        "",
        "## Score against pictures",
        "",
        *([f"![Score against pictures and CPU-seconds, and rewards]({picture})", ""] if picture else []),
        *_curves(found),
        "## Runs",
        "",
        "| arm | what it is | runs |",
        "| --- | --- | --- |",
        *(f"| `{name}` | {arm['title']} | {state_words(arm)} |" for name, arm in found["arms"].items()),
        "",
    ]
    return HEAD + "\n".join(lines)


def _amended(amendments: Sequence[str]) -> list[str]:
    """What was changed after the first run."""
    if not amendments:
        return []
    return ["## Changes of the plan", "", *(f"- {text.strip()}" for text in amendments), ""]


def _answer(one: Mapping[str, Any]) -> str:
    return f"**{ANSWER[one['holds']]}**: {bare(one['words'])}"


def bare(words: str) -> str:
    """A hypothesis' words without the verdict that stands before them anyway."""
    return words.removeprefix("not decided: ")


def _curves(found: Mapping[str, Any]) -> Iterator[str]:
    curves = {name: arm["curve"] for name, arm in found["arms"].items() if arm["curve"]}
    if not curves:
        yield from ("No point is measured yet.", "")
        return
    tasks = list(dict.fromkeys(task for curve in curves.values() for task in curve["tasks"]))
    yield (
        "| arm | pictures | seeds | CPU-seconds | judgements | reward | "
        + " | ".join(f"`{task}`" for task in tasks)
        + " |"
    )
    yield "| --- " * (6 + len(tasks)) + "|"
    before = " | ".join(_number(found["before"][task]["value"]) for task in tasks)
    yield f"| before training | 0 | | | | | {before} |"
    for name, curve in curves.items():
        for point in curve["points"]:
            cells = " | ".join(_cell(point["tasks"].get(task)) for task in tasks)
            seeds = ", ".join(map(str, point["seeds"]))
            cost = f"{_whole(point['cpu_seconds'])} | {_whole(point['judgements'])}"
            reward = _number(point["reward"])
            yield f"| `{name}` | {point['pictures']:,} | {seeds} | {cost} | {reward} | {cells} |"
    yield ""
    yield (
        "Score (mean over the seeds), the difference from before training with its 95 % interval, and the "
        "p-value after Holm's correction over all planned points and tasks of the arm, measured or not. With "
        "one seed interval and p are about that checkpoint over prompts, not about the method. The reward is "
        "the mean over the pictures of the last round; rewards of different rewarders have no common scale. "
        "CPU-seconds are of training alone."
    )
    yield ""
    for name, curve in curves.items():
        yield from (f"- {words}" for words in gain_words(f"`{name}`", curve))
    yield ""


def _cell(told: Mapping[str, Any] | None) -> str:
    if told is None:
        return ""
    p = told["p_adjusted"]
    words = "no p" if p is None else "p < 0.0001" if p < 0.0001 else f"p {p:.4f}"
    return (
        f"{_number(told['score'])}, {_signed(told['effect'])} "
        f"({_signed(told['low'])} to {_signed(told['high'])}), {words}"
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _signed(value: float | None) -> str:
    return "none" if value is None else f"{value:+.3f}"


def state_words(arm: Mapping[str, Any]) -> str:
    """How far every run of an arm is, and which points an unfinished one has."""
    said = []
    for run in arm["runs"]:
        words = f"seed {run['seed']}: {run['state']}"
        if run["state"] in ("begun", "stopped"):
            words = f"{words}, step {run['steps']} of {run['of']}, "
            at = ", ".join(f"{point['pictures']:,}" for point in run["points"])
            words += f"points at {at}" if at else "no point yet"
        if run["why"]:
            words += f" ({' '.join(str(run['why']).replace('|', '/').split())})"
        said.append(words)
    if len({run["state"] for run in arm["runs"]}) == 1 and arm["runs"][0]["state"] == "not begun":
        return f"{len(said)} runs, not begun"
    return "; ".join(said)
