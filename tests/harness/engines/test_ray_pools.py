"""How many workers a cluster gets."""

from __future__ import annotations

import pytest

from selfreward_eval.harness.engines.ray.contract import Role
from selfreward_eval.harness.engines.ray.pools import Asked, Pool, fit_together, pools
from selfreward_eval.harness.errors import UsageError

BOTH: tuple[Role, ...] = ("model", "measure")


@pytest.mark.parametrize(
    ("cpus", "gpus", "model", "measure"),
    [
        (2, 0, Pool(2, 1, 0), Pool(1, 0, 0)),
        (32, 1, Pool(1, 1, 0.5), Pool(1, 0, 0.5)),
        (32, 4, Pool(3, 1, 1), Pool(1, 0, 1)),
        (64, 16, Pool(15, 1, 1), Pool(1, 0, 1)),
    ],
)
def test_the_cluster_decides(cpus: float, gpus: float, model: Pool, measure: Pool) -> None:
    found = pools(Asked(), BOTH, cpus, gpus)
    assert found == {"model": model, "measure": measure}
    assert fit_together(found, cpus, gpus)


@pytest.mark.parametrize(("role", "size"), [("model", 4), ("measure", 4)])
def test_a_phase_has_the_cluster_for_itself(role: Role, size: int) -> None:
    assert pools(Asked(), [role], 64, 4)[role].size == size


def test_what_was_asked_for_is_what_there_is() -> None:
    found = pools(Asked(actors=6, measurers=2, gpus=0.5, measure_gpus=0), BOTH, 16, 4)
    assert found == {"model": Pool(6, 1, 0.5), "measure": Pool(2, 0, 0)}


def test_what_has_no_room_at_once_is_seen() -> None:
    found = pools(Asked(actors=1, gpus=1, measure_gpus=1), BOTH, 16, 1)
    assert not fit_together(found, 16, 1)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            Asked(actors=8, gpus=1),
            "actors=8 with 1 GPUs each need 8 GPUs, and the Ray cluster has 4; give fewer",
        ),
        (Asked(actors=3, cpus=8), "actors=3 with 8 CPUs each need 24 CPUs, and the Ray cluster has 16"),
        (Asked(measure_gpus=8), "measurers=1 with 8 GPUs each need 8 GPUs"),
    ],
)
def test_a_cluster_that_is_too_small_is_told(asked: Asked, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        pools(asked, BOTH, 16, 4)


@pytest.mark.parametrize(
    "arguments",
    [{"actors": 0}, {"measurers": -1}, {"actors": 100_000}, {"gpus": -1.0}, {"cpus": 1.5}],
)
def test_sizes_that_are_none_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(arguments))):
        Asked(**arguments)  # type: ignore[arg-type]
