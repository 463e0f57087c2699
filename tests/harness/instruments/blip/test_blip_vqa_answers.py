"""BLIP-VQA's answers: upstream's formula, in any batch, for any picture and question."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from selfreward_eval.harness.errors import CheckpointError, InputError, UsageError
from selfreward_eval.harness.instruments.base import VQA
from selfreward_eval.harness.instruments.blip_vqa import BlipVQA

QUESTIONS = ("a red cup?", "dog", "a dog?", "cup cup cup a red red dog?")


def test_it_is_a_vqa_instrument(blip: BlipVQA) -> None:
    assert isinstance(blip, VQA)


def test_it_computes_upstreams_formula(tiny: Any, blip: BlipVQA) -> None:
    images = [tiny.picture(seed=seed) for seed in range(3)]
    found = blip.yes_probabilities(images, ["a red cup?"] * 3)
    expected = [tiny.slowly(tiny.network(), image, [200, 201, 202, 203]) for image in images]
    assert found == pytest.approx(expected, abs=1e-5)
    assert np.ptp(expected) > 0.001


def test_questions_of_unequal_length_are_the_librarys_own(tiny: Any, folder: Path) -> None:
    """Asked together; transformers' own forward pass reads each alone, without padding."""
    images = [tiny.picture(seed=seed) for seed in range(4)]
    together = tiny.instrument(folder, batch_size=8).yes_probabilities(images, QUESTIONS)
    _, tokenizer = tiny.instrument(folder)._load()
    words = [tokenizer(question, add_special_tokens=False).input_ids for question in QUESTIONS]
    assert len({len(row) for row in words}) > 2
    expected = [tiny.slowly(tiny.network(), i, row) for i, row in zip(images, words, strict=True)]
    assert together == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("token", ["[SEP]", "[CLS]", "[PAD]", "[MASK]", "[UNK]"])
def test_a_question_cannot_hold_a_control_token(blip: BlipVQA, tiny: Any, token: str) -> None:
    with pytest.raises(InputError, match=rf"a dog {re.escape(token)} cup.*control token"):
        blip.yes_probabilities([tiny.picture()], [f"a dog {token} cup"])


def test_batches_change_nothing(tiny: Any, folder: Path) -> None:
    """Questions of several lengths about several pictures, in no order."""
    images = [tiny.picture(seed=seed % 3) for seed in range(12)]
    questions = [QUESTIONS[k % 4] for k in range(12)]
    together = tiny.instrument(folder, batch_size=8).yes_probabilities(images, questions)
    alone = tiny.instrument(folder, batch_size=1)
    expected = [alone.yes_probabilities([i], [q])[0] for i, q in zip(images, questions, strict=True)]
    assert together == pytest.approx(expected, abs=1e-5)
    assert len({round(value, 4) for value in expected}) > 8


def test_a_picture_is_looked_at_once_however_many_questions(
    tiny: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blip, looks = tiny.instrument(folder), []
    look = blip._encode_pictures

    def counted(images: list[Any]) -> Any:
        looks.append(len(images))
        return look(images)

    monkeypatch.setattr(blip, "_encode_pictures", counted)
    first, second = tiny.picture(seed=1), tiny.picture(seed=2)
    blip.yes_probabilities([first, second, first, second], QUESTIONS)
    assert looks == [2]


def test_the_two_probabilities_are_those_of_the_whole_vocabulary(tiny: Any, blip: BlipVQA) -> None:
    (reading,) = blip.readings([tiny.picture()], ["dog"])
    assert 0 < reading.yes + reading.no < 1
    assert reading.share == pytest.approx(reading.yes / (reading.yes + reading.no))


def test_nothing_asked_is_nothing_answered(blip: BlipVQA) -> None:
    assert blip.yes_probabilities([], []) == []


@pytest.mark.parametrize("question", ["", "?", "Ünbekannt", "a " * 500])
def test_odd_questions_are_answered(tiny: Any, blip: BlipVQA, question: str) -> None:
    (found,) = blip.yes_probabilities([tiny.picture()], [question])
    assert 0 <= found <= 1


def test_a_question_is_cut_after_35_tokens(tiny: Any, blip: BlipVQA) -> None:
    found = blip.yes_probabilities([tiny.picture()] * 3, ["a " * 33, "a " * 34, "a " * 32])
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    assert found[0] != pytest.approx(found[2], rel=0.01)


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", (1, 1), "red"),
        Image.new("L", (5, 300), 128),
        Image.new("RGBA", (300, 5), (1, 2, 3, 0)),
        Image.new("P", (9, 9)),
    ],
    ids=["one pixel", "grey and tall", "transparent and wide", "palette"],
)
def test_odd_pictures_are_read_as_rgb(blip: BlipVQA, image: Image.Image) -> None:
    found = blip.yes_probabilities([image, image.convert("RGB")], ["dog", "dog"])
    assert found[0] == pytest.approx(found[1], abs=1e-6)


def test_a_picture_without_a_pixel_is_refused(tiny: Any, blip: BlipVQA) -> None:
    with pytest.raises(InputError, match="picture 1 has 0x4 pixels"):
        blip.yes_probabilities([tiny.picture(), Image.new("RGB", (0, 4))], ["dog", "dog"])


def test_pictures_and_questions_come_in_pairs(tiny: Any, blip: BlipVQA) -> None:
    with pytest.raises(UsageError, match="blip_vqa got 1 pictures and 2 texts"):
        blip.yes_probabilities([tiny.picture()], ["dog", "cup"])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(tiny: Any, folder: Path, blip: BlipVQA, dtype: str) -> None:
    half = tiny.instrument(folder, dtype=dtype)
    assert half.yes_probabilities([tiny.picture()], ["dog"]) == pytest.approx(
        blip.yes_probabilities([tiny.picture()], ["dog"]), abs=0.05
    )
    assert half.identity()["dtype"] == dtype


@pytest.mark.parametrize(
    ("value", "told"),
    [(float("nan"), "damaged: text_decoder.cls.pred"), (3e38, "no number for 'dog' in float32")],
)
def test_weights_that_overflow_give_no_number(tiny: Any, tmp_path: Path, value: float, told: str) -> None:
    tiny.save(tmp_path)
    model = tiny.network()
    with torch.no_grad():
        model.text_decoder.cls.predictions.transform.dense.weight.fill_(value)
    model.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=told):
        tiny.instrument(tmp_path).yes_probabilities([tiny.picture()], ["dog"])


def test_identity_is_the_content_not_the_place(tiny: Any, folder: Path, tmp_path: Path) -> None:
    assert tiny.instrument(tiny.save(tmp_path / "tiny")).identity() == tiny.instrument(folder).identity()


def test_other_weights_are_another_identity(tiny: Any, folder: Path, tmp_path: Path) -> None:
    assert (
        tiny.instrument(tiny.save(tmp_path / "tiny", seed=1)).identity() != tiny.instrument(folder).identity()
    )


def test_another_tokenizer_is_another_identity(tiny: Any, folder: Path, tmp_path: Path) -> None:
    other = tiny.save(tmp_path / "tiny")
    tiny.save_tokenizer(other, changes={"cup": 205})
    assert tiny.instrument(other).identity() != tiny.instrument(folder).identity()


def test_a_tokenizer_that_numbers_words_otherwise_is_refused(tiny: Any, tmp_path: Path) -> None:
    tiny.save(tmp_path)
    tiny.save_tokenizer(tmp_path, changes={"yes": 300})
    with pytest.raises(
        CheckpointError, match=r"writes 'yes' as \[101, 300, 102\], BLIP as \[101, 2748, 102\]"
    ):
        tiny.instrument(tmp_path).yes_probabilities([tiny.picture()], ["dog"])


def test_a_tokenizer_with_another_enc_is_refused(tiny: Any, tmp_path: Path) -> None:
    tiny.save(tmp_path)
    tiny.save_tokenizer(tmp_path, changes={"[ENC]": 7})
    with pytest.raises(CheckpointError, match=r"numbers \[ENC\] 7 where BLIP has 30523"):
        tiny.instrument(tmp_path).yes_probabilities([tiny.picture()], ["dog"])


def test_a_vocabulary_without_enc_is_refused(tiny: Any, tmp_path: Path) -> None:
    tiny.save(tmp_path, words=30522)
    with pytest.raises(CheckpointError, match="knows 30522 words"):
        tiny.instrument(tmp_path).yes_probabilities([tiny.picture()], ["dog"])


def test_a_checkpoint_without_tokenizer_is_refused(tiny: Any, tmp_path: Path) -> None:
    tiny.network().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="tokenizer in"):
        tiny.instrument(tmp_path).yes_probabilities([tiny.picture()], ["dog"])


def test_missing_weights_are_never_made_up(tiny: Any, tmp_path: Path) -> None:
    tiny.save(tmp_path)
    model = tiny.network()
    gone = "text_encoder.encoder.layer.0.attention.self.query.weight"
    model.save_pretrained(tmp_path, state_dict={k: v for k, v in model.state_dict().items() if k != gone})
    with pytest.raises(CheckpointError, match=f"lacks 1 weights .* such as {gone}"):
        tiny.instrument(tmp_path).yes_probabilities([tiny.picture()], ["dog"])


def test_a_damaged_file_is_named(tiny: Any, folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    whole = (folder / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        tiny.instrument(tmp_path).yes_probabilities([tiny.picture()], ["dog"])


def test_another_architecture_is_refused(tiny: Any, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match="is a 'bert' where 'blip' is needed"):
        tiny.instrument(tmp_path).identity()


def test_a_configuration_that_cannot_be_read_is_refused(tiny: Any, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match=r"no usable config\.json"):
        tiny.instrument(tmp_path).identity()


def test_pickled_weights_are_not_loaded(tiny: Any, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    torch.save(tiny.network().state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="pickled weights are not loaded"):
        tiny.instrument(tmp_path).identity()


def test_weights_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def offline(*_: Any, **__: Any) -> str:
        raise LocalEntryNotFoundError("no connection\nand a long explanation")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(CheckpointError, match="'Salesforce/blip-vqa-base' is neither a folder"):
        BlipVQA().identity()


def test_from_the_hub_weights_and_words_are_of_one_commit(
    tiny: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    snapshot, asked = tmp_path / "0123abc", []
    snapshot.mkdir()
    for path in folder.iterdir():
        (snapshot / path.name).write_bytes(path.read_bytes())

    def hub(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((revision, "*.safetensors" in allow_patterns, "*.jinja" in allow_patterns))
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub)
    identity = BlipVQA("owner/name", image_size=tiny.side, revision="main").identity()
    assert asked == [("main", True, False), ("0123abc", False, True)]
    assert (identity["weights"], identity["revision"]) == ("owner/name", "main")
    assert identity["sha256"] == tiny.instrument(folder).identity()["sha256"]


@pytest.mark.parametrize("settings", [{"dtype": "int8"}, {"batch_size": 0}, {"image_size": 0}])
def test_impossible_settings_are_refused_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="blip_vqa"):
        BlipVQA(**settings)


@pytest.mark.parametrize("device", ["cuda:99", "abacus"])
def test_a_device_that_is_not_there_is_named(tiny: Any, folder: Path, device: str) -> None:
    with pytest.raises(UsageError, match=f"cannot compute on device={device} .*; write device=cpu"):
        tiny.instrument(folder, device=device).yes_probabilities([tiny.picture()], ["dog"])
