"""Permutation test and bootstrap of 553 item differences: ours beside scipy's and lm-eval's.

The same vector, the same number of resamples, one run; rounds in turn, of which the
quickest counts, since whatever else the machine does can only add time. CPU time is
that of the process and its children; ratios are of CPU times. lm-eval bootstraps a
standard error, in a pool of processes, where ours and scipy's lines are whole BCa
intervals. Answers are compared too: a fast one that is another one would be worth nothing.

Our bootstrap has two lines. ``bca`` as it is called by default draws no resamples at all:
it works out how infinitely many of them would be distributed. ``bca, resamples drawn`` is
the same interval from 10,000 of them, as scipy's is.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ITEMS, IMAGES, RESAMPLES, ROUNDS = 553, 4, 10_000, 7

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """One way to the same number.

    Attributes:
        name: who.
        run: vector -> the number that has to agree: a p-value, or a standard error or interval width.
        ours: whether it is this harness.
    """

    name: str
    run: Callable[[Vector], float]
    ours: bool = False


def differences() -> Vector:
    """Item differences as GenEval has them: means of four right-or-wrong pictures, prompts that differ."""
    rng = np.random.default_rng(0)
    chance = rng.beta(1.0, 1.0, size=(ITEMS, 1))
    before = rng.random((ITEMS, IMAGES)) < chance
    after = rng.random((ITEMS, IMAGES)) < np.clip(chance + 0.02, 0, 1)
    return (after.astype(float) - before).mean(axis=1)


def graded() -> Vector:
    """Differences of graded scores: no two alike, so that nothing can be counted instead of drawn."""
    return np.random.default_rng(1).normal(0.01, 0.3, ITEMS)


def permutations() -> list[Side]:
    from scipy import stats

    from selfreward_eval.harness.stats.permutation import sign_flip

    def ours(values: Vector) -> float:
        p = sign_flip({"": values}, resamples=RESAMPLES).p
        assert p is not None
        return p

    def studentised(x: Vector, axis: int) -> Vector:
        n = x.shape[axis]
        return np.asarray(x.mean(axis=axis) / (x.std(axis=axis, ddof=1) / np.sqrt(n)))

    def scipys(values: Vector) -> float:
        found = stats.permutation_test(
            (values,), studentised, permutation_type="samples", n_resamples=RESAMPLES, vectorized=True, rng=0
        )
        return float(found.pvalue)

    return [Side("sign_flip, interval included", ours, True), Side("scipy permutation_test", scipys)]


def bootstraps() -> list[Side]:
    from scipy import stats

    from selfreward_eval.harness.stats.bootstrap import bca

    def width(low: float | None, high: float | None) -> float:
        assert low is not None
        assert high is not None
        return (high - low) / 3.92

    def without(values: Vector) -> float:
        found = bca({"": values})
        assert found.resamples == 0
        return width(found.low, found.high)

    def drawn(values: Vector) -> float:
        found = bca({"": values}, resamples=RESAMPLES, ideal=False)
        assert found.resamples == RESAMPLES
        return width(found.low, found.high)

    def scipys(values: Vector) -> float:
        found = stats.bootstrap((values,), np.mean, n_resamples=RESAMPLES, method="BCa", rng=0)
        return width(*map(float, found.confidence_interval))

    sides = [
        Side("bca, no resampling", without, True),
        Side("bca, resamples drawn", drawn, True),
        Side("scipy bootstrap, BCa", scipys),
    ]
    try:
        from lm_eval.api.metrics import bootstrap_stderr, mean
    except ModuleNotFoundError as error:
        print(f"lm-eval is left out: {error.name} is not installed")
        return sides

    def theirs(values: Vector) -> float:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return float(bootstrap_stderr(mean, values.tolist(), RESAMPLES))

    return [*sides, Side("lm-eval bootstrap_stderr", theirs)]


def race(title: str, sides: list[Side], values: Vector, apart: float) -> None:
    """Times the sides in turn after one round that imports, and prints them.

    Args:
        title: heading.
        sides: ours first.
        values: what all of them resample.
        apart: relative difference between two answers that resampling explains.
    """
    taken: dict[str, list[tuple[float, float]]] = {side.name: [] for side in sides}
    answers: dict[str, float] = {}
    for turn in range(ROUNDS + 1):
        for side in sides:
            wall, cpu = time.perf_counter(), cpu_time()
            answers[side.name] = side.run(values)
            if turn:
                taken[side.name].append((time.perf_counter() - wall, cpu_time() - cpu))
    first = sides[0].name
    for side in sides[1:]:
        if abs(answers[side.name] - answers[first]) > apart * abs(answers[first]):
            raise SystemExit(f"{side.name} answers {answers[side.name]:.4g}, {first} {answers[first]:.4g}")
    best = {name: tuple(map(min, zip(*rounds, strict=True))) for name, rounds in taken.items()}
    print(f"\n{title:34} {'wall':>11} {'CPU':>11} {'of first':>9} {'answer':>8}")
    for side in sides:
        wall, cpu = (1000 * seconds for seconds in best[side.name])
        ratio = best[side.name][1] / best[first][1]
        print(f"{side.name:34} {wall:8.2f} ms {cpu:8.2f} ms {ratio:8.1f}x {answers[side.name]:8.4f}")
    quickest = min(best[side.name][1] for side in sides if not side.ours)
    for side in sides:
        if side.ours:
            ratio = quickest / best[side.name][1]
            print(f"the fastest of the others takes {ratio:.1f} times as long as {side.name}")


def cpu_time() -> float:
    """CPU seconds of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main() -> None:
    os.environ.setdefault("TQDM_DISABLE", "1")
    print(f"{RESAMPLES:,} resamples of {ITEMS} item differences, best of {ROUNDS} rounds")
    for name, values in (("marks of 4 pictures", differences()), ("graded scores", graded())):
        race(f"permutation, {name}", permutations(), values, 0.5)
        race(f"bootstrap, {name}", bootstraps(), values, 0.1)


if __name__ == "__main__":
    main()
