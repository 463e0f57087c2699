"""Which folders are pipelines: whole, of known classes, from safetensors; and LoRAs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfreward_eval.harness.errors import CheckpointError, MissingExtra
from selfreward_eval.harness.models.diffusers.adapter import DiffusersModel

Adapter = Callable[..., DiffusersModel]
Change = Callable[[Path], None]


@pytest.fixture
def copy(saved: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy of a pipeline that a test may damage."""
    return Path(shutil.copytree(saved("FluxPipeline"), tmp_path / "copy"))


def without_a_tensor(part: str) -> Change:
    from safetensors.torch import load_file, save_file

    def change(folder: Path) -> None:
        (file,) = (folder / part).glob("*.safetensors")
        tensors = load_file(file)
        del tensors[max(tensors)]
        save_file(tensors, file, metadata={"format": "pt"})

    return change


def with_a_strange_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    (file,) = (folder / "transformer").glob("*.safetensors")
    tensors = load_file(file)
    save_file(
        tensors | {"strange.weight": next(iter(tensors.values())).clone()}, file, metadata={"format": "pt"}
    )


def without_words(folder: Path) -> None:
    """Of a CLIP tokenizer, only its settings are left."""
    kept = "tokenizer_config.json"
    for file in (folder / "tokenizer").iterdir():
        if file.name != kept:
            file.unlink()
    assert [file.name for file in (folder / "tokenizer").iterdir()] == [kept]


def with_nan(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    (file,) = (folder / "vae").glob("*.safetensors")
    tensors = load_file(file)
    tensors[min(tensors)].fill_(float("nan"))
    save_file(tensors, file, metadata={"format": "pt"})


def pickled(folder: Path) -> None:
    import torch
    from safetensors.torch import load_file

    (file,) = (folder / "transformer").glob("*.safetensors")
    torch.save(load_file(file), file.with_suffix(".bin"))
    file.unlink()


def indexed(**entries: Any) -> Change:
    def change(folder: Path) -> None:
        path = folder / "model_index.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | entries))

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without_a_tensor("transformer"), "a weight is missing or has no place"),
        (without_a_tensor("text_encoder_2"), "a weight is missing or has no place"),
        (with_a_strange_tensor, "strange.weight"),
        (with_nan, "/vae is damaged"),
        (without_words, "the part tokenizer of .* knows no words"),
        (pickled, "needs whole safetensors"),
        (lambda folder: (folder / "model_index.json").unlink(), "no usable model_index.json"),
        (indexed(_class_name="NoSuchPipeline"), "does not have"),
        (indexed(_class_name=["my_pipeline", "MyPipeline"]), "code beside weights is not run"),
        (indexed(_class_name="FluxTransformer2DModel"), "does not have"),
        (indexed(_class_name="StableDiffusionUpscalePipeline"), "does not load"),
        (indexed(_class_name="StableVideoDiffusionPipeline"), "does not draw pictures from a text alone"),
        (indexed(transformer=["os", "system"]), "only diffusers and transformers are loaded"),
    ],
)  # fmt: skip
def test_a_folder_that_is_no_whole_pipeline_is_refused(copy: Path, change: Change, told: str) -> None:
    change(copy)
    with pytest.raises(CheckpointError, match=told):
        _ = DiffusersModel(str(copy), device="cpu").loaded


@pytest.mark.parametrize("pretrained", ["/no/such/folder", "./nowhere"])
def test_a_folder_that_is_not_there_says_what_to_name(pretrained: str) -> None:
    with pytest.raises(CheckpointError, match="no pipeline folder at"):
        _ = DiffusersModel(pretrained).loaded


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MissingExtra, match=r"selfreward-eval\[diffusers\]"):
        _ = DiffusersModel("owner/name").loaded


@pytest.fixture
def lora(adapter: Adapter, tmp_path: Path) -> Path:
    """A LoRA of the pipeline's attention, saved as its trainers do."""
    import torch
    from diffusers import FluxPipeline
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    transformer = adapter("FluxPipeline").loaded.pipeline.transformer
    transformer.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_k"], init_lora_weights=False))
    with torch.no_grad():
        for name, parameter in transformer.named_parameters():
            if "lora" in name:
                parameter.normal_(generator=torch.Generator().manual_seed(len(name)))
    FluxPipeline.save_lora_weights(tmp_path / "lora", get_peft_model_state_dict(transformer))
    return tmp_path / "lora"


def test_a_lora_changes_pictures_by_its_scale_and_is_in_the_identity(adapter: Adapter, lora: Path) -> None:
    plain, weak, strong = (
        adapter("FluxPipeline", **settings)
        for settings in ({}, {"lora": str(lora), "lora_scale": 0.0}, {"lora": str(lora), "lora_scale": 20.0})
    )
    drawn = [np.asarray(model.generate(["a red circle"], [1])[0]) for model in (plain, weak, strong)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    about = strong.identity()["lora"]
    assert (about["name"], about["scale"], len(about["sha256"])) == ("lora", 20.0, 64)


def test_a_lora_of_another_model_is_refused(adapter: Adapter, lora: Path) -> None:
    from safetensors.torch import load_file, save_file

    (file,) = lora.glob("*.safetensors")
    save_file(
        {name.replace("transformer.", "transformer.other."): t for name, t in load_file(file).items()}, file
    )
    with pytest.raises(CheckpointError, match="name one that was trained on this model"):
        _ = adapter("FluxPipeline", lora=str(lora)).loaded


def test_a_lora_that_is_not_there_is_named(adapter: Adapter, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="must be one safetensors file"):
        _ = adapter("FluxPipeline", lora=str(tmp_path)).loaded
