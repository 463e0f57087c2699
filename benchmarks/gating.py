"""How often a gate is right: checkpoints with a known loss, judged by one look and by many.

GenEval's size: 553 prompts in six categories, four right-or-wrong pictures each, the score
their unweighted mean, one margin on it. A draw is a whole pair of runs; a wrong PASS is one
at a true loss of the margin or more. Two ways to lose: every prompt a little (others gain and
lose by chance), or a few prompts entirely and nothing else changes, which is as lopsided as
differences can be. The sequential gate looks after every batch of 25 prompts.

``python benchmarks/gating.py`` prints the table of ``docs/gating.md``; seeded, a minute of one core.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from selfreward_eval.harness.gating.evidence import Evidence
from selfreward_eval.harness.gating.interim import Scope, interim_test
from selfreward_eval.harness.gating.policy import Kind, Rule
from selfreward_eval.harness.stats.noninferiority import Verdict
from selfreward_eval.harness.stats.one_sided import one_sided_test
from selfreward_eval.harness.stats.stratified_order import macro_weights, stratified_order

SIZES = (100, 100, 99, 94, 80, 80)
MEANS = (0.35, 0.55, 0.7, 0.8, 0.9, 0.5)
"""Share of right pictures of the base in every category."""

IMAGES, MARGIN, ALPHA, BATCH, DRAWS = 4, 0.04, 0.05, 25, 1_000
LOSSES = (0.0, 0.5, 1.0, 2.0)
"""True losses in margins."""

CHANGED = 0.25
"""Share of prompts at which training moved something at all, for the better or the worse."""

SHARED = 0.7
"""Share of pictures whose luck both arms have in common, because they start from the same noise."""

Gains = list[NDArray[np.float64]]


def a_little_everywhere(loss: float, rng: np.random.Generator) -> Gains:
    """Prompt gains by category. A changed prompt gets another chance from the same distribution; then
    all chances shrink by the factor that loses ``loss`` on average."""
    gains = []
    for size, mean in zip(SIZES, MEANS, strict=True):
        before = rng.beta(2 * mean, 2 * (1 - mean), size)
        after = np.where(rng.random(size) < CHANGED, rng.beta(2 * mean, 2 * (1 - mean), size), before)
        after = after * (1 - loss / mean)
        luck = rng.random((size, IMAGES))
        other = np.where(rng.random((size, IMAGES)) < SHARED, luck, rng.random((size, IMAGES)))
        gains.append(((other < after[:, None]).astype(float) - (luck < before[:, None])).mean(axis=1))
    return gains


def a_few_entirely(loss: float, rng: np.random.Generator) -> Gains:
    """Prompt gains where a share of prompts yields no right picture any more; the others stay as they are."""
    gains = []
    for size, mean in zip(SIZES, MEANS, strict=True):
        before = rng.beta(2 * mean, 2 * (1 - mean), size)
        right = (rng.random((size, IMAGES)) < before[:, None]).mean(axis=1)
        gains.append(np.where(rng.random(size) < loss / mean, -right, 0.0))
    return gains


WORLDS = {"a little everywhere": a_little_everywhere, "a few entirely": a_few_entirely}

NAMES = [f"{category}-{k}" for category, size in enumerate(SIZES) for k in range(size)]
CATEGORIES = [category for category, size in enumerate(SIZES) for _ in range(size)]
RULE = Rule("margin", "geneval", None, Kind.MARGIN, MARGIN, 0.99, None, 1)


@dataclass(frozen=True)
class Rates:
    """What a gate said of many draws.

    Attributes:
        verdicts: how often each.
        items: prompts looked at on average.
        draws: of how many.
    """

    verdicts: Counter[Verdict]
    items: float
    draws: int

    def share(self, verdict: Verdict) -> float:
        return self.verdicts[verdict] / self.draws


def one_look(gains: Gains) -> tuple[Verdict, int]:
    """The fixed gate on one draw: verdict and prompts."""
    strata = {str(category): values for category, values in enumerate(gains)}
    test = one_sided_test(strata, -MARGIN, width=1.0, alpha=ALPHA)
    assert test.passes is not None
    assert test.fails is not None
    if test.passes <= ALPHA:
        return Verdict.PASS, len(NAMES)
    return (Verdict.FAIL if test.fails <= ALPHA else Verdict.INCONCLUSIVE), len(NAMES)


def many_looks(gains: Gains, seed: int) -> tuple[Verdict, int]:
    """The sequential gate on one draw: bounds hold at every prompt, and it stops at the end of a batch."""
    order = stratified_order(CATEGORIES, seed)
    weights = dict(zip(NAMES, macro_weights(CATEGORIES), strict=True))
    scope = Scope(tuple((NAMES[k],) for k in order), weights)
    strata = {str(category): values.tolist() for category, values in enumerate(gains)}
    ids = {str(c): [name for name in NAMES if name.startswith(f"{c}-")] for c in range(len(SIZES))}
    evidence = Evidence(
        RULE, strata, ids, ids, {}, None, None, len(NAMES), len(NAMES), IMAGES, 1.0, None, 1, -MARGIN, 1.0,
        (0.0, 1.0), False,
    )  # fmt: skip
    verdict, test = interim_test(evidence, scope, alpha=ALPHA)
    assert test is not None
    return verdict, min(len(NAMES), BATCH * ceil(test.n / BATCH))


def rates(world: str, loss: float, draws: int, seed: int) -> tuple[Rates, Rates]:
    """The fixed gate's and the sequential gate's rates on the same draws.

    Args:
        world: a key of :data:`WORLDS`.
        loss: true loss of the macro score.
        draws: pairs of runs.
        seed: of everything.
    """
    found: list[list[tuple[Verdict, int]]] = [[], []]
    for k in range(draws):
        gains = WORLDS[world](loss, np.random.default_rng([seed, k]))
        found[0].append(one_look(gains))
        found[1].append(many_looks(gains, seed + k))
    fixed, sequential = (_rates(one) for one in found)
    return fixed, sequential


def _rates(found: Sequence[tuple[Verdict, int]]) -> Rates:
    counts = Counter(verdict for verdict, _ in found)
    return Rates(counts, sum(items for _, items in found) / len(found), len(found))


def main() -> None:
    print(f"margin {MARGIN:g}, alpha {ALPHA:g}, {len(NAMES)} prompts x {IMAGES}, {DRAWS:,} draws a row\n")
    print("| The loss | True loss | Gate | PASS | FAIL | INCONCLUSIVE | Prompts looked at | Saved |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for name in WORLDS:
        for margins in LOSSES:
            both = rates(name, margins * MARGIN, DRAWS, seed=0)
            for gate, one in zip(("one look", "sequential"), both, strict=True):
                shares = " | ".join(f"{one.share(verdict):.1%}" for verdict in Verdict)
                saved = f"{1 - one.items / len(NAMES):.0%}" if gate == "sequential" else "-"
                true = f"{margins:g} margins" if margins != 1 else "the margin"
                true = true if margins else "none"
                print(f"| {name} | {true} | {gate} | {shares} | {one.items:.0f} | {saved} |")


if __name__ == "__main__":
    main()
