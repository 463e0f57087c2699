"""Checkpoints that do not load: one line that names them, and no guess."""

from __future__ import annotations

import hashlib
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


def rewritten(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Saves the weights in ``folder`` again, changed."""
    path = folder / "model.safetensors"
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    change(tensors)
    save_file(tensors, path, {"format": "pt"})


LAYER = "model.language_model.layers.0.mlp.down_proj.weight"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", [LAYER, "model.vqmodel.quantize.embedding.weight"])
def test_a_weight_that_is_no_number_is_named(name: str, value: float, copy: Path) -> None:
    rewritten(copy, lambda tensors: tensors[name].view(-1)[3:4].fill_(value))
    assert f"is damaged: {name} holds NaN or infinity" in refused(copy)


@pytest.mark.parametrize(("dtype", "scale"), [("float16", 1e6), ("bfloat16", 3.4e38)])
def test_a_weight_beyond_the_type_it_is_computed_in_is_named(dtype: str, scale: float, copy: Path) -> None:
    rewritten(copy, lambda tensors: tensors[LAYER].view(-1)[3:4].fill_(scale))
    assert load(str(copy), None, "cpu", "float32").model is not None
    with pytest.raises(CheckpointError) as caught:
        load(str(copy), None, "cpu", dtype)
    assert f"cannot be computed in {dtype}: numbers in {LAYER}" in str(caught.value)
    assert ("use dtype=float32 or bfloat16" in str(caught.value)) is (dtype == "float16")


def lora_pairs(tensors: dict[str, torch.Tensor]) -> None:
    rows, columns = tensors[LAYER].shape
    tensors[LAYER.replace(".weight", ".lora_A.weight")] = torch.ones(2, columns)
    tensors[LAYER.replace(".weight", ".lora_B.weight")] = torch.ones(rows, 2)


def moving_average(tensors: dict[str, torch.Tensor]) -> None:
    tensors |= {f"ema_model.{name}": tensor + 1 for name, tensor in tensors.items()}


def renamed_head(tensors: dict[str, torch.Tensor]) -> None:
    tensors["head.weight"] = tensors["model.language_model.embed_tokens.weight"] + 1


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (lora_pairs, "holds 2 tensors"),
        (moving_average, "such as ema_model."),
        (
            renamed_head,
            "holds 1 tensor that",
        ),
    ],
)
def test_weights_that_would_not_reach_the_model(
    extra: Callable[[dict[str, torch.Tensor]], None], told: str, copy: Path
) -> None:
    rewritten(copy, extra)
    assert told in refused(copy)


def test_a_tensor_that_the_network_makes_itself_is_no_weight(copy: Path) -> None:
    rewritten(
        copy,
        lambda tensors: tensors.update(
            {"model.vision_model.embeddings.position_ids": torch.arange(16)[None]}
        ),
    )
    assert load(str(copy), None, "cpu", "float32").model is not None


def test_a_head_that_differs_from_the_embeddings_it_is_said_to_share_is_used(copy: Path) -> None:
    embeddings = "model.language_model.embed_tokens.weight"
    rewritten(
        copy,
        lambda tensors: tensors.update({"lm_head.weight": torch.full_like(tensors[embeddings], 0.25)}),
    )
    model = load(str(copy), None, "cpu", "float32").model
    assert bool((model.lm_head.weight == 0.25).all())


def test_deepseeks_own_layout_is_refused_with_the_way_out(tmp_path: Path) -> None:
    config = {"model_type": "multi_modality", "architectures": ["MultiModalityCausalLM"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    torch.save({}, tmp_path / "pytorch_model.bin")
    assert "deepseek-community/Janus-Pro-1B" in refused(tmp_path)
    save_file({"language_model.lm_head.weight": torch.ones(1)}, tmp_path / "model.safetensors")
    assert "deepseek-community/Janus-Pro-1B" in refused(tmp_path)


def test_the_revision_is_the_content(copy: Path, hub_checkpoint: Path) -> None:
    assert folder_revision(copy) == folder_revision(hub_checkpoint)
    (copy / "README.md").write_text("a card changes nothing")
    assert folder_revision(copy) == folder_revision(hub_checkpoint)
    edit(copy / "generation_config.json", temperature=2.0)
    assert folder_revision(copy) != folder_revision(hub_checkpoint)


@pytest.mark.parametrize(
    "name",
    [
        "chat_template.jinja",
        "additional_chat_templates/tools.jinja",
        "vocab.txt",
        "merges.txt",
        "spiece.model",
    ],
)
def test_every_file_that_decides_is_part_of_the_revision(name: str, copy: Path) -> None:
    before = folder_revision(copy)
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("one")
    first = folder_revision(copy)
    (copy / name).write_text("another")
    assert len({before, first, folder_revision(copy)}) == 3


def test_another_template_is_another_model(copy: Path) -> None:
    """It draws other pictures from the same weights, and so it may not go by the same identity."""
    model = JanusModel(str(copy), device="cpu")
    tokens, identity = model.prompt_ids(["a red star"]), model.identity()
    path = copy / "chat_template.jinja"
    path.write_text(path.read_text().replace("<|User|>: ", "<|User|>: draw "))
    other = JanusModel(str(copy), device="cpu")
    assert other.prompt_ids(["a red star"]) != tokens
    assert other.identity()["revision"] != identity["revision"]


def test_a_folder_of_json_and_safetensors_keeps_its_revision(tmp_path: Path) -> None:
    """The sum that records of earlier versions hold."""
    save_file({"a": torch.ones(1)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("{}")
    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors"):
        digest.update(name.encode())
        digest.update(hashlib.sha256((tmp_path / name).read_bytes()).digest())
    assert folder_revision(tmp_path) == f"sha256:{digest.hexdigest()[:16]}"
