"""The same trainer names on flow models: what is built, what is refused, and a whole training run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.flow_model import FlowModel

from selfreward_eval.harness.errors import MissingCapability, UsageError
from selfreward_eval.harness.models.tiny import TinyModel
from selfreward_eval.harness.models.training import TrainsCaptioning, TrainsFlow, lacking
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.rewarders.base import RewardSample
from selfreward_eval.rewarders.building import build as build_rewarder
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval
from selfreward_eval.trainers.base import Trainer
from selfreward_eval.trainers.building import build, default_caption_rewarder, require_fit
from selfreward_eval.trainers.cost import estimate_cost
from selfreward_eval.trainers.jobs import TrainingJob
from selfreward_eval.trainers.loop import train
from selfreward_eval.trainers.methods.dsr_grpo_flow import DualGrpoFlow
from selfreward_eval.trainers.methods.forward_process import FlowAwm, FlowNft
from selfreward_eval.trainers.methods.rejection_flow import RejectionFlow
from selfreward_eval.trainers.methods.srum import Srum
from selfreward_eval.trainers.methods.srum_flow import SrumFlow
from selfreward_eval.trainers.seeds import train_seeds
from selfreward_eval.trainers.sources import ShapesSource

if TYPE_CHECKING:
    from PIL.Image import Image


def test_the_model_decides_which_class_a_name_stands_for() -> None:
    flow = FlowModel()
    assert lacking(flow, TrainsFlow) == lacking(flow, TrainsCaptioning) == []
    assert type(build("srum", flow)) is SrumFlow
    assert type(build("rejection", flow)) is RejectionFlow
    assert type(build("dsr_grpo", flow)) is DualGrpoFlow
    assert type(build("srum", TinyModel())) is type(build("srum")) is Srum
    job = TrainingJob.from_names(model=flow, trainer="srum", rewarder="random")
    assert type(job.trainer) is SrumFlow
    assert job.output.as_posix() == "training/srum-random/seed-0"


def test_the_presets_are_the_recipes() -> None:
    released, paper = SrumFlow(preset="srum_released"), SrumFlow(preset="srum_paper")
    settings = released.settings
    assert (settings.learning_rate, settings.warmup, settings.schedule) == (2e-5, 100, "constant")
    assert (settings.beta1, settings.beta2, settings.eps, settings.weight_decay) == (0.9, 0.95, 1e-15, 0)
    assert (settings.clip, settings.candidates, settings.rounds, settings.steps) == (1.0, 1, 1, 309)
    own = released.own
    assert (own["constraint"], own["dropout"], own["shift"], own["reading"]) == (0.5, 0.1, 1.0, "code")
    assert (paper.settings.learning_rate, paper.settings.warmup) == (2.5e-5, 500)
    assert (paper.own["shift"], paper.own["reading"], paper.own["encoding"]) == (4.0, "paper", "sample")


def test_what_is_given_counts_instead_of_the_presets() -> None:
    trainer = SrumFlow(preset="srum_paper", shift=2.0, encoding="mean", steps=10, prompts=8)
    assert (trainer.own["shift"], trainer.own["encoding"], trainer.settings.steps) == (2.0, "mean", 10)
    assert trainer.settings.eps == 1e-15


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SrumFlow(preset="srum"), "no preset 'srum'; known: srum_released, srum_paper"),
        (lambda: SrumFlow(away="likelihood"), "no away='likelihood' on a flow-matching model"),
        (lambda: SrumFlow(encoding="png"), "no encoding='png'; known: mean, sample"),
        (lambda: SrumFlow(dropout=1.0), "a dropout of at least 0 and below 1, got 1.0"),
        (lambda: SrumFlow(shift=-1.0), "a shift above 0, got -1.0"),
        (lambda: SrumFlow(constraint=-1.0), "a constraint of 0 or more"),
        (lambda: SrumFlow(away="policy", candidates=1), "candidates of 2 or more"),
        (lambda: SrumFlow(away="policy", preset="srum_paper"), "'srum_paper' is not one of away=policy"),
        (lambda: SrumFlow(away="policy", keep="best"), "leave out keep"),
        (lambda: SrumFlow(away="policy", level=0.0), "level, nats and random_steps above 0"),
        (lambda: RejectionFlow(shift=0.0), "a shift above 0, got 0.0"),
        (lambda: DualGrpoFlow(sampler="ddim"), "no sampler='ddim'; known: sde, cps"),
        (lambda: DualGrpoFlow(level=0.0), "level, nats and random_steps above 0"),
        (lambda: DualGrpoFlow(points=2), "at least 3 points"),
        (lambda: DualGrpoFlow(captioning=0.1, temperature=0.5), "captions at temperature 1, got 0.5"),
        (lambda: FlowNft(mode="some"), "a mode of all, positive_only"),
        (lambda: FlowNft(versions=0), "versions of at least 1"),
        (lambda: FlowAwm(weighting="none"), "a weighting of uniform, t"),
        (lambda: FlowAwm(points=4), "4 points are too few for 6 versions; use 8"),
        (lambda: FlowAwm(eps=0.0), "eps must be above 0"),
    ],
)
def test_what_cannot_work_is_refused(make: Callable[[], Trainer], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_a_trainer_of_flow_models_refuses_others_by_name() -> None:
    with pytest.raises(MissingCapability, match=r"lacks .*velocity.*--model tiny-flow"):
        require_fit(FlowAwm(), build_rewarder("random"), TinyModel())
    with pytest.raises(MissingCapability, match="needs a model that can be trained"):
        require_fit(build("srum", DummyModel()), build_rewarder("random"), DummyModel())  # type: ignore[arg-type]
    with pytest.raises(MissingCapability, match="lacks decode, draw, drawing_logprobs, top_k"):
        require_fit(build("dsr_simpo", FlowModel()), build_rewarder("random"), FlowModel())


def test_a_flow_model_without_captions_trains_drawing_alone() -> None:
    class Silent(FlowModel):
        draw_captions = None  # type: ignore[assignment]

    require_fit(DualGrpoFlow(), build_rewarder("random"), Silent())
    with pytest.raises(MissingCapability, match=r"lacks draw_captions.*With captioning=0"):
        require_fit(DualGrpoFlow(captioning=0.1), build_rewarder("random"), Silent())


def test_a_presets_reading_of_the_map_has_to_be_the_rewarders() -> None:
    model = TinyModel()
    rewarder = build_rewarder("srum", model, reading="paper")
    require_fit(SrumFlow(preset="srum_paper"), rewarder, FlowModel())
    with pytest.raises(UsageError, match="add --rewarder-args reading=code"):
        require_fit(SrumFlow(preset="srum_released"), rewarder, FlowModel())
    require_fit(SrumFlow(preset="srum_paper"), build_rewarder("random"), FlowModel())


def test_captions_of_a_flow_model_are_rewarded_by_the_surrogate() -> None:
    model = FlowModel()
    assert default_caption_rewarder(build_rewarder("vqa", TinyModel()), model) == "flow_surrogate"
    assert default_caption_rewarder(build_rewarder("random"), model) == "random"
    rewarder = build_rewarder("flow_surrogate", model, steps=3)
    [image] = model.generate(["red star"], [1])
    captioned, prompted, other = rewarder.score(
        ["ask", "red star", "ask"],
        [RewardSample(image, text="red star"), RewardSample(image), RewardSample(image, text="blue ring")],
    )
    assert captioned.value == prompted.value != other.value
    assert captioned.value is not None
    assert captioned.value < 0
    [large] = rewarder.score(["a ring"], [RewardSample(image.resize((32, 32)))])
    assert "32 x 32 pixels is not of the size" in large.reason


def small(folder: Path, trainer: Trainer, **changes: Any) -> TrainingJob:
    made = TrainingJob(
        model=FlowModel(),
        trainer=trainer,
        rewarder=lambda name, model: build_rewarder(name or "random", model),
        source=ShapesSource(),
        tasks=[ShapesGenEval()],
        output=folder / "run",
        before=folder / "before",
        scales=(),
        limit=4,
    )
    return replace(made, **changes)


class Source16(ShapesSource):
    """Pictures to caption that have the size of the small model's."""

    def pictures(self, round_: int, count: int, seed: int) -> list[Image]:
        return FlowModel().generate(["a ring"] * count, range(count))


SHORT: dict[str, Any] = {"prompts": 4, "candidates": 2, "rounds": 2, "steps": 2, "batch_size": 2, "warmup": 0}


@pytest.mark.parametrize("rewarder", ["srum", "dsr"])
def test_a_flow_model_rewards_itself(tmp_path: Path, rewarder: str) -> None:
    job = small(
        tmp_path,
        SrumFlow(preset="srum_released", **SHORT) if rewarder == "srum" else DualGrpoFlow(**SHORT),
        rewarder=lambda name, model: build_rewarder(name or rewarder, model),
    )
    [run] = train_seeds(job, [3])
    assert run.record.rewarder["kind"] == "self"
    assert run.record.rounds[0]["drawing"]["scored"] == 1.0
    assert run.page.is_file()


def test_a_training_run_measures_before_and_after(tmp_path: Path) -> None:
    record = train(small(tmp_path, SrumFlow(**SHORT)))
    assert record.trainer["model_kind"] == "flow"
    assert record.verdicts.keys() == {"shapes_geneval"}
    assert [round_["drawing"]["scored"] for round_ in record.rounds] == [1.0, 1.0]


def test_the_record_names_what_stands_for_the_likelihood_of_pictures(tmp_path: Path) -> None:
    trainer = DualGrpoFlow(captioning=0.1, pictures=4, **{**SHORT, "candidates": 4})
    job = small(
        tmp_path,
        trainer,
        rewarder=lambda name, model: build_rewarder(name or "flow_surrogate", model),
        source=Source16(),
    )
    record = train(job)
    assert any("R_U" in note and "flow_surrogate" in note for note in record.notes)


def test_a_dry_run_estimates_and_writes_nothing(tmp_path: Path) -> None:
    estimate = estimate_cost(small(tmp_path, FlowNft(**SHORT)))
    assert estimate["seconds"]["training"] > 0
    assert estimate["trainable"] < estimate["total"]
    assert list(tmp_path.iterdir()) == []
