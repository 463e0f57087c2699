"""What a training run computes: averages, parts, recomputation and precision, against each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.base import Side
from selfreward_eval.trainers.engine import Engine
from selfreward_eval.trainers.fitting import fit
from selfreward_eval.trainers.recomputing import recomputing

Read = Callable[[Path], dict[str, torch.Tensor]]


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def usual(_loaded: Any, plain: Any, candidates: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an unremarkable run."""
    folder = tmp_path_factory.mktemp("usual")
    fit(_loaded, plain(), candidates, folder)
    return folder


def test_the_loss_of_examples_that_are_trained_on_falls(
    model: Any, plain: Any, candidates: Any, tmp_path: Path
) -> None:
    fit(model, plain(steps=6, batch_size=4, schedule="constant"), candidates, tmp_path)
    losses = [line["loss"] for line in lines(tmp_path)]
    assert losses[-1] < losses[0] - 0.5


def test_codec_and_encoder_stay_and_the_rest_moves(usual: Path, weights: Path, read_weights: Read) -> None:
    before, after = read_weights(weights), read_weights(usual / "weights")
    assert before.keys() == after.keys()
    still = {name for name in before if torch.equal(before[name], after[name])}
    frozen = {name for name in before if name.startswith(("model.vision_model.", "model.vqmodel."))}
    assert frozen
    assert still == frozen


def test_a_line_has_everything_about_a_step(usual: Path, plain: Any) -> None:
    rows = lines(usual)
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert [row["lr"] for row in rows] == [plain().settings.rate(step) for step in range(4)]
    for row in rows:
        assert row["loss"] == pytest.approx(row["picture"] + row["caption"])
        assert row["grad_norm"] > 0
        assert row["round"] == 0
        assert row["seconds"] > 0


def test_parts_of_a_batch_make_the_same_steps_as_the_whole(
    usual: Path, model: Any, plain: Any, candidates: Any, tmp_path: Path
) -> None:
    fit(model, plain(accumulation=2), candidates, tmp_path)
    for parts, whole in zip(lines(tmp_path), lines(usual), strict=True):
        assert parts["loss"] == pytest.approx(whole["loss"], abs=2e-4)
        assert parts["grad_norm"] == pytest.approx(whole["grad_norm"], rel=1e-4)


def test_the_averaged_weights_are_what_is_kept(
    model: Any, plain: Any, candidates: Any, weights: Path, tmp_path: Path, read_weights: Read
) -> None:
    name = "lm_head.weight"
    steps = []
    for folder, settings in (("one", {"rounds": 1}), ("two", {"rounds": 2})):
        # Rates are those of a constant schedule, so that the shorter run is the longer one's beginning.
        once = plain(ema=0.0, steps=1, schedule="constant", **settings)
        fit(model, once, candidates, tmp_path / folder)
        steps.append(read_weights(tmp_path / folder / "weights")[name])
    trainer = plain(ema=0.75, steps=1, schedule="constant", rounds=2)
    fitted = fit(model, trainer, candidates, tmp_path / "averaged")
    start = read_weights(weights)[name].float()
    expected = 0.75 * (0.75 * start + 0.25 * steps[0]) + 0.25 * steps[1]
    torch.testing.assert_close(read_weights(fitted.checkpoint)[name], expected, atol=1e-7, rtol=0)
    assert not torch.equal(expected, steps[1])


def test_recomputed_activations_give_the_same_gradients(model: Any, plain: Any, candidates: Any) -> None:
    pool = candidates(0, model)
    picked: dict[Side, list[int]] = {"drawing": [0, 1], "captioning": [1, 2]}
    calls = 0
    layer = model.loaded.model.model.language_model.layers[0].mlp
    # Counted at a part of a layer: it is called again exactly when the layer is recomputed.
    forward = layer.forward

    def counted(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        return forward(*args)

    found = {}
    layer.forward = counted
    try:
        for checkpointing in (False, True):
            calls = 0
            with Engine(model, plain(checkpointing=checkpointing, clip=1e9)) as engine:
                engine.step(pool, picked, 0.0, 1)
                found[checkpointing] = {
                    name: one.grad.clone()
                    for name, one in engine.weights.parameters.items()
                    if one.grad is not None
                }
            # Once for the drawing, once for the caption; and both again.
            assert calls == (4 if checkpointing else 2)
    finally:
        del layer.forward
    assert found[False].keys() == found[True].keys()
    for name, gradient in found[False].items():
        assert torch.equal(gradient, found[True][name]), name


def test_layers_are_left_in_evaluation_mode_with_their_cache(model: Any) -> None:
    inner = model.loaded.model.model.language_model
    with recomputing(inner):
        assert any(one.training for one in inner.modules())
    assert not any(one.training for one in inner.modules())
    assert not any(getattr(one, "gradient_checkpointing", False) for one in inner.layers)


def test_a_model_without_such_layers_is_told(model: Any) -> None:
    with (
        pytest.raises(UsageError, match=r"checkpointing.*Linear"),
        recomputing(torch.nn.Linear(2, 2)),
    ):
        pass


def test_bfloat16_computes_roughly_the_same_from_float32_weights(
    usual: Path, model: Any, plain: Any, candidates: Any, tmp_path: Path, read_weights: Read
) -> None:
    fitted = fit(model, plain(precision="bf16"), candidates, tmp_path)
    assert all(one.dtype == torch.float32 for one in read_weights(fitted.checkpoint).values())
    narrow, wide = [[line["loss"] for line in lines(one)] for one in (tmp_path, usual)]
    assert narrow != wide
    assert narrow == pytest.approx(wide, abs=0.02)


def test_half_precision_on_a_cpu_is_refused(model: Any, plain: Any, candidates: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fp16 needs a GPU"):
        fit(model, plain(precision="fp16"), candidates, tmp_path)


def test_weights_in_another_type_are_refused(
    weights: Path, plain: Any, candidates: Any, tmp_path: Path
) -> None:
    from selfreward_eval.harness.models.janus.adapter import JanusModel

    narrow = JanusModel(str(weights), device="cpu", dtype="bfloat16")
    with pytest.raises(UsageError, match="float32, got bfloat16"):
        fit(narrow, plain(), candidates, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_batch_that_does_not_divide_is_refused_before_anything_is_written(
    model: Any, plain: Any, candidates: Any, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="batch_size 2"):
        fit(model, plain(accumulation=3), candidates, tmp_path)
    assert not list(tmp_path.iterdir())


def test_every_round_collects_with_the_weights_of_its_beginning(
    model: Any, plain: Any, candidates: Any, tmp_path: Path
) -> None:
    seen = []

    def collecting(round_: int, adapter: Any, moved: bool) -> Any:
        seen.append((round_, adapter.loaded.model.lm_head.weight.detach().clone()))
        return candidates(round_, adapter, moved)

    start = model.loaded.model.lm_head.weight.detach().clone()
    fit(model, plain(rounds=2, steps=1), collecting, tmp_path)
    assert [round_ for round_, _ in seen] == [0, 1]
    assert torch.equal(seen[0][1], start)
    assert not torch.equal(seen[1][1], start)
