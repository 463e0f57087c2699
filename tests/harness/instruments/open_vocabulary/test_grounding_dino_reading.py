"""What Grounding DINO is shown and asked, and how its logits become scores; both backends alike."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.backends import grounding
from selfreward_eval.harness.instruments.backends.captions import Caption
from selfreward_eval.harness.instruments.grounding_dino import GroundingDinoDetector
from selfreward_eval.harness.instruments.groundingdino_py import GroundingDinoPyDetector

Draw = Callable[..., Image.Image]
SIZES = [(512, 512), (640, 480), (480, 640), (1024, 768), (2000, 500), (333, 1000), (800, 800), (1333, 799)]


@pytest.fixture
def official_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """The official resize again."""
    monkeypatch.setattr(grounding, "SHORT_EDGE", 800)
    monkeypatch.setattr(grounding, "LONG_EDGE", 1333)


@pytest.fixture(params=[GroundingDinoDetector, GroundingDinoPyDetector])
def make(request: pytest.FixtureRequest, grounding_folder: Path) -> Callable[..., Any]:
    def build(weights: Path = grounding_folder, **settings: Any) -> Any:
        return request.param(str(weights), **{"device": "cpu", "floor": 0.0, **settings})

    return build


@pytest.mark.usefixtures("official_size")
@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((512, 512), (800, 800)),
        ((640, 480), (1066, 800)),
        ((480, 640), (800, 1066)),
        ((2000, 500), (1332, 333)),
        ((1, 5000), (1, 5000)),
    ],
)
def test_the_short_edge_becomes_800_unless_the_long_one_is_too_long(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    assert grounding.input_size(*size) == shown


@pytest.mark.usefixtures("official_size")
@pytest.mark.parametrize("size", SIZES)
def test_pictures_are_shown_as_the_official_code_shows_them(picture: Draw, size: tuple[int, int]) -> None:
    transforms = importlib.import_module("groundingdino.datasets.transforms")
    image = picture(*size)
    official = transforms.Compose(
        [
            transforms.RandomResize([800], max_size=1333),
            transforms.ToTensor(),
            transforms.Normalize(grounding.MEAN, grounding.DEVIATION),
        ]
    )
    expected, _ = official(image, None)
    torch.testing.assert_close(grounding.load_pixels(image), expected, atol=1e-6, rtol=0)


@pytest.mark.usefixtures("official_size")
def test_pictures_are_shown_as_transformers_shows_them(picture: Draw) -> None:
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
        GroundingDinoImageProcessorPil,
    )

    image = picture(640, 480)
    expected = GroundingDinoImageProcessorPil()(image, return_tensors="pt")["pixel_values"][0]
    torch.testing.assert_close(grounding.load_pixels(image), expected, atol=1e-5, rtol=0)


def test_the_score_of_a_label_is_the_largest_of_its_own_tokens() -> None:
    caption = Caption("dog. red frog.", (("dog", (1,)), ("red frog", (3, 4))))
    logits = torch.tensor([[9.0, -1.0, 8.0, 0.5, 2.0, 9.0], [9.0, 3.0, 8.0, 1.0, -2.0, 9.0]])
    expected = torch.tensor([[-1.0, 2.0], [3.0, 1.0]]).sigmoid()
    torch.testing.assert_close(grounding.label_scores(logits, caption), expected)


def test_it_reads_what_the_network_says(grounding_folder: Path, picture: Draw) -> None:
    from transformers import AutoTokenizer, GroundingDinoForObjectDetection

    image = picture()
    network = GroundingDinoForObjectDetection.from_pretrained(grounding_folder).eval()
    words = AutoTokenizer.from_pretrained(grounding_folder)("dog. red frog.", return_tensors="pt")
    with torch.inference_mode():
        output = network(pixel_values=grounding.load_pixels(image)[None], **words)
    scores = output.logits[0].sigmoid()
    expected = {"dog": scores[:, 1], "red frog": scores[:, 3:5].amax(dim=1)}
    (found,) = GroundingDinoDetector(str(grounding_folder), device="cpu", floor=0.0).detect(
        [image], ["dog", "red frog"]
    )
    centres, sides = output.pred_boxes[0, :, :2].numpy(), output.pred_boxes[0, :, 2:].numpy()
    corners = np.hstack([centres - sides / 2, centres + sides / 2]) * [96, 64, 96, 64]
    corners = np.clip(corners, 0, [96, 64, 96, 64])
    for label, column in expected.items():
        order = column.argsort(descending=True)
        own = [d for d in found if d.label == label]
        assert [d.score for d in own] == pytest.approx(column[order].tolist(), abs=1e-6)
        assert np.array([d.box for d in own]) == pytest.approx(corners[order.numpy()], abs=1e-3)


NAMES = ("dog", "frog", "red", "green", "t", "shirt", "cat", "bus", "stop")
PAIRS = [f"{one} {other}" for one in NAMES for other in NAMES]
"""81 labels of two tokens each, three with their full stop."""


def test_a_text_may_be_as_long_as_the_network_reads(make: Any, picture: Draw) -> None:
    labels = [*PAIRS[:80], *NAMES[:7]]
    detector = make(floor=0.9)
    (caption,) = detector._plan(labels)
    assert len(detector._tokenizer()(caption.text)["input_ids"]) == 256
    assert len(detector._plan([*labels, "a"])) == 2
    (found,) = detector.detect([picture()], labels)
    assert len({d.label for d in found}) > 1


def test_labels_beyond_the_text_go_on_in_further_passes(make: Any, picture: Draw) -> None:
    labels = [*PAIRS, *NAMES]
    detector = make(floor=0.9)
    first, second = ([phrase for phrase, _ in caption.spans] for caption in detector._plan(labels))
    assert first + second == labels
    (found,) = detector.detect([picture()], labels)
    expected = [detector.detect([picture()], part)[0] for part in (first, second)]
    assert found == expected[0] + expected[1]


def test_asked_alone_a_label_does_not_depend_on_its_fellows(make: Any, picture: Draw) -> None:
    (together,) = make(labels_per_pass=1).detect([picture()], ["dog", "red frog"])
    (alone,) = make().detect([picture()], ["red frog"])
    assert [d for d in together if d.label == "red frog"] == alone


def test_asked_together_labels_see_each_other(make: Any, picture: Draw) -> None:
    (together,) = make().detect([picture()], ["dog", "red frog"])
    (alone,) = make().detect([picture()], ["red frog"])
    assert [d for d in together if d.label == "red frog"] != alone


def test_a_template_is_read_but_not_scored(make: Any) -> None:
    (caption,) = make(template="a {label}")._plan(["dog", "red frog"])
    assert caption == Caption("a dog. a red frog.", (("dog", (2,)), ("red frog", (5, 6))))


@pytest.mark.parametrize("label", ["T-Shirt", "dog's", "Red  FROG", "dogs", "red/green", "frog 🐸"])
def test_unusual_labels_are_found_under_their_own_names(make: Any, picture: Draw, label: str) -> None:
    (found,) = make().detect([picture()], [label])
    assert {d.label for d in found} == {label}


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("St. Bernard", "end of a label"),
        ("which dog?", "end of a label"),
        ("🐸", "no word of it"),
        ("zebra", "no word of it"),
        ("\u200b", "no word of it"),
        ("dog " * 300, "of the 254 tokens"),
    ],
)
def test_labels_that_cannot_be_read_are_refused_by_name(
    make: Any, picture: Draw, label: str, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        make().detect([picture()], ["dog", label])
    assert repr(" ".join(label.lower().split())[:40])[:-1] in str(caught.value)


@pytest.mark.parametrize("settings", [{"labels_per_pass": 0}, {"template": "look. {label}"}])
def test_impossible_questions_are_refused_at_once(make: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="grounding"):
        make(**settings)


def test_a_tokenizer_of_another_vocabulary_is_refused(
    make: Any, save_grounding: Callable[..., Path], tmp_path: Path, picture: Draw
) -> None:
    from transformers import BertTokenizer

    folder = save_grounding(tmp_path / "other")
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "dog"]
    BertTokenizer(vocab={name: index for index, name in enumerate(names)}).save_pretrained(folder)
    with pytest.raises(CheckpointError, match="not BERT's uncased one"):
        make(folder).detect([picture()], ["dog"])
