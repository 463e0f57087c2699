"""Similarities and zero-shot classes of a tiny CLIP with random weights, saved as the real ones are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from selfreward_eval.harness.errors import CheckpointError, InputError, UsageError
from selfreward_eval.harness.instruments.base import ImageTextScorer
from selfreward_eval.harness.instruments.open_clip_scorer import OpenClipScorer

open_clip = pytest.importorskip("open_clip")

NAME = "tiny-clip-of-the-scorer"
CONFIG: dict[str, Any] = {
    "embed_dim": 16,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}
TEXTS = ("a red cup", "a dog", "two birds on a wire, seen from below", "")


def state(seed: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return {
        name: value.clone().contiguous() for name, value in open_clip.create_model(NAME).state_dict().items()
    }


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registered architecture, and a safetensors file that fits it."""
    folder = tmp_path_factory.mktemp("clip")
    (folder / f"{NAME}.json").write_text(json.dumps(CONFIG))
    open_clip.add_model_config(folder / f"{NAME}.json")
    save_file(state(), folder / "tiny.safetensors")
    return folder / "tiny.safetensors"


@pytest.fixture(scope="module")
def clip(weights: Path) -> OpenClipScorer:
    return tiny(weights)


def tiny(weights: Path, **settings: Any) -> OpenClipScorer:
    return OpenClipScorer(NAME, str(weights), **{"device": "cpu", **settings})


def picture(width: int = 40, height: int = 30, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def slowly(weights: Path, image: Image.Image, text: str) -> float:
    """One picture and one text, through open_clip's own pieces."""
    model, _, transform = open_clip.create_model_and_transforms(NAME, pretrained=str(weights))
    with torch.no_grad():
        seen = model.eval().encode_image(transform(image)[None])[0]
        said = model.encode_text(open_clip.get_tokenizer(NAME)([text]))[0]
    return float(seen @ said / seen.norm() / said.norm())


def test_it_is_an_image_text_scorer(clip: OpenClipScorer) -> None:
    assert isinstance(clip, ImageTextScorer)


def test_similarity_is_the_cosine_of_the_embeddings(weights: Path, clip: OpenClipScorer) -> None:
    images = [picture(seed=seed) for seed in range(4)]
    expected = [slowly(weights, image, text) for image, text in zip(images, TEXTS, strict=True)]
    assert clip.similarities(images, TEXTS) == pytest.approx(expected, abs=1e-5)


def test_batches_change_nothing(weights: Path, clip: OpenClipScorer) -> None:
    images = [picture(30 + k % 3, 30, seed=k % 3) for k in range(12)]
    texts = [TEXTS[k % 4] for k in range(12)]
    alone = [clip.similarities([image], [text])[0] for image, text in zip(images, texts, strict=True)]
    assert tiny(weights, batch_size=5).similarities(images, texts) == pytest.approx(alone, abs=1e-5)
    assert np.ptp(alone) > 0.01


def test_what_comes_twice_is_computed_once(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, computed = tiny(weights), []

    def counted(function: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
        def call(given: list[Any]) -> Any:
            computed.append(len(given))
            return function(given)

        return call

    monkeypatch.setattr(clip, "_see", counted(clip._see))
    monkeypatch.setattr(clip, "_read", counted(clip._read))
    one, other = picture(seed=0), picture(seed=1)
    clip.similarities([one, other, one, one], ["a dog", "a dog", "a cup", "a dog"])
    assert computed == [2, 2]


def test_nothing_has_no_similarity(clip: OpenClipScorer) -> None:
    assert clip.similarities([], []) == []


@pytest.mark.parametrize("text", ["", "   ", "Ünïcödé 鳥"])
def test_odd_texts_are_read(clip: OpenClipScorer, text: str) -> None:
    (found,) = clip.similarities([picture()], [text])
    assert -1 <= found <= 1


@pytest.mark.parametrize(
    "image",
    [Image.new("RGB", (1, 1)), Image.new("L", (5, 90)), Image.new("RGBA", (90, 5)), Image.new("P", (9, 9))],
)
def test_odd_pictures_are_read(clip: OpenClipScorer, image: Image.Image) -> None:
    (found,) = clip.similarities([image], ["a dog"])
    assert -1 <= found <= 1


def test_a_picture_without_a_pixel_is_refused(clip: OpenClipScorer) -> None:
    with pytest.raises(InputError, match="picture 0 has 0x0 pixels"):
        clip.similarities([Image.new("RGB", (0, 0))], ["a dog"])


def test_pictures_and_texts_come_in_pairs(clip: OpenClipScorer) -> None:
    with pytest.raises(UsageError, match="open_clip got 2 pictures and 1 texts"):
        clip.similarities([picture(), picture()], ["a dog"])


def test_a_text_may_have_77_tokens_and_no_more(clip: OpenClipScorer) -> None:
    """75 words between start and end."""
    assert clip.fits(["dog " * 75, "dog " * 76, "", "dog"]) == [True, False, True, True]


def test_a_text_that_is_too_long_is_named(clip: OpenClipScorer) -> None:
    with pytest.raises(InputError, match=r"'dog dog .* is longer than the 77 tokens"):
        clip.similarities([picture()] * 2, ["a dog", "dog " * 80])


def test_a_text_that_is_too_long_is_cut_if_asked_to(weights: Path, clip: OpenClipScorer) -> None:
    cutting = tiny(weights, truncate=True)
    found = cutting.similarities([picture()] * 2, ["dog " * 80, "dog " * 75])
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    assert cutting.identity() != clip.identity()


def test_a_class_is_the_mean_of_its_sentences(weights: Path, clip: OpenClipScorer) -> None:
    model, _, transform = open_clip.create_model_and_transforms(NAME, pretrained=str(weights))
    tokenise, image, templates = open_clip.get_tokenizer(NAME), picture(), ["a {}", "one {} here"]
    with torch.no_grad():
        seen = model.eval().encode_image(transform(image)[None], normalize=True)[0]
        expected = []
        for name in ("cup", "dog"):
            said = model.encode_text(tokenise([f"a {name}", f"one {name} here"]), normalize=True).mean(dim=0)
            expected.append(float(100 * seen @ said / said.norm()))
    (row,) = clip.class_logits([image], ["cup", "dog"], templates)
    assert row == pytest.approx(expected, abs=1e-3)


def test_the_largest_logit_names_the_class(clip: OpenClipScorer) -> None:
    images, classes = [picture(seed=seed) for seed in range(5)], ["cup", "dog", "{odd}"]
    rows = clip.class_logits(images, classes)
    assert clip.classify(images, classes) == [classes[int(np.argmax(row))] for row in rows]


def test_of_equal_classes_the_first_wins(clip: OpenClipScorer) -> None:
    assert clip.classify([picture()], ["dog", "dog"]) == ["dog"]
    assert clip.classify([], ["dog"]) == []


@pytest.mark.parametrize(
    ("classes", "templates"), [([], ["a {}"]), (["dog"], []), (["dog"], ["a {}", "no name here"])]
)
def test_classes_that_cannot_be_told_apart_are_refused(
    clip: OpenClipScorer, classes: list[str], templates: list[str]
) -> None:
    with pytest.raises(UsageError, match="at least one class, and templates"):
        clip.classify([picture()], classes, templates)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(weights: Path, clip: OpenClipScorer, dtype: str) -> None:
    half = tiny(weights, dtype=dtype)
    assert half.similarities([picture()], ["a dog"]) == pytest.approx(
        clip.similarities([picture()], ["a dog"]), abs=0.03
    )
    assert half.identity() != clip.identity()


def test_weights_that_are_no_numbers_are_named(weights: Path, tmp_path: Path) -> None:
    broken = state()
    broken["text_projection"].fill_(float("nan"))
    save_file(broken, tmp_path / "tiny.safetensors")
    with pytest.raises(CheckpointError, match="text_projection holds NaN"):
        tiny(tmp_path / "tiny.safetensors").similarities([picture()], ["a dog"])


def test_identity_is_the_content_not_the_place(weights: Path, clip: OpenClipScorer, tmp_path: Path) -> None:
    save_file(state(), tmp_path / "tiny.safetensors")
    assert tiny(tmp_path / "tiny.safetensors").identity() == clip.identity()


def test_other_weights_are_another_identity(weights: Path, clip: OpenClipScorer, tmp_path: Path) -> None:
    save_file(state(seed=1), tmp_path / "tiny.safetensors")
    assert tiny(tmp_path / "tiny.safetensors").identity()["sha256"] != clip.identity()["sha256"]


@pytest.mark.parametrize("settings", [{"dtype": "int8"}, {"batch_size": 0}])
def test_impossible_settings_are_refused_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="open_clip"):
        OpenClipScorer(**settings)
