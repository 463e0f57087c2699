"""Checkpoints that do not load: one line that names the thing and the way out, and no guess."""

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

from selfreward_eval.harness.errors import CheckpointError, SelfRewardError, UsageError
from selfreward_eval.harness.models.bagel.adapter import BagelModel
from selfreward_eval.harness.models.bagel.loading import Loaded, Source, load
from selfreward_eval.harness.models.bagel.network import UNDERSTANDING
from selfreward_eval.harness.models.bagel.sequences import velocities

EMA = "ema.safetensors"
TABLE = "latent_pos_embed.pos_embed"


@pytest.fixture
def copy(bagel_folder: Path, tmp_path: Path) -> Path:
    """A checkpoint that a test may damage."""
    return Path(shutil.copytree(bagel_folder, tmp_path / "damaged"))


def refused(weights: str | Path, kind: type[SelfRewardError] = CheckpointError, **settings: Any) -> str:
    """The message with which a checkpoint is refused: one line that names it."""
    with pytest.raises(kind) as caught:
        load(Source(str(weights), device="cpu", **settings))
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    return message


def change(folder: Path, file: str, **changes: Any) -> None:
    """Replaces top-level keys of a JSON file; None removes one."""
    content = json.loads((folder / file).read_text()) | changes
    (folder / file).write_text(
        json.dumps({key: value for key, value in content.items() if value is not None})
    )


def rewrite(folder: Path, edit: Callable[[dict[str, torch.Tensor]], Any], file: str = EMA) -> None:
    """Changes the tensors of a file."""
    state = load_file(folder / file)
    edit(state)
    save_file(state, folder / file)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "no checkpoint folder" in refused(tmp_path / "nothing")


def test_an_empty_folder(tmp_path: Path) -> None:
    assert "neither ema.safetensors nor model.safetensors" in refused(tmp_path)


@pytest.mark.parametrize("file", ["ae.safetensors", "llm_config.json", "vit_config.json"])
def test_a_missing_file_is_named(copy: Path, file: str) -> None:
    (copy / file).unlink()
    message = refused(copy)
    assert file in message
    assert "copy it" in message


def test_a_missing_tokenizer(copy: Path) -> None:
    (copy / "tokenizer.json").unlink()
    assert "holds no tokenizer" in refused(copy)


def test_a_missing_config_json_means_the_published_sizes(copy: Path) -> None:
    (copy / "config.json").unlink()
    # The small network is another one, and its files say so.
    assert "the weights in" not in (message := refused(copy))
    assert "does not fit its weights" in message


def test_a_tokenizer_without_the_markers(copy: Path) -> None:
    path = copy / "tokenizer.json"
    path.write_text(path.read_text().replace("<|vision_start|>", "<|seen_start|>"))
    change(copy, "tokenizer_config.json", additional_special_tokens=None, extra_special_tokens=None)
    assert "has no <|vision_start|>; BAGEL marks texts and pictures with" in refused(copy)


def test_a_tokenizer_of_more_words_than_the_weights(copy: Path) -> None:
    change(copy, "llm_config.json", vocab_size=200)
    assert "the weights know 200" in refused(copy)


def test_a_stale_max_latent_size_is_told_and_the_weights_count(
    copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    change(copy, "config.json", max_latent_size=4, image_size=[32, 32])
    loaded = load(Source(str(copy), device="cpu"))
    assert loaded.config.max_latent_size == 8
    (line,) = caplog.messages
    assert line.startswith(f"max_latent_size of {copy} is 4 by its config.json")
    assert "8 x 8 places; 8 is used" in line
    assert "\n" not in line


def test_a_table_that_is_no_square(copy: Path) -> None:
    rewrite(copy, lambda state: state.update({TABLE: state[TABLE][:60].clone()}))
    assert "has 60 rows, which are no square" in refused(copy)


def test_a_missing_tensor_is_named(copy: Path) -> None:
    rewrite(copy, lambda state: state.pop("llm2vae.bias"))
    assert "lacks 1 tensors of BAGEL (ema), such as llm2vae.bias" in refused(copy)


def test_an_unknown_tensor_is_named(copy: Path) -> None:
    rewrite(copy, lambda state: state.update({"lora.weight": torch.zeros(1)}))
    assert "no place for, such as lora.weight" in refused(copy)


def test_an_unknown_tensor_of_the_autoencoder_is_named(copy: Path) -> None:
    rewrite(copy, lambda state: state.update({"quant_conv.weight": torch.zeros(1)}), "ae.safetensors")
    assert "BAGEL (autoencoder) has no place for, such as quant_conv.weight" in refused(copy)


def test_a_tensor_of_another_shape_is_named(copy: Path) -> None:
    rewrite(copy, lambda state: state.update({"vae2llm.bias": torch.zeros(5)}))
    assert "vae2llm.bias of" in (message := refused(copy))
    assert "has the shape (5,)" in message


def test_a_tensor_that_is_no_number(copy: Path) -> None:
    rewrite(copy, lambda state: state["vae2llm.bias"].fill_(float("nan")))
    assert "vae2llm.bias holds NaN or infinity" in refused(copy)


def test_numbers_beyond_a_narrow_type(copy: Path) -> None:
    rewrite(copy, lambda state: state["vae2llm.bias"].fill_(1e6))
    assert "use dtype=float32" in refused(copy, dtype="float16")


def test_a_truncated_file(copy: Path) -> None:
    os.truncate(copy / EMA, (copy / EMA).stat().st_size // 2)
    assert EMA in refused(copy)


def test_an_adapter(copy: Path) -> None:
    (copy / "adapter_config.json").write_text("{}")
    assert "merge_and_unload" in refused(copy)


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("config.json", {"model_type": "janus"}, "is a 'janus' where 'bagel' is needed"),
        ("config.json", {"interpolate_pos": True}, "says interpolate_pos True; only False"),
        ("config.json", {"image_size": [30, 32]}, "must be a multiple of 8 pixels, got 30"),
        ("config.json", {"latent_patch_size": 0}, "latent_patch_size is 0"),
        ("llm_config.json", {"tie_word_embeddings": True}, "tie_word_embeddings True"),
        ("llm_config.json", {"num_attention_heads": 5}, "5 heads do not divide 48"),
        ("llm_config.json", {"num_key_value_heads": 3}, "3 key heads for 4 heads"),
        ("vit_config.json", {"num_hidden_layers": 1}, "has 1 layers, of which one is left out"),
        ("vit_config.json", {"hidden_act": "gelu"}, "hidden_act 'gelu'"),
    ],
)
def test_a_configuration_that_is_not_computed_here(
    copy: Path, file: str, changes: dict[str, Any], message: str
) -> None:
    change(copy, file, **changes)
    assert message in refused(copy)


def test_a_configuration_that_is_no_json(copy: Path) -> None:
    (copy / "llm_config.json").write_text("{")
    assert "llm_config.json of" in refused(copy)


def test_two_networks_need_a_choice(copy: Path) -> None:
    shutil.copy(copy / EMA, copy / "model.safetensors")
    assert "say which with file=ema or file=model" in refused(copy)
    assert load(Source(str(copy), file="model", device="cpu")).file == "model"


def test_a_choice_that_is_not_there(copy: Path) -> None:
    assert "so write file=ema" in refused(copy, file="model")
    assert "unknown file 'best'" in refused(copy, UsageError, file="best")


def without_understanding(folder: Path) -> None:
    def drop(state: dict[str, torch.Tensor]) -> None:
        for name in [name for name in state if name.startswith(UNDERSTANDING)]:
            del state[name]

    rewrite(folder, drop)
    (folder / EMA).rename(folder / "model.safetensors")


def test_weights_without_the_understanding_part_take_it_from_a_base(copy: Path, bagel_folder: Path) -> None:
    without_understanding(copy)
    message = refused(copy)
    assert "has no tensors that look at pictures" in message
    assert "base=PATH" in message
    loaded = load(Source(str(copy), base=str(bagel_folder), device="cpu"))
    whole = load(Source(str(bagel_folder), device="cpu"))
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, loaded.network.state_dict()[name])
    assert loaded.base_revision == whole.revision
    model = BagelModel(str(copy), base=str(bagel_folder), device="cpu")
    assert model.identity()["base_revision"] == whole.revision


def test_a_base_that_is_not_needed(bagel_folder: Path) -> None:
    assert "leave base out" in refused(bagel_folder, UsageError, base=str(bagel_folder))


def test_a_part_of_the_understanding_tensors_is_no_reason_for_a_base(copy: Path) -> None:
    rewrite(copy, lambda state: state.pop("connector.fc1.bias"))
    assert "such as connector.fc1.bias" in refused(copy)


def test_shards_are_read_as_one_file(copy: Path) -> None:
    state = load_file(copy / EMA)
    names = sorted(state)
    (copy / EMA).unlink()
    listed: dict[str, str] = {}
    for number, part in enumerate((names[::2], names[1::2]), start=1):
        file = f"model-0000{number}-of-00002.safetensors"
        save_file({name: state[name] for name in part}, copy / file)
        listed |= dict.fromkeys(part, file)
    index = copy / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": listed}))
    assert load(Source(str(copy), device="cpu")).file == "model"
    index.write_text(json.dumps({"weight_map": listed | {"more": "model-00003-of-00002.safetensors"}}))
    assert "lacks model-00003-of-00002.safetensors" in refused(copy)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dtype": "int8"}, "unknown dtype 'int8'"),
        ({"device_map": "everywhere"}, "unknown device_map 'everywhere'; known: auto"),
    ],
)
def test_unknown_settings(bagel_folder: Path, settings: dict[str, Any], message: str) -> None:
    assert message in refused(bagel_folder, UsageError, **settings)


def velocity(loaded: Loaded) -> torch.Tensor:
    latents = torch.ones(1, 24, 16, dtype=loaded.dtype)
    with torch.no_grad():
        return velocities(loaded.network, loaded.markers, [[5, 6]], latents, torch.tensor([0.5]), (4, 6))


def test_layers_over_several_devices_compute_the_same(bagel_folder: Path) -> None:
    whole = load(Source(str(bagel_folder), device="cpu", dtype="float32"))
    spread = load(Source(str(bagel_folder), device="cpu", device_map="auto", dtype="float32"))
    assert torch.equal(velocity(whole), velocity(spread))


def test_types(bagel_folder: Path) -> None:
    exact = load(Source(str(bagel_folder), device="cpu"))
    assert (exact.dtype, exact.autoencoder.decoder.conv_in.weight.dtype) == (torch.float64, torch.float64)
    half = load(Source(str(bagel_folder), device="cpu", dtype="bfloat16"))
    assert (half.dtype, half.autoencoder.decoder.conv_in.weight.dtype) == (torch.bfloat16, torch.float32)
    assert torch.allclose(velocity(half).double(), velocity(exact), atol=0.1)


def test_the_identity_changes_with_the_weights(copy: Path, bagel_folder: Path) -> None:
    before = load(Source(str(copy), device="cpu")).revision
    assert before == load(Source(str(bagel_folder), device="cpu")).revision
    rewrite(copy, lambda state: state["vae2llm.bias"].add_(1e-3))
    assert load(Source(str(copy), device="cpu")).revision != before
