"""Units of other work than a run's: every one comes once, whoever dies. No cluster is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from support.fake_cluster import FakeCluster, Killed

from selfreward_eval.harness.engines.ray.engine import RayEngine
from selfreward_eval.harness.errors import BrokenPlugin, InputError


@dataclass(frozen=True)
class Numbers:
    """Numbers to double."""

    values: tuple[int, ...]

    @property
    def key(self) -> tuple[int, ...]:
        return self.values

    def message(self, shared: bool) -> tuple[int, ...]:
        return self.values

    def parts(self) -> Sequence[Numbers]:
        return [Numbers((value,)) for value in self.values]


class Doubling:
    """Dies over some numbers; adds what it was given."""

    def __init__(self, deadly: Sequence[int] = ()) -> None:
        self.deadly, self.added = list(deadly), 0

    def sees(self) -> bool:
        return True

    def take(self, shared: bytes) -> None:
        self.added = int(shared)

    def do(self, message: tuple[int, ...]) -> list[int]:
        if any(value in self.deadly for value in message):
            raise Killed
        return [2 * value + self.added for value in message]


UNITS = [Numbers((1, 2, 3)), Numbers((4, 5, 6)), Numbers((7, 8))]


def doubled(
    make: Callable[[], Any], units: Sequence[Numbers] = UNITS, shared: bytes | None = None, **arguments: Any
) -> tuple[dict[int, int], list[tuple[int, ...]]]:
    """Number -> its double; and the units that died."""
    results: dict[int, int] = {}
    died = []
    with RayEngine(**{"actors": 2, **arguments}).spread(make, "the doubler") as spread:
        for outcome in spread.over(units, shared):
            if outcome.died:
                died.append(outcome.unit.values)
                continue
            fresh = dict(zip(outcome.unit.values, outcome.result, strict=True))
            assert not fresh.keys() & results.keys()
            results |= fresh
    return results, died


@pytest.mark.parametrize("seed", range(5))
def test_every_unit_comes_once(cluster: FakeCluster, seed: int) -> None:
    cluster.choose.seed(seed)
    assert doubled(Doubling) == ({value: 2 * value for value in range(1, 9)}, [])
    assert len(cluster.started) == 2


@pytest.mark.parametrize("seed", range(5))
def test_what_kills_its_worker_twice_is_told_and_costs_no_other(cluster: FakeCluster, seed: int) -> None:
    """First with its unit, then alone."""
    cluster.choose.seed(seed)
    results, died = doubled(lambda: Doubling([5, 8]))
    assert (sorted(results), sorted(died)) == ([1, 2, 3, 4, 6, 7], [(5,), (8,)])
    assert [message for message in cluster.sent if 5 in message] == [(4, 5, 6), (5,)]


def test_no_more_workers_than_units_are_started(cluster: FakeCluster) -> None:
    doubled(Doubling, UNITS[:1])
    assert len(cluster.started) == 1


def test_what_is_shared_reaches_everybody_before_the_units(cluster: FakeCluster) -> None:
    """Also who is started in place of a dead worker; it is put down once."""
    results, _ = doubled(lambda: Doubling([5]), shared=b"100")
    assert {results[value] - 2 * value for value in results} == {100}
    assert cluster.shared == [b"100"]


def test_workers_stay_from_call_to_call_and_get_what_is_shared_then(cluster: FakeCluster) -> None:
    with RayEngine(actors=2).spread(Doubling, "the doubler") as spread:
        sums = [sum(map(sum, (one.result for one in spread.over(UNITS, b"%d" % k)))) for k in (0, 10, 20)]
    assert sums == [72, 72 + 80, 72 + 160]
    assert len(cluster.started) == 2


def test_workers_left_busy_by_a_caller_that_stopped_are_ended(cluster: FakeCluster) -> None:
    with RayEngine(actors=2).spread(Doubling, "the doubler") as spread:
        next(spread.over(UNITS))
        assert len(list(spread.over(UNITS))) == 3
    assert len(cluster.started) == 4


def test_workers_that_never_start_end_the_work(cluster: FakeCluster) -> None:
    cluster.dies = lambda label: True
    with pytest.raises(BrokenPlugin, match="every worker with the doubler died 2 times in a row"):
        doubled(Doubling, restarts=1)
    assert len(cluster.started) == 4


def test_an_error_in_a_worker_is_the_callers(cluster: FakeCluster) -> None:
    def make() -> Any:
        raise InputError("no weights here; put some there")

    with pytest.raises(InputError, match="no weights here"):
        doubled(make)
