"""A picture depends on its prompt and seed alone: not on its batch, not on the order of prompts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from PIL import Image

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.models.bagel.adapter import BagelModel
from selfreward_eval.harness.models.bagel.contexts import empty, noisy_velocity, read_text
from selfreward_eval.harness.models.bagel.drawing import noise

PROMPTS = ["a red star", "describe the picture in a few words of some kind", "x", "how many circles?"]

Make = Callable[..., BagelModel]


def pixels(images: list[Image.Image]) -> list[bytes]:
    return [image.tobytes() for image in images]


def test_pictures_are_the_same_in_batches_of_1_7_and_64(bagel: Make) -> None:
    model = bagel()
    prompts = [PROMPTS[k % 4] for k in range(64)]
    seeds = [k % 5 for k in range(64)]
    together = pixels(model.generate(prompts, seeds))
    sevens = [
        picture
        for k in range(0, 21, 7)
        for picture in pixels(model.generate(prompts[k : k + 7], seeds[k : k + 7]))
    ]
    alone = [pixels(model.generate([prompts[k]], [seeds[k]]))[0] for k in range(7)]
    assert sevens == together[:21]
    assert alone == together[:7]
    assert len(set(together)) == 20  # 4 prompts with 5 seeds each


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_in_narrow_types_batches_are_filled(bagel: Make, dtype: str) -> None:
    model = bagel(dtype, rows=3)
    prompts, seeds = PROMPTS + PROMPTS[:1], [0, 1, 2, 3, 9]
    alone = [pixels(model.generate([prompt], [seed]))[0] for prompt, seed in zip(prompts, seeds, strict=True)]
    assert pixels(model.generate(prompts, seeds)) == alone
    assert model.identity()["generation"]["rows"] == 3


@pytest.mark.parametrize(
    "settings",
    [
        {"think": True, "max_think_tokens": 6},
        {"think": True, "max_think_tokens": 6, "image_guidance": 1.5},
        {"renorm": "channel"},
        {"preset": "geneval"},
        {"guidance": 1.0},
        {"size": "48x32"},
        {"timestep_shift": 1.0},
    ],
)
def test_every_setting_changes_pictures_and_no_batch_does(bagel: Make, settings: dict[str, Any]) -> None:
    model, plain = bagel(**settings), bagel()
    seeds = [1, 2, 3, 4]
    together = pixels(model.generate(PROMPTS, seeds))
    alone = [pixels(model.generate([p], [s]))[0] for p, s in zip(PROMPTS, seeds, strict=True)]
    assert together == alone
    assert together != pixels(plain.generate(PROMPTS, seeds))
    assert model.identity()["generation"] != plain.identity()["generation"]


def test_noise_is_drawn_in_packed_layout_from_the_seed() -> None:
    first = noise([5, 6], (2, 3), 16)
    assert first.shape == (2, 6, 16)
    assert torch.equal(first[0], torch.randn(6, 16, generator=torch.Generator().manual_seed(5)))


def test_padding_of_a_shorter_prompt_changes_nothing(bagel: Make) -> None:
    model = bagel()
    network, markers, grid = model.loaded.network, model.loaded.markers, model.latent_grid
    rows = [[markers.bos, 7, markers.eos], [markers.bos, 8, 9, 10, 11, markers.eos]]
    latents = torch.randn(2, 24, 16, dtype=torch.float64)
    at = torch.tensor([0.3, 0.9])
    with torch.no_grad():
        context, _ = read_text(network, empty(network, 2), rows)
        both = noisy_velocity(network, context, markers, latents, at, grid)
        short, _ = read_text(network, empty(network, 1), rows[:1])
        alone = noisy_velocity(network, short, markers, latents[:1], at[:1], grid)
    assert torch.allclose(both[:1], alone, atol=1e-12)


def test_a_picture_that_is_edited_is_the_same_in_any_batch(bagel: Make, pictures: list[Image.Image]) -> None:
    model = bagel(preset="editing", num_timesteps=5)
    other = pictures[0].resize((64, 40))
    images, prompts, seeds = [*pictures[:2], other], PROMPTS[:3], [3, 4, 5]
    together = model.edit(images, prompts, seeds)
    assert [image.size for image in together] == [(48, 32), (48, 32), (64, 40)]
    alone = [model.edit([i], [p], [s])[0] for i, p, s in zip(images, prompts, seeds, strict=True)]
    assert pixels(together) == pixels(alone)
    assert pixels(model.edit([pictures[1]], prompts[:1], seeds[:1])) != pixels(together[:1])


def test_black_borders_are_cut_as_in_the_published_script(bagel: Make) -> None:
    from selfreward_eval.harness.models.bagel.pictures import without_black_border

    framed = Image.new("RGB", (10, 8))
    framed.paste((9, 9, 9), (2, 1, 7, 6))
    assert without_black_border(framed).size == (5, 5)
    assert without_black_border(Image.new("RGB", (10, 8))).size == (10, 8)


@pytest.mark.parametrize("size", [30, "32x47", 8 * 9])
def test_a_size_that_cannot_be_drawn_is_refused(bagel_folder: Any, size: Any) -> None:
    with pytest.raises(UsageError, match=r"size=\S+ of small-bagel: the \w+ of a picture"):
        BagelModel(str(bagel_folder), device="cpu", size=size).identity()


def test_a_prompt_with_a_marker_is_refused(bagel: Make) -> None:
    with pytest.raises(InputError, match=r"the prompt '.*' holds <\|vision_start\|>"):
        bagel().generate(["a star <|vision_start|>"], [0])


def test_no_prompts_no_pictures(bagel: Make) -> None:
    assert bagel().generate([], []) == []
