"""Emu3 on a tiny random checkpoint: our drawing loop against transformers', batches, seeds and answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL.Image import Image
from support.tiny_emu3 import save

from selfreward_eval.harness.errors import CheckpointError, InputError, UsageError
from selfreward_eval.harness.models.emu3.adapter import Emu3Model
from selfreward_eval.harness.models.emu3.drawing import draw_tokens
from selfreward_eval.harness.models.janus.decode import Sampling
from selfreward_eval.harness.models.pair import PairModel

Make = Callable[..., Emu3Model]
PROMPTS = ["a red circle", "a blue cross", "three green squares"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("hub") / "Emu3-Tiny")


@pytest.fixture(scope="module")
def emu3(folder: Path) -> Make:
    """``emu3(**settings)``: an adapter that draws 32 by 32 pixels, loaded once."""
    first = Emu3Model(str(folder), device="cpu")
    loaded = first.loaded

    def make(**settings: Any) -> Emu3Model:
        own = {"device": "cpu", "image_area": 32 * 32, "negative_prompt": "blurry", "max_new_tokens": 6}
        model = Emu3Model(str(folder), **{**own, **settings})
        model.__dict__["loaded"] = loaded
        return model

    return make


def test_a_picture_is_the_same_in_any_batch(emu3: Make) -> None:
    model = emu3()
    together = model.generate(PROMPTS, [1, 2, 3])
    alone = [model.generate([prompt], [seed])[0] for prompt, seed in zip(PROMPTS, [1, 2, 3], strict=True)]
    assert [one.tobytes() for one in together] == [one.tobytes() for one in alone]
    assert together[0].size == (32, 32)
    assert together[0].tobytes() != model.generate(PROMPTS[:1], [9])[0].tobytes()


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_the_likeliest_tokens_are_those_of_transformers(emu3: Make, guidance: float) -> None:
    import torch

    model = emu3()
    network, processor = model.loaded.model, model.loaded.processor
    ids, (rows, columns) = model._prompt("a red circle")
    against, _ = model._prompt("blurry")
    ours = draw_tokens(
        network,
        torch.tensor([ids]),
        torch.tensor([against]),
        [0],
        Sampling(guidance, temperature=0.0),
        (rows, columns),
    )
    codes = network.vocabulary_mapping.image_tokens
    words = processor.tokenizer

    def allowed(_: int, tokens: torch.Tensor) -> list[int]:
        place = len(tokens) - len(ids)
        if place < rows * (columns + 1):
            return [words.eol_token_id] if place % (columns + 1) == columns else codes
        after = (words.eof_token_id, words.eoi_token_id, words.eos_token_id)
        return [after[place - rows * (columns + 1)]]

    guided = (
        {"guidance_scale": guidance, "negative_prompt_ids": torch.tensor([against])} if guidance > 1 else {}
    )
    theirs = network.generate(
        torch.tensor([ids]),
        max_new_tokens=rows * (columns + 1) + 3,
        do_sample=False,
        prefix_allowed_tokens_fn=allowed,
        pad_token_id=words.pad_token_id,
        eos_token_id=words.eos_token_id,
        **guided,
    )
    assert theirs[0, len(ids) : -3].tolist() == ours[0, :-3].tolist()


def test_top_k_and_guidance_change_the_picture(emu3: Make) -> None:
    base = emu3().generate(PROMPTS[:1], [1])[0].tobytes()
    for settings in ({"top_k": 2}, {"guidance": 1.0}, {"negative_prompt": "sharp"}, {"suffix": " in oil"}):
        assert emu3(**settings).generate(PROMPTS[:1], [1])[0].tobytes() != base, settings


def test_the_identity_has_every_setting_of_drawing(emu3: Make, folder: Path) -> None:
    about = emu3(top_k=5).identity()
    assert about["generation"]["top_k"] == 5
    assert (about["generation"]["suffix"], about["generation"]["dtype"]) == ("", "float64")
    assert about["revision"].startswith("sha256:")


def test_it_answers_one_by_one(emu3: Make) -> None:
    model = emu3()
    pictures = model.generate(PROMPTS[:2], [1, 2])
    answers = model.answer(pictures, ["what colour?", "which shape is it?"])
    assert answers == [
        model.answer([picture], [question])[0]
        for picture, question in zip(pictures, ["what colour?", "which shape is it?"], strict=True)
    ]
    assert all(isinstance(answer, str) for answer in answers)


def test_weights_that_only_draw_are_not_asked(tmp_path: Path) -> None:
    model = Emu3Model(str(save(tmp_path / "Emu3-Gen", chat=False)), device="cpu")
    picture = np.zeros((32, 32, 3), np.uint8)
    from PIL.Image import fromarray

    with pytest.raises(CheckpointError, match="has no chat template"):
        model.answer([fromarray(picture)], ["what colour?"])


def test_control_tokens_in_a_prompt_are_refused(emu3: Make) -> None:
    with pytest.raises(InputError, match="image start"):
        emu3().generate(["a <|image start|> circle"], [1])


@pytest.mark.parametrize(
    "settings", [{"dtype": "int8"}, {"temperature": -1.0}, {"top_k": -1}, {"image_area": 4}]
)
def test_settings_without_sense_are_refused(folder: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Emu3Model(str(folder), **settings)


def test_gen_and_chat_are_one_model_as_a_pair(emu3: Make) -> None:
    pair = PairModel(emu3(name="gen"), emu3(name="chat"))
    (picture,) = pair.generate(PROMPTS[:1], [1])
    (alone,) = emu3().generate(PROMPTS[:1], [1])
    assert isinstance(picture, Image)
    assert picture == alone
    assert pair.answer([picture], ["what colour?"]) == emu3().answer([picture], ["what colour?"])
    assert pair.identity()["name"] == "gen+chat"
