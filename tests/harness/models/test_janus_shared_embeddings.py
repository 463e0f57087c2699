"""The head and the word embeddings of Janus: one matrix or two, by the outer setting alone.

transformers ties ``lm_head`` to the embeddings if the outer ``tie_word_embeddings`` says so, whatever the
language model's own configuration says.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from selfreward_eval.harness.errors import CheckpointError
from selfreward_eval.harness.models.janus.adapter import JanusModel
from selfreward_eval.trainers.settings import Settings
from selfreward_eval.trainers.trainable_weights import TrainableWeights

EMBEDDINGS, HEAD = "model.language_model.embed_tokens.weight", "lm_head.weight"
QUESTION, CAPTIONS = "what is it?", ["a red star", "a blue ring here"]


def checkpoint(original: Path, folder: Path, *, outer: bool, inner: bool, head: bool) -> Path:
    """A copy of a checkpoint with these settings, and with or without a head of its own in its file."""
    shutil.copytree(original, folder)
    config = json.loads((folder / "config.json").read_text())
    config["tie_word_embeddings"], config["text_config"]["tie_word_embeddings"] = outer, inner
    (folder / "config.json").write_text(json.dumps(config))
    tensors = load_file(folder / "model.safetensors")
    tensors.pop(HEAD, None)
    if head:
        tensors[HEAD] = tensors[EMBEDDINGS].flip(0).clone()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


def adapter(folder: Path) -> JanusModel:
    return JanusModel(str(folder), device="cpu", dtype="float32")


def told(model: JanusModel, picture: Image.Image) -> list[torch.Tensor]:
    return model.caption_logprobs([picture] * 2, QUESTION, CAPTIONS)


def step(model: JanusModel, picture: Image.Image) -> TrainableWeights:
    """One step of plain gradient descent on the captions."""
    moving = TrainableWeights(model, Settings())
    (-torch.cat(told(model, picture)).mean()).backward()
    with torch.no_grad():
        for parameter in moving.parameters.values():
            if parameter.grad is not None:
                parameter.sub_(0.1 * parameter.grad)
    return moving


both = pytest.mark.parametrize("inner", [True, False])


@both
def test_the_outer_setting_alone_shares_them(hub_checkpoint: Path, tmp_path: Path, inner: bool) -> None:
    shared = adapter(checkpoint(hub_checkpoint, tmp_path / "one", outer=True, inner=inner, head=False))
    network: Any = shared.loaded.model
    assert network.lm_head.weight is network.get_input_embeddings().weight
    assert [name for name, _ in shared.trainable() if name in (EMBEDDINGS, HEAD)] == [EMBEDDINGS]
    apart = adapter(checkpoint(hub_checkpoint, tmp_path / "two", outer=False, inner=inner, head=True))
    network = apart.loaded.model
    assert not torch.equal(network.lm_head.weight, network.get_input_embeddings().weight)
    assert {name for name, _ in apart.trainable()} >= {EMBEDDINGS, HEAD}


@both
def test_a_head_that_is_not_shared_and_not_there_is_missed(
    hub_checkpoint: Path, tmp_path: Path, inner: bool
) -> None:
    folder = checkpoint(hub_checkpoint, tmp_path / "none", outer=False, inner=inner, head=False)
    with pytest.raises(CheckpointError, match=r"lacks 1 weights .* such as lm_head.weight"):
        _ = adapter(folder).loaded


@both
@pytest.mark.parametrize("outer", [True, False])
def test_a_step_moves_what_it_should_and_is_saved_whole(
    hub_checkpoint: Path, pictures: list[Image.Image], tmp_path: Path, outer: bool, inner: bool
) -> None:
    folder = checkpoint(hub_checkpoint, tmp_path / "start", outer=outer, inner=inner, head=not outer)
    model = adapter(folder)
    before = {name: tensor.clone() for name, tensor in model.loaded.model.state_dict().items()}
    moving = step(model, pictures[0])
    after = model.loaded.model.state_dict()
    assert not torch.equal(after[HEAD], before[HEAD])
    assert not torch.equal(after[EMBEDDINGS], before[EMBEDDINGS])
    assert torch.equal(after[HEAD], after[EMBEDDINGS]) is outer
    frozen = [name for name in before if name.startswith(("model.vision_model.", "model.vqmodel."))]
    assert frozen
    assert all(torch.equal(after[name], before[name]) for name in frozen)
    with torch.no_grad():
        expected = told(model, pictures[0])
        moving.export(tmp_path / "saved")
        found = told(adapter(tmp_path / "saved"), pictures[0])
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(one, other)
    moving.close()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.loaded.model.state_dict().items())


@both
@pytest.mark.parametrize("outer", [True, False])
def test_adapters_leave_both_alone_and_are_merged_whole(
    hub_checkpoint: Path, pictures: list[Image.Image], tmp_path: Path, outer: bool, inner: bool
) -> None:
    folder = checkpoint(hub_checkpoint, tmp_path / "start", outer=outer, inner=inner, head=not outer)
    model = adapter(folder)
    moving = TrainableWeights(model, Settings(lora_rank=2))
    assert not [name for name in moving.parameters if "head" in name or "embed" in name]
    with torch.no_grad():
        for parameter in moving.parameters.values():
            parameter.normal_(0, 0.1, generator=torch.Generator().manual_seed(0))
        expected = told(model, pictures[0])
        moving.export(tmp_path / "saved")
        found = told(adapter(tmp_path / "saved"), pictures[0])
    moving.close()
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    start, saved = (load_file(place / "model.safetensors") for place in (folder, tmp_path / "saved"))
    assert start.keys() == saved.keys()
    assert all(torch.equal(start[name], saved[name]) for name in (EMBEDDINGS, HEAD) if name in start)
