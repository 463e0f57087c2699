"""A folder that could be taken for two models, or for another one, is refused before anything is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from selfreward_eval.harness.errors import CheckpointError
from selfreward_eval.harness.instruments.backends.weights import Weights


def tensors(folder: Path, file: str, *names: str) -> None:
    save_file({name: torch.ones(2) for name in names or ("a", "b")}, folder / file)


def index(folder: Path, **weight_map: str) -> None:
    text = json.dumps({"metadata": {}, "weight_map": weight_map})
    (folder / "model.safetensors.index.json").write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One model in one file."""
    (tmp_path / "config.json").write_text("{}")
    tensors(tmp_path, "model.safetensors")
    return tmp_path


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    """One model in two files."""
    (tmp_path / "config.json").write_text("{}")
    tensors(tmp_path, "model-00001-of-00002.safetensors", "a")
    tensors(tmp_path, "model-00002-of-00002.safetensors", "b")
    index(tmp_path, a="model-00001-of-00002.safetensors", b="model-00002-of-00002.safetensors")
    return tmp_path


def refused(folder: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        _ = Weights(str(folder)).folder
    message = str(caught.value)
    assert str(folder) in message
    assert "\n" not in message
    return message


def test_one_set_is_taken(folder: Path) -> None:
    assert Weights(str(folder)).folder == folder


def test_shards_are_one_set(sharded: Path) -> None:
    assert Weights(str(sharded)).folder == sharded


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "training_args.bin", "rng_state.pth"])
def test_what_training_leaves_behind_is_no_second_model(name: str, folder: Path) -> None:
    torch.save({}, folder / name)
    assert Weights(str(folder)).folder == folder


@pytest.mark.parametrize(
    "name",
    [
        "pytorch_model.bin",
        "pytorch_model-00001-of-00002.bin",
        "pytorch_model_fsdp.bin",
        "last.ckpt",
        "consolidated.00.pth",
    ],
)
def test_pickled_weights_beside_safetensors(name: str, folder: Path) -> None:
    torch.save({}, folder / name)
    assert f"2 sets of weights (model.safetensors and {name})" in refused(folder)


@pytest.mark.parametrize(
    "name", ["ema.safetensors", "model.fp16.safetensors", "model-00001-of-00001.safetensors"]
)
def test_two_files_of_safetensors(name: str, folder: Path) -> None:
    tensors(folder, f"{name}.safetensors")
    assert "2 sets of weights" in refused(folder)


def test_an_old_file_beside_newer_shards(sharded: Path) -> None:
    tensors(sharded, "model.safetensors")
    assert "2 sets of weights" in refused(sharded)


def test_shards_of_two_saves(sharded: Path) -> None:
    tensors(sharded, "model-00003-of-00003.safetensors", "c")
    assert "2 sets of weights" in refused(sharded)


def other_names(folder: Path) -> None:
    tensors(folder, "model-00002-of-00002.safetensors", "b", "c")


def twice(folder: Path) -> None:
    tensors(folder, "model-00002-of-00002.safetensors", "a", "b")


def old_index(folder: Path) -> None:
    index(folder, a="model-00001-of-00002.safetensors")
    tensors(folder, "model-00001-of-00002.safetensors", "a", "z")


@pytest.mark.parametrize("change", [other_names, twice, old_index])
def test_an_index_that_belongs_to_other_files(change: Callable[[Path], None], sharded: Path) -> None:
    change(sharded)
    assert "disagree about 1 tensors" in refused(sharded)


def test_a_shard_that_is_not_there(sharded: Path) -> None:
    (sharded / "model-00002-of-00002.safetensors").unlink()
    assert "lacks model-00002-of-00002.safetensors" in refused(sharded)


def test_an_index_cannot_leave_its_folder(sharded: Path) -> None:
    index(sharded, a="../model-00001-of-00002.safetensors", b="model-00002-of-00002.safetensors")
    assert "which is not in the folder itself" in refused(sharded)


@pytest.mark.parametrize("content", ["[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": 1}}', "{"])
def test_a_damaged_index(content: str, sharded: Path) -> None:
    (sharded / "model.safetensors.index.json").write_text(content)
    assert "without a weight_map" in refused(sharded)


@pytest.mark.parametrize("with_base", [True, False])
@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_an_adapter_is_refused_with_the_way_out(name: str, with_base: bool, folder: Path) -> None:
    (folder / name).write_text("{}")
    if not with_base:
        (folder / "config.json").unlink()
        (folder / "model.safetensors").unlink()
    assert f"holds an adapter ({name})" in refused(folder)
    assert "merge_and_unload" in refused(folder)


def test_a_published_commit_may_hold_the_same_weights_in_other_formats(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hub repository only safetensors that a loader chooses among are looked at."""
    monkeypatch.setattr("selfreward_eval.harness.instruments.backends.weights.download", lambda *_: folder)
    tensors(folder, "consolidated.safetensors")
    torch.save({}, folder / "pytorch_model.bin")
    assert Weights("owner/name").folder == folder
    tensors(folder, "model-00001-of-00001.safetensors")
    with pytest.raises(CheckpointError, match="owner/name holds 2 sets of weights"):
        _ = Weights("owner/name").folder


def test_files_that_a_reading_depends_on_are_part_of_the_sum(folder: Path) -> None:
    reads = ("preprocessor_config.json",)
    plain, before = Weights(str(folder)).sha256, Weights(str(folder), reads=reads).sha256
    assert plain == before
    (folder / "preprocessor_config.json").write_text("{}")
    assert Weights(str(folder)).sha256 == plain
    assert Weights(str(folder), reads=reads).sha256 != plain
