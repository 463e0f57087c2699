"""A saved model is a checkpoint like any on the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import AutoConfig, JanusForConditionalGeneration, JanusProcessor

from selfreward_eval.trainers.pretrain import architecture, saving, tokenizer


@pytest.fixture(scope="module")
def folder(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "saved"
    saving.save(tiny, folder, card="# A card\n")
    return folder


def test_transformers_loads_it_whole(folder: Path, tiny: Any) -> None:
    found: Any = JanusForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True
    )
    loaded, report = found
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert not report["mismatched_keys"]
    original = tiny.state_dict()
    for name, tensor in loaded.state_dict().items():
        torch.testing.assert_close(tensor, original[name], rtol=1e-3, atol=1e-6, msg=name)


def test_its_processor_loads(folder: Path) -> None:
    processor = JanusProcessor.from_pretrained(folder)
    assert processor.num_image_tokens == architecture.PICTURE_TOKENS
    assert len(processor.tokenizer) == tokenizer.SIZE
    text = "a picture of a red star"
    assert processor.tokenizer(text)["input_ids"] == tokenizer.build()(text)["input_ids"]
    picture = Image.new("RGB", (48, 48), (255, 0, 127))
    pixels = processor.image_processor([picture], return_tensors="pt")["pixel_values"]
    assert pixels.shape == (1, 3, 48, 48)
    assert pixels[0, :, 0, 0].tolist() == pytest.approx([1, -1, 0], abs=0.01)


def test_a_conversation_reads_as_in_training(folder: Path) -> None:
    processor = JanusProcessor.from_pretrained(folder)
    turns: Any = [
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "what colour is it?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "red"}]},
    ]
    assert processor.apply_chat_template(turns) == (
        "<|User|><image_placeholder>what colour is it?<|Assistant|>red<eos>"
    )


def test_it_is_small_and_holds_no_pickle(folder: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert sum(sizes.values()) < 12_000_000
    assert {path.suffix for path in folder.iterdir()} <= {".json", ".safetensors", ".jinja", ".md"}
    assert (folder / "README.md").read_text() == "# A card\n"


def test_its_configuration_names_the_special_tokens(folder: Path) -> None:
    special = tokenizer.special_ids()
    configuration = AutoConfig.from_pretrained(folder)
    assert configuration.image_token_id == special["image"]
    assert configuration.text_config.pad_token_id == special["pad"]
    generation: Any = JanusForConditionalGeneration.from_pretrained(folder).generation_config
    assert generation.generation_kwargs == {"boi_token_id": special["boi"]}


def test_saving_leaves_the_model_as_it_was(tmp_path: Path, tiny: Any) -> None:
    """Training may go on after a checkpoint was exported."""
    tiny.set_attn_implementation("eager")
    saving.save(tiny, tmp_path)
    assert next(tiny.parameters()).dtype == torch.float32
    assert tiny.config._attn_implementation == "eager"


def test_saving_twice_writes_the_same_bytes(tmp_path: Path, tiny: Any) -> None:
    for name in ("a", "b"):
        saving.save(tiny, tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
