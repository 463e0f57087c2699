"""The colour classifier on a tiny CLIP with random weights, saved as the real ones are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from selfreward_eval.harness.errors import CheckpointError, InputError, UsageError
from selfreward_eval.harness.instruments.backends.crops import cut_out
from selfreward_eval.harness.instruments.base import ColourClassifier, Detection
from selfreward_eval.harness.instruments.open_clip_colour import OpenClipColourClassifier, best_colour

open_clip = pytest.importorskip("open_clip")

NAME, WIDER = "tiny-clip-for-tests", "tiny-clip-of-other-width"
COLOURS = ("red", "green", "blue")
CONFIG = {
    "embed_dim": 16,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registered architecture, and a safetensors file that fits it."""
    folder = tmp_path_factory.mktemp("clip")
    (folder / f"{NAME}.json").write_text(json.dumps(CONFIG))
    wider = {**CONFIG, "text_cfg": {**CONFIG["text_cfg"], "width": 64}}  # type: ignore[dict-item]
    (folder / f"{WIDER}.json").write_text(json.dumps(wider))
    open_clip.add_model_config(folder)
    torch.manual_seed(0)
    path = folder / "tiny.safetensors"
    state = open_clip.create_model(NAME).state_dict()
    save_file({name: value.clone().contiguous() for name, value in state.items()}, path)
    return path


@pytest.fixture(scope="module")
def classifier(weights: Path) -> OpenClipColourClassifier:
    return OpenClipColourClassifier(NAME, str(weights), device="cpu", batch_size=2)


def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))


def things(count: int = 5) -> list[Detection]:
    """Objects of two classes, some with masks."""
    mask = np.zeros((40, 60), dtype=bool)
    mask[5:30, 5:40] = True
    return [
        Detection("cup" if i % 2 else "book", (2.0 * i, 1.5, 30.0 + i, 33.0), 0.9, mask if i % 3 else None)
        for i in range(count)
    ]


def slow_logits(weights: Path, image: Image.Image, thing: Detection, colours: Sequence[str]) -> list[float]:
    """One object at a time, one sentence at a time."""
    model, _, transform = open_clip.create_model_and_transforms(NAME, pretrained=str(weights))
    tokenise = open_clip.get_tokenizer(NAME)
    model.eval()
    rows = []
    with torch.no_grad():
        seen = model.encode_image(transform(cut_out(image, thing.box, thing.mask))[None])[0]
        seen = seen / seen.norm()
        for colour in colours:
            total = torch.zeros_like(seen)
            for text in (
                f"a photo of a {colour} {thing.label}",
                f"a photo of a {colour}-colored {thing.label}",
                f"a photo of a {colour} object",
            ):
                said = model.encode_text(tokenise([text]))[0]
                total += said / said.norm() / 3
            rows.append(float(100 * seen @ (total / total.norm())))
    return rows


def test_it_is_a_colour_classifier(classifier: OpenClipColourClassifier) -> None:
    assert isinstance(classifier, ColourClassifier)


def test_logits_are_those_of_the_plain_loop(weights: Path, classifier: OpenClipColourClassifier) -> None:
    logits = classifier.logits(picture(), things(), COLOURS)
    for thing, row in zip(things(), logits, strict=True):
        assert row == pytest.approx(slow_logits(weights, picture(), thing, COLOURS), abs=1e-3)


def test_the_largest_logit_names_the_colour(classifier: OpenClipColourClassifier) -> None:
    rows = classifier.logits(picture(), things(), COLOURS)
    named = classifier.classify(picture(), things(), COLOURS)
    assert named == [COLOURS[int(np.argmax(row))] for row in rows]


def test_no_objects_have_no_colours(classifier: OpenClipColourClassifier) -> None:
    assert classifier.classify(picture(), [], COLOURS) == []


@pytest.mark.parametrize(("logits", "colour"), [([1, 3, 2], "green"), ([3, 3, 0], "red"), ([0, 0, 0], "red")])
def test_of_equal_logits_the_first_wins(logits: list[float], colour: str) -> None:
    assert best_colour(logits, COLOURS) == colour


def test_an_object_without_a_pixel_cannot_be_read(classifier: OpenClipColourClassifier) -> None:
    with pytest.raises(InputError, match="'cup' has no pixel"):
        classifier.classify(picture(), [Detection("cup", (0, 0, 0, 0), 0.9)], COLOURS)


def test_the_activation_is_part_of_the_identity(weights: Path) -> None:
    plain = OpenClipColourClassifier(NAME, str(weights), device="cpu", quick_gelu=False)
    usual = OpenClipColourClassifier(NAME, str(weights), device="cpu")
    assert (usual.identity()["quick_gelu"], plain.identity()["quick_gelu"]) == (True, False)
    rows = [one.logits(picture(), things(1), COLOURS)[0] for one in (usual, plain)]
    assert rows[0] != pytest.approx(rows[1], abs=1e-4)


def test_the_official_tag_asks_for_its_activation(tmp_path: Path) -> None:
    official = OpenClipColourClassifier()
    official._file = tmp_path / "stand-in.safetensors"
    official._file.write_bytes(b"stand-in")
    assert official.identity()["quick_gelu"] is True


def test_autocast(weights: Path) -> None:
    half = OpenClipColourClassifier(NAME, str(weights), device="cpu", autocast=True)
    assert np.isfinite(half.logits(picture(), things(2), COLOURS)).all()


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [(b"damaged", "w.safetensors", "does not load"), (b"pickle", "w.pt", "pickled weights are not loaded")],
)
def test_weights_that_are_damaged_or_unsafe(
    weights: Path, tmp_path: Path, content: bytes, name: str, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        OpenClipColourClassifier(NAME, str(tmp_path / name), device="cpu").classify(
            picture(), things(1), COLOURS
        )


def test_weights_of_another_architecture(weights: Path) -> None:
    with pytest.raises(CheckpointError, match=f"does not load as the open_clip model '{WIDER}'"):
        OpenClipColourClassifier(WIDER, str(weights), device="cpu").classify(picture(), things(1), COLOURS)


def test_an_unknown_tag_lists_the_known_ones() -> None:
    with pytest.raises(CheckpointError, match=r"neither a file nor weights.*openai"):
        OpenClipColourClassifier(pretrained="no_such_tag").identity()


def test_weights_that_cannot_be_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: Any, **__: Any) -> str:
        raise FileNotFoundError("no connection")

    monkeypatch.setattr(open_clip, "download_pretrained", offline)
    with pytest.raises(CheckpointError, match="cannot be downloaded"):
        OpenClipColourClassifier().identity()


def test_an_impossible_batch_size_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="batch_size"):
        OpenClipColourClassifier(batch_size=0)
