"""Checkpoints that do not load: one line that names them, and no guess."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.backends.weights import folder_revision
from selfreward_eval.harness.models.janus.adapter import JanusModel
from selfreward_eval.harness.models.janus.loading import load


@pytest.fixture
def copy(hub_checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint that a test may damage."""
    return Path(shutil.copytree(hub_checkpoint, tmp_path / "damaged"))


def refused(weights: str | Path) -> str:
    """The message with which a checkpoint is refused: one line that names it."""
    with pytest.raises(CheckpointError) as caught:
        load(str(weights), None, "cpu", "float32")
    message = str(caught.value)
    assert str(weights) in message
    assert "\n" not in message
    assert len(message) < 500
    return message


def edit(path: Path, **changes: Any) -> None:
    """Replaces top-level keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "no checkpoint folder" in refused(tmp_path / "nothing")
    assert "no checkpoint folder" in refused("./nothing")


def test_a_file_is_no_folder(copy: Path) -> None:
    refused(copy / "model.safetensors")


def test_an_empty_folder(tmp_path: Path) -> None:
    assert "config.json" in refused(tmp_path)


def test_a_checkpoint_of_another_architecture(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"]})
    )
    save_file({}, tmp_path / "model.safetensors")
    assert "is a 'llama' where 'janus' is needed" in refused(tmp_path)


def truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    os.truncate(path, path.stat().st_size // 2)


def truncate_header(folder: Path) -> None:
    os.truncate(folder / "model.safetensors", 5)


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def not_safetensors(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"<html>not found</html>" * 50)


def git_lfs_pointer(folder: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    (folder / "model.safetensors").write_text(pointer)


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    no_weights(folder)


def another_shape(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    name = next(name for name in tensors if "generation_head" in name and tensors[name].ndim == 2)
    tensors[name] = tensors[name][:-3].clone()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def broken_json(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "janus", ')


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (truncate, "does not load"),
        (truncate_header, "does not load"),
        (no_weights, "holds no safetensors"),
        (not_safetensors, "does not load"),
        (git_lfs_pointer, "does not load"),
        (pickled, "pickled weights are not loaded"),
        (another_shape, "does not load"),
        (broken_json, "holds no usable config.json"),
    ],
)
def test_damaged_weights(damage: Callable[[Path], None], reason: str, copy: Path) -> None:
    damage(copy)
    assert reason in refused(copy)


def test_pickles_are_never_opened(copy: Path, tmp_path: Path) -> None:
    """Weights in a format that can run code are refused even where nothing else is there."""

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path(tmp_path / "sprung").touch, ())

    no_weights(copy)
    torch.save({"lm_head.weight": Trap()}, copy / "pytorch_model.bin")
    refused(copy)
    assert not (tmp_path / "sprung").exists()


def test_missing_tensors_are_counted_and_named(copy: Path) -> None:
    tensors = load_file(copy / "model.safetensors")
    gone = [name for name in tensors if "generation_head" in name]
    save_file(
        {name: tensor for name, tensor in tensors.items() if name not in gone},
        copy / "model.safetensors",
        {"format": "pt"},
    )
    message = refused(copy)
    assert f"lacks {len(gone)} weights" in message
    assert "generation_head" in message


@pytest.mark.parametrize(
    "name", ["tokenizer.json", "processor_config.json", "chat_template.jinja", "config.json"]
)
def test_a_missing_file(name: str, copy: Path) -> None:
    (copy / name).unlink()
    refused(copy)


def test_weights_and_processor_have_to_belong_together(copy: Path) -> None:
    path = copy / "processor_config.json"
    edit(path, num_image_tokens=9)
    assert "writes 9 tokens for a picture, the weights expect 16" in refused(copy)
    edit(path, num_image_tokens=16)
    images = json.loads(path.read_text())["image_processor"]
    edit(path, image_processor=images | {"size": {"height": 64, "width": 64}})
    assert "makes pictures of 64 pixels, the weights expect 32" in refused(copy)


def test_a_tokenizer_of_another_model_is_noticed(copy: Path) -> None:
    tokenizer = json.loads((copy / "tokenizer.json").read_text())
    extra = [
        {"id": 400 + k, "content": f"<more_{k}>", "special": True, "single_word": False, "lstrip": False,
         "rstrip": False, "normalized": False}
        for k in range(40)
    ]  # fmt: skip
    tokenizer["added_tokens"] += extra
    (copy / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert "the tokenizer has" in refused(copy)


@pytest.mark.parametrize("dtype", ["int8", "float", "bf16", ""])
def test_an_unknown_dtype(dtype: str, checkpoint: Path) -> None:
    with pytest.raises(UsageError, match=f"unknown dtype '{dtype}'; known: auto, float64"):
        load(str(checkpoint), None, "cpu", dtype)


@pytest.mark.parametrize("device", ["gpu", "tpu:0", "meta", "xpu", "cuda:x", ""])
def test_an_unknown_device(device: str, checkpoint: Path) -> None:
    with pytest.raises(UsageError, match=f"unknown device '{device}'; known: auto, cpu, cuda"):
        load(str(checkpoint), None, device, "float32")


def test_a_device_that_is_not_there(checkpoint: Path) -> None:
    with pytest.raises(UsageError, match=r"device 'cuda:99' is asked for but .*use device=cpu"):
        load(str(checkpoint), None, "cuda:99", "float32")


def test_nothing_is_loaded_before_it_is_needed() -> None:
    JanusModel("/no/such/folder")


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_every_dtype_is_what_the_language_side_computes_in(dtype: str, hub_checkpoint: Path) -> None:
    loaded = load(str(hub_checkpoint), None, "cpu", dtype)
    assert loaded.dtype == getattr(torch, dtype)
    assert loaded.model.lm_head.weight.dtype == loaded.dtype
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())


def test_a_small_model_on_a_cpu_is_exact_by_default(hub_checkpoint: Path) -> None:
    assert load(str(hub_checkpoint), None, "cpu", "auto").dtype == torch.float64


def test_the_revision_is_the_content(copy: Path, hub_checkpoint: Path) -> None:
    assert folder_revision(copy) == folder_revision(hub_checkpoint)
    (copy / "README.md").write_text("a card changes nothing")
    folder_revision.cache_clear()
    assert folder_revision(copy) == folder_revision(hub_checkpoint)
    edit(copy / "generation_config.json", temperature=2.0)
    folder_revision.cache_clear()
    assert folder_revision(copy) != folder_revision(hub_checkpoint)
