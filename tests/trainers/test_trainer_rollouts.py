"""A round's candidates: the same whoever makes them, in whatever sitting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from selfreward_eval.harness.errors import InputError, TrainingStopped, UsageError
from selfreward_eval.harness.models.janus import decode
from selfreward_eval.harness.models.tiny import TinyModel
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo
from selfreward_eval.rewarders.building import build as build_rewarder
from selfreward_eval.rewarders.srum.maps import code_map
from selfreward_eval.trainers import rollouts
from selfreward_eval.trainers.building import build
from selfreward_eval.trainers.clock import Clock
from selfreward_eval.trainers.pool import Pool
from selfreward_eval.trainers.rollouts import RolloutCollector
from selfreward_eval.trainers.sources import ShapesSource


@pytest.fixture(scope="module")
def model() -> Any:
    return TinyModel().variant(dtype="float32", guidance=1.0, rows=8)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollouts, "CHUNK", 2)


def collector(
    folder: Path, trainer: str = "rejection", rewarder: Any = None, **changes: Any
) -> RolloutCollector:
    def reward(model: Any) -> Rewarder:
        made: Rewarder = rewarder or build_rewarder("random")
        return made

    made = build(trainer, prompts=5, candidates=3, **changes.pop("settings", {}))
    return RolloutCollector(
        folder=folder,
        source=ShapesSource(),
        trainer=made,
        load_reference=lambda: pytest.fail("the starting model was loaded though nothing has moved"),
        rewarder=reward,
        caption_rewarder=reward,
        question="describe the picture.",
        **changes,
    )


def same(first: Pool, second: Pool) -> bool:
    assert first.drawings is not None
    assert second.drawings is not None
    return torch.equal(first.drawings.tokens, second.drawings.tokens) and np.array_equal(
        first.drawings.values, second.drawings.values, equal_nan=True
    )


def test_a_round_that_was_killed_goes_on_where_it_stopped(tmp_path: Path, model: Any) -> None:
    whole = collector(tmp_path / "whole")(0, model)

    class Killed(Exception):
        pass

    class Bar:
        def start(self, *_: Any) -> None: ...

        def advance(self, *_: Any) -> None:
            raise Killed

    for _ in range(2):
        with pytest.raises(Killed):
            collector(tmp_path / "killed", progress=Bar())(0, model)
    assert len(list((tmp_path / "killed" / "000").glob("*.safetensors"))) == 2
    assert same(whole, collector(tmp_path / "killed")(0, model))


def test_weights_that_have_moved_draw_nothing(tmp_path: Path, model: Any) -> None:
    whole = collector(tmp_path)(0, model)
    assert same(whole, collector(tmp_path)(0, model, moved=True))
    lost = sorted((tmp_path / "000").glob("*.safetensors"))[-1]
    lost.unlink()
    with pytest.raises(InputError, match=f"{lost.name} is missing"):
        collector(tmp_path)(0, model, moved=True)


def test_a_model_that_computes_no_numbers_stops_the_training(tmp_path: Path, model: Any) -> None:
    head = model.loaded.model.model.generation_head.vision_head
    handle = head.register_forward_hook(lambda _, __, output: output * torch.nan)
    try:
        with pytest.raises(
            TrainingStopped, match="no candidates in round 1: a logit of a picture token is NaN"
        ):
            collector(tmp_path)(0, model)
    finally:
        handle.remove()
    assert not list(tmp_path.rglob("drawing-*"))


def test_processes_share_the_work_and_read_the_same(tmp_path: Path, model: Any) -> None:
    whole = collector(tmp_path / "whole")(0, model)

    def second() -> None:
        collector(tmp_path / "shared", share=(1, 2))(0, model)

    first = collector(tmp_path / "shared", share=(0, 2), wait=second)
    assert same(whole, first(0, model))


def test_training_runs_may_learn_from_the_same_pictures(tmp_path: Path, model: Any) -> None:
    kept = tmp_path / "drawn"
    first = collector(tmp_path / "a", drawn=kept)(0, model)
    files = {path: path.stat().st_mtime_ns for path in kept.iterdir()}
    second = collector(tmp_path / "b", drawn=kept)(0, model)
    assert same(first, second)
    assert same(first, collector(tmp_path / "c")(0, model))
    assert {path: path.stat().st_mtime_ns for path in kept.iterdir()} == files


def test_another_seed_draws_other_pictures_for_other_prompts(tmp_path: Path, model: Any) -> None:
    a = collector(tmp_path / "a")(0, model)
    b = collector(tmp_path / "b", settings={"seed": 1})(0, model)
    assert not same(a, b)


def test_what_has_no_reward_is_absent_and_counted(tmp_path: Path, model: Any) -> None:
    class Picky(Rewarder):
        info = RewarderInfo("picky", "1", "every second sample", "control", (0.0, 1.0))

        def identity(self) -> dict[str, Any]:
            return self.described()

        def measure(self, prompts: Any, samples: Any) -> list[Reward]:
            raise RuntimeError("the instrument is broken")

    pool = collector(tmp_path, rewarder=Picky())(0, model)
    assert pool.drawings is not None
    assert not pool.drawings.scored.any()
    assert len(pool.drawings.groups) == 0
    [(reason, count)] = pool.reasons.items()
    assert "the instrument is broken" in reason
    assert count == 15


def test_a_bounded_reward_without_a_map_makes_a_flat_one(tmp_path: Path, model: Any) -> None:
    pool = collector(tmp_path, trainer="srum")(0, model)
    assert pool.drawings is not None
    assert pool.drawings.maps is not None
    value = pool.drawings.values[0, 0]
    assert pool.drawings.maps[0, 0] == pytest.approx(code_map((6, 6), [], 2 * value - 1).reshape(-1))


def test_a_self_rewards_map_reaches_the_tokens(tmp_path: Path, model: Any) -> None:
    pool = collector(tmp_path, trainer="srum", rewarder=build_rewarder("srum", model, world="shapes"))(
        0, model
    )
    assert pool.drawings is not None
    assert pool.drawings.maps is not None
    known = pool.drawings.maps[pool.drawings.scored]
    assert known.shape[1] == 36
    assert known.std(axis=1).max() > 0


def test_both_sides_know_how_likely_they_were_when_drawn(tmp_path: Path, model: Any) -> None:
    made = collector(tmp_path, trainer="dsr_grpo")(0, model)
    assert made.drawings is not None
    assert made.captions is not None
    assert made.captions.sampling_logprobs is not None
    assert made.drawings.sampling_logprobs is not None
    prompts = [made.drawings.items[0].text] * 3
    assert torch.allclose(
        made.drawings.sampling_logprobs[0],
        model.drawing_logprobs(prompts, made.drawings.tokens[0]),
        atol=1e-4,
    )
    again = model.caption_logprobs(
        [made.captions.pictures[0]] * 3, "describe the picture.", made.captions.texts[0]
    )
    for kept, now in zip(made.captions.sampling_logprobs[0], again, strict=True):
        assert torch.allclose(kept, now, atol=1e-4)


def test_captions_are_drawn_from_their_own_seeds(model: Any) -> None:
    pictures = ShapesSource().pictures(0, 3, seed=5)
    together = model.draw_captions(pictures, "describe the picture.", [1, 2, 3], temperature=1.5)
    alone = [
        model.draw_captions([picture], "describe the picture.", [seed], temperature=1.5)[0]
        for picture, seed in zip(pictures, (1, 2, 3), strict=True)
    ]
    assert together == alone


def test_drawing_likelihoods_do_not_depend_on_padding(model: Any) -> None:
    prompts = ["a star", "a picture of a red star and a blue ring"]
    tokens = model.generate_tokens(prompts, [1, 2])
    together = model.drawing_logprobs(prompts, tokens)
    alone = torch.cat([model.token_logprobs([p], tokens[k : k + 1]) for k, p in enumerate(prompts)])
    assert torch.allclose(together, alone, atol=1e-4)


def test_the_likelihood_that_is_trained_is_of_the_distribution_that_draws(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    guided = model.variant(guidance=2.0, temperature=0.8)
    choose, steps = decode.choose, []

    def noting(logits: torch.Tensor, sampling: Any, uniform: torch.Tensor) -> torch.Tensor:
        drawn = choose(logits, sampling, uniform)
        known = (logits.double() / sampling.temperature).log_softmax(-1)
        steps.append(known.gather(-1, drawn[:, None])[:, 0])
        return drawn

    monkeypatch.setattr(decode, "choose", noting)
    tokens = guided.generate_tokens(["a red ring"], [1])
    drawn = torch.stack(steps, 1)[:1].float()
    with torch.no_grad():
        trained = guided.drawing_logprobs(["a red ring"], tokens)
        alone = model.drawing_logprobs(["a red ring"], tokens)
    assert torch.allclose(drawn, trained, atol=1e-4)
    assert not torch.allclose(drawn, alone, atol=0.1)


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_drawing_tells_the_likelihoods_that_are_trained(guidance: float) -> None:
    model = TinyModel().variant(dtype="float32", guidance=guidance, temperature=0.8, filled=False)
    prompts = ["a star", "two red rings", "a star"]
    tokens, logprobs = model.draw(prompts, [1, 2, 3])
    with torch.no_grad():
        trained = model.drawing_logprobs(prompts, tokens)
    assert torch.allclose(logprobs, trained, atol=1e-3)
    assert tokens.equal(model.generate_tokens(prompts, [1, 2, 3]))


def test_who_draws_the_likeliest_has_no_likelihood_to_train(model: Any) -> None:
    tokens = torch.zeros(1, 36, dtype=torch.long)
    with pytest.raises(UsageError, match="temperature 0"):
        model.variant(temperature=0.0).drawing_logprobs(["a star"], tokens)


def test_every_part_of_a_round_is_timed(tmp_path: Path, model: Any) -> None:
    times = Clock(tmp_path / "profile.json", digits=4)
    collector(tmp_path / "rounds", timed=times)(0, model)
    assert set(times.seconds) == {"drawing", "decoding", "rewards"}
    assert Clock(tmp_path / "profile.json").seconds == times.seconds


class Asked(Rewarder):
    """Keeps what it is asked; 0.5 for everything."""

    def __init__(self, captions: bool) -> None:
        self.info = RewarderInfo("asked", "1", "", "external", (0.0, 1.0), captions=captions)
        self.prompts: list[str] = []
        self.texts: list[str | None] = []

    def identity(self) -> dict[str, Any]:
        return self.described()

    def measure(self, prompts: Any, samples: Any) -> list[Reward]:
        self.prompts += prompts
        self.texts += [sample.text for sample in samples]
        return [Reward(0.5) for _ in samples]


@pytest.mark.parametrize("captions", [False, True])
def test_a_rewarder_of_pictures_takes_the_caption_as_the_prompt(
    tmp_path: Path, model: Any, captions: bool
) -> None:
    rewarder = Asked(captions)
    settings = {"pictures": 2, "captioning": 1.0}
    made = replace(
        collector(tmp_path, "dsr_grpo", settings=settings), caption_rewarder=lambda model: rewarder
    )
    made(0, model)
    assert len(rewarder.texts) == 6
    assert rewarder.prompts == (["describe the picture."] * 6 if captions else rewarder.texts)
