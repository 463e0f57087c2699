"""A run that cannot go on says why, and keeps what it had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from selfreward_eval.harness.errors import TrainingStopped
from selfreward_eval.trainers.checkpoints import Checkpoints, fingerprint
from selfreward_eval.trainers.fitting import fit
from selfreward_eval.trainers.methods.srum import Srum
from selfreward_eval.trainers.stopping import require_examples, require_finite


def rewarded(pool: Any, values: Any, **more: Any) -> Any:
    """``pool`` with other rewards for its drawings."""
    return replace(pool, drawings=replace(pool.drawings, values=values), **more)


def test_a_pool_with_examples_gives_their_counts(plain: Any, candidates: Any) -> None:
    assert require_examples(plain(), candidates(0, None)) == {"drawing": 4, "captioning": 4}


def test_rewards_that_are_all_missing_stop_the_run_with_their_reasons(plain: Any, candidates: Any) -> None:
    pool = candidates(0, None)
    none = rewarded(pool, np.full((4, 3), np.nan), reasons={"error: judge is away": 12})
    with pytest.raises(TrainingStopped, match=r"round 1, drawing: none of 12.*12 x error: judge is away"):
        require_examples(plain(), none)


def test_rewards_that_are_all_equal_stop_the_run_as_collapsed(plain: Any, candidates: Any) -> None:
    values = np.full((4, 3), 0.5)
    values[0, 0] = np.nan
    with pytest.raises(TrainingStopped, match=r"collapsed: 11 of 12.*4 groups"):
        require_examples(plain(), rewarded(candidates(0, None), values))


def test_candidates_without_the_part_that_is_used_stop_the_run(candidates: Any) -> None:
    pool = candidates(0, None)
    unmapped = replace(pool, drawings=replace(pool.drawings, maps=np.full((4, 3, 36), np.nan, np.float32)))
    with pytest.raises(TrainingStopped, match=r"srum.*12 of 12.*\(map\)"):
        require_examples(Srum(), unmapped)


def test_only_the_wanted_term_has_to_be_finite() -> None:
    require_finite(1, {"loss": 1.0, "aside": float("nan")}, "loss")
    with pytest.raises(TrainingStopped, match="step 3: loss is inf, aside is nan"):
        require_finite(3, {"aside": float("nan"), "loss": float("inf")}, "loss")


@pytest.fixture
def failing(plain: Any) -> Any:
    """A trainer whose loss or gradient stops being finite in its third step."""

    class Failing(plain):
        calls = 0
        how = "loss"

        def loss(
            self, model: Any, pool: Any, picks: Mapping[Any, Sequence[int]]
        ) -> tuple[torch.Tensor, dict[str, float]]:
            loss, terms = super().loss(model, pool, picks)
            self.calls += 1
            if self.calls < 3:
                return loss, terms
            if self.how == "loss":
                return loss * float("nan"), {**terms, "picture": float("nan")}
            root = (loss - loss.detach()).abs().sqrt()  # 0, with an infinite slope
            return root, terms

    return Failing


@pytest.mark.parametrize(
    ("how", "named"), [("loss", "loss is nan, picture is nan"), ("gradient", "gradient norm is nan")]
)
def test_a_step_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(
    model: Any, failing: Any, candidates: Any, tmp_path: Path, how: str, named: str
) -> None:
    trainer = failing(save_every=2)
    trainer.how = how
    with pytest.raises(TrainingStopped, match=f"step 3: {named}") as stopped:
        fit(model, trainer, candidates, tmp_path)
    assert stopped.value.exit_code == 5
    who = {"trainer": trainer.identity(), "model": {"revision": model.loaded.revision}}
    saved = Checkpoints(tmp_path / "checkpoints", fingerprint(who)).newest()
    assert saved is not None
    assert saved.step == 2
    assert all(bool(torch.isfinite(one).all()) for one in saved.tensors["weights"].values())
    assert not (tmp_path / "weights").exists()
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2
