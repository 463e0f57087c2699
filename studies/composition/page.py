"""``docs/composition.md``: the figures as tables, and what they say of each category."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from studies.composition.candidates import COLUMNS
from studies.composition.figures import BEST_OF, SELECTED_OF

TRAINED_ON = "dsr"
"""The reward that the readings are about."""

BLIND = 0.75
"""AUC below which a reward is said not to see a category."""

DRAWN = 0.5
"""Share of prompts with a right candidate below which a category is said to be drawn right seldom."""

MASTERED = 0.9
"""Share of right candidates above which there is little left to learn."""

LEARNABLE = "seen and drawn: what is missing is learning"

INTRODUCTION = f"""# Composition: what stands in the way, category by category

A trainer that compares the candidates of a prompt can learn from a category only if some candidate is
right (exploration) and if the reward ranks it above the wrong ones. What is left is learning itself: the
number of pictures, and whether what is learnt carries over to other prompts (generalisation). This page
measures the first two for `tiny`, with the evaluation's own prompts and the task's own score.

A picture is right if its score reaches nine tenths of what rendered scenes that fulfil the prompt get.
*AUC* is how often a reward ranks a right candidate of a prompt above a wrong one, with its 95 % interval
over prompts; 0.5 is chance. *Best of n* is the share of prompts with a right one among n candidates, the
mean over all subsets of that size. A reward that is said not to see a category has an AUC below
{BLIND:g}; a category that is said to be seldom drawn right has a right one among eight candidates for
less than {DRAWN:.0%} of its prompts.
"""


def reading(numbers: Mapping[str, Any]) -> str:
    """What a category's numbers say, in one line."""
    auc = numbers["rewards"][TRAINED_ON]["auc"]["value"]
    among = numbers["drawn_right"]
    group, most = among[str(SELECTED_OF)], among[max(among, key=int)]
    if numbers["right"] > MASTERED:
        return "nearly always drawn right"
    if most < DRAWN:
        return "hardly ever drawn right"
    seldom = group < DRAWN
    if auc is None:
        return "seldom drawn right" if seldom else "drawn right, and nothing wrong to tell it from"
    if auc < BLIND:
        return f"{'seldom drawn right' if seldom else 'drawn'}, and `{TRAINED_ON}` does not see it"
    if seldom:
        return f"seldom drawn right, though `{TRAINED_ON}` sees it"
    return LEARNABLE


def after_training(numbers: Mapping[str, Any], gain: Mapping[str, float | None]) -> str:
    """What a checkpoint's difference adds to the reading: whether what was seen and drawn was learnt."""
    low, high = gain["low"], gain["high"]
    if low is not None and low > 0:
        return "gained"
    if high is not None and high < 0:
        return "lost"
    words = reading(numbers)
    if words == LEARNABLE:
        return "seen and drawn, and no gain shown: too few pictures, or no generalisation"
    return f"no gain shown: {words}"


def page(content: Mapping[str, Any], findings: str = "") -> str:
    """The page, Markdown.

    Args:
        content: what ``figures.json`` holds.
        findings: what a reader is told first, written by hand.
    """
    plan = content["plan"]
    parts = [INTRODUCTION, _how(content), findings]
    for task, categories in content["tasks"].items():
        parts += [f"## {task}\n", _exploration(categories), _aucs(categories), _selection(categories)]
    parts.append(_gains(content["trained"], content["tasks"]))
    parts.append(
        "The rewards: " + "; ".join(f"`{name}`: {what}" for name, what in COLUMNS.items()) + ". "
        f"Rewards are those of the first {plan['rewarded']} candidates.\n"
    )
    return "\n".join(filter(None, parts))


def _how(content: Mapping[str, Any]) -> str:
    plan = content["plan"]
    prompts = {numbers["prompts"] for rows in content["tasks"].values() for numbers in rows.values()}
    generation = plan["model"]["generation"]
    return (
        f"```\npython -m studies.composition --output composition --prompts {max(prompts)} "
        f"--candidates {plan['candidates']} --rewarded {plan['rewarded']} --page docs/composition.md\n```\n\n"
        f"{_span(prompts)} prompts a category, {plan['candidates']} candidates each, guidance "
        f"{generation['guidance']:g}. Few prompts make wide intervals: read the size of a number, not its "
        "second digit.\n"
    )


def _span(counts: Collection[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{high}" if low == high else f"{low} to {high}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _exploration(categories: Mapping[str, Any]) -> str:
    head = ["category", "score", "right", *(f"best of {n}" for n in BEST_OF), "reading"]
    rows = [
        [
            f"`{name}`",
            _share(numbers["score"]),
            f"{numbers['right']:.0%}",
            *(f"{numbers['drawn_right'][str(n)]:.0%}" for n in BEST_OF if str(n) in numbers["drawn_right"]),
            reading(numbers),
        ]
        for name, numbers in categories.items()
    ]
    return _table(head, rows)


def _aucs(categories: Mapping[str, Any]) -> str:
    def cell(numbers: Mapping[str, Any], column: str) -> str:
        auc = numbers["rewards"][column]["auc"]
        if auc["value"] is None:
            return ""
        ends = "" if auc["low"] is None else f" ({auc['low']:.2f} to {auc['high']:.2f})"
        return f"{auc['value']:.2f}{ends}"

    rows = [
        [f"`{name}`", *(cell(numbers, column) for column in COLUMNS)] for name, numbers in categories.items()
    ]
    return "AUC of each reward:\n\n" + _table(["category", *COLUMNS], rows)


def _selection(categories: Mapping[str, Any]) -> str:
    rows = [
        [
            f"`{name}`",
            _share(numbers["score"]),
            *(_share(numbers["rewards"][column]["best_of_n"]) for column in COLUMNS),
        ]
        for name, numbers in categories.items()
    ]
    return (
        f"Mean score of the candidate with the highest reward among {SELECTED_OF}, beside that of all "
        "candidates:\n\n" + _table(["category", "all", *COLUMNS], rows)
    )


def _gains(trained: Sequence[Mapping[str, Any]], tasks: Mapping[str, Any]) -> str:
    """Differences of trained checkpoints per category; nothing without one."""
    parts = []
    for run in trained:
        rows = []
        for task, categories in tasks.items():
            for category, numbers in categories.items():
                gain = run["tasks"].get(task, {}).get(category)
                if gain is None:
                    continue
                ends = "" if gain["low"] is None else f" ({gain['low']:+.3f} to {gain['high']:+.3f})"
                chosen = numbers["rewards"][TRAINED_ON]["over_the_mean"]
                rows.append(
                    [
                        f"`{task}`",
                        f"`{category}`",
                        f"{gain['effect']:+.3f}{ends}",
                        "" if chosen is None else f"{chosen:+.3f}",
                        after_training(numbers, gain),
                    ]
                )
        head = [
            "task",
            "category",
            "after minus before",
            f"best of {SELECTED_OF} by `{TRAINED_ON}`",
            "reading",
        ]
        parts.append(f"## Gains of {run['name']}, {run['pictures']:,} pictures\n\n" + _table(head, rows))
    return "\n".join(parts)
