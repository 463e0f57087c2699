"""Candidates made by workers are those of one process, and so are the weights. No cluster is needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fake_cluster import FakeCluster, Killed, use
from support.flow_model import FlowModel
from support.small_training import Bar, Interrupted, job

from selfreward_eval.harness.engines.ray.engine import RayEngine
from selfreward_eval.harness.errors import BrokenPlugin, InputError, UsageError
from selfreward_eval.harness.models.tiny import TinyModel
from selfreward_eval.rewarders.building import build as build_rewarder
from selfreward_eval.trainers import rollouts
from selfreward_eval.trainers.building import build
from selfreward_eval.trainers.collecting import collector, training_copy
from selfreward_eval.trainers.fitting import fit
from selfreward_eval.trainers.job_checks import check, claim
from selfreward_eval.trainers.jobs import TrainingJob
from selfreward_eval.trainers.processes import ALONE
from selfreward_eval.trainers.spreading import Actors

BOTH_SIDES = {"captioning": 0.1, "pictures": 12, "candidates": 4}
"""Of ``dsr_grpo``, which is on-policy: likelihoods come from drawing. Anchored to the starting model."""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """With three prompts, or pictures to caption, a chunk."""
    made = FakeCluster()
    use(made, monkeypatch)
    monkeypatch.setattr(rollouts, "CHUNK", 3)
    return made


def files(folder: Path) -> dict[str, bytes]:
    """Candidates of all rounds, and the trained weights."""
    kept = [*folder.rglob("rounds/*/*.safetensors"), *folder.rglob("weights/*.safetensors")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in kept}


def fitted(what: TrainingJob, bar: Bar | None = None) -> dict[str, bytes]:
    """Trains without the measurements before and after; candidates and weights."""
    actors = None if what.engine is None else Actors(what)
    collect = collector(what, bar, ALONE, None, actors)
    try:
        fit(training_copy(what), what.trainer, collect, what.output, progress=bar)
    finally:
        if actors is not None:
            actors.__exit__(None, None, None)
    return files(what.output)


def spread(what: TrainingJob, **arguments: Any) -> TrainingJob:
    return replace(what, engine=RayEngine(**{"actors": 2, **arguments}))


@pytest.mark.parametrize("own", [BOTH_SIDES, {"captioning": 0, "lora_rank": 2}])
def test_two_rounds_end_with_the_weights_of_one_process(
    tmp_path: Path, cluster: FakeCluster, own: dict[str, float]
) -> None:
    """Bit for bit, likelihoods included; what the second round draws with is what the first one learnt."""
    asked = {"trainer": "dsr_grpo", "settings": {"rounds": 2, "steps": 2, **own}}
    one = fitted(job(tmp_path / "one", **asked))
    many = fitted(spread(job(tmp_path / "many", **asked)))
    assert sorted(many) == sorted(one)
    assert [name for name in one if one[name] != many[name]] == []
    chunks = sum(name.startswith("rounds/") for name in one)
    assert chunks == (12 if own["captioning"] else 4)
    assert (len(cluster.started), len(cluster.sent)) == (2, chunks)
    assert len(set(cluster.shared)) == 2


@pytest.mark.parametrize("trainer", ["srum", "dsr_grpo", "rejection", "flow_nft"])
def test_flow_models_end_like_those_of_one_process(
    tmp_path: Path, cluster: FakeCluster, trainer: str
) -> None:
    small = {"prompts": 6, "candidates": 3, "rounds": 2, "steps": 2, "batch_size": 2, "warmup": 0}

    def flow(folder: Path) -> TrainingJob:
        model: Any = FlowModel()
        return replace(
            job(folder, model=model, rewarder=lambda name, model: build_rewarder("random")),
            trainer=build(trainer, model, **small),
        )

    one = fitted(flow(tmp_path / "one"))
    many = fitted(spread(flow(tmp_path / "many")))
    assert [name for name in one if one[name] != many[name]] == []
    assert (sorted(many), len(cluster.sent)) == (sorted(one), 4)


@pytest.mark.parametrize(("stage", "turn"), [("training", 3), ("round 2 candidates", 1)])
def test_a_training_run_that_was_stopped_goes_on_to_the_same_weights(
    tmp_path: Path, cluster: FakeCluster, stage: str, turn: int
) -> None:
    """Begun with actors and finished by one process, or the other way round."""
    asked = {"trainer": "rejection", "settings": {"rounds": 2, "steps": 2}}
    whole = fitted(job(tmp_path / "whole", **asked))
    for name, first, then in (("a", spread, lambda what: what), ("b", lambda what: what, spread)):
        stopped = job(tmp_path / name, **asked)
        with pytest.raises(Interrupted):
            fitted(first(stopped), Bar(stage, turn))
        assert fitted(then(stopped)) == whole


def test_a_finished_round_needs_no_actor(tmp_path: Path, cluster: FakeCluster) -> None:
    done = job(tmp_path, settings={"rounds": 1, "steps": 1})
    fitted(done)
    cluster.started.clear()
    policy = training_copy(done)
    with Actors(spread(done)) as actors:
        collector(done, None, ALONE, None, actors)(0, policy)
    assert cluster.started == []


class Deadly(TinyModel):
    """Ends its process so many times."""

    left = 0

    def training_copy(self, **settings: Any) -> Any:
        copy: Any = super().training_copy(**settings)
        draw = copy.draw

        def deadly(*asked: Any) -> Any:
            if Deadly.left:
                Deadly.left -= 1
                raise Killed
            return draw(*asked)

        copy.draw = deadly
        return copy


@pytest.mark.parametrize("deaths", [1, 2])
def test_an_actor_that_dies_costs_nothing_unless_it_dies_again(
    tmp_path: Path, cluster: FakeCluster, deaths: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk without candidates would be another training run, so that training ends there, resumably."""
    settings = {"rounds": 1, "steps": 1, "prompts": 3}
    one = fitted(job(tmp_path / "one", settings=settings))
    many = spread(job(tmp_path / "many", settings=settings, model=Deadly()))
    monkeypatch.setattr(Deadly, "left", deaths)
    if deaths == 2:
        with pytest.raises(BrokenPlugin, match="actors died twice over the candidates drawing 0 of round 1"):
            fitted(many)
    assert fitted(many) == one


def test_another_rewarder_in_an_actor_is_refused(tmp_path: Path, cluster: FakeCluster) -> None:
    """Such as other weights under the same path on another machine."""
    here = job(tmp_path, settings={"rounds": 1, "steps": 1})
    other = replace(here, rewarder=lambda name, model: build_rewarder("random", seed=7))
    with pytest.raises(InputError, match=r"would draw other candidates than this command \(rewarder"):
        fitted(replace(spread(here), recipe=lambda: other))


def test_the_engine_is_no_part_of_a_training_runs_identity(tmp_path: Path, cluster: FakeCluster) -> None:
    plain = job(tmp_path)
    claim(plain)
    claim(spread(plain))


def test_several_processes_that_train_are_refused(tmp_path: Path, cluster: FakeCluster) -> None:
    with pytest.raises(UsageError, match="--engine ray and several processes that train cannot be combined"):
        check(spread(job(tmp_path)), processes=2)
    assert list(tmp_path.iterdir()) == []


def test_a_job_from_names_is_made_again_without_its_tasks(cluster: FakeCluster) -> None:
    made = TrainingJob.from_names(
        trainer="rejection",
        trainer_args={"prompts": 4},
        rewarder="random",
        rewarder_args={"seed": 3},
        engine=RayEngine(),
    )
    assert made.recipe is not None
    again = made.recipe()
    assert (again.trainer.identity(), again.tasks) == (made.trainer.identity(), [])
    assert again.rewarder(None, again.model).identity()["seed"] == 3
