"""What OWLv2 is shown and asked, against transformers' own processor."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments import owlv2
from selfreward_eval.harness.instruments.owlv2 import Owlv2Detector, load_pixels

Draw = Callable[..., Image.Image]


@pytest.fixture
def make(owlv2_folder: Path) -> Callable[..., Owlv2Detector]:
    def build(weights: Path = owlv2_folder, **settings: Any) -> Owlv2Detector:
        return Owlv2Detector(str(weights), **{"device": "cpu", "floor": 0.0, **settings})

    return build


@pytest.mark.parametrize("size", [(64, 64), (40, 30), (96, 64), (64, 96), (300, 200), (7, 50)])
def test_pictures_are_shown_as_transformers_shows_them(picture: Draw, size: tuple[int, int]) -> None:
    from transformers import Owlv2ImageProcessor

    processor = Owlv2ImageProcessor(size={"height": 64, "width": 64})
    expected = processor(picture(*size), return_tensors="pt")["pixel_values"][0]
    torch.testing.assert_close(load_pixels(picture(*size), 64), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(96, 64), (64, 96)])
def test_it_finds_what_transformers_finds(
    owlv2_folder: Path, make: Any, picture: Draw, size: tuple[int, int]
) -> None:
    from transformers import AutoTokenizer, Owlv2ForObjectDetection, Owlv2ImageProcessor

    image = picture(*size)
    processor = Owlv2ImageProcessor(size={"height": 64, "width": 64})
    network = Owlv2ForObjectDetection.from_pretrained(owlv2_folder).eval()
    words = AutoTokenizer.from_pretrained(owlv2_folder)(
        ["a photo of a dog"], padding="max_length", max_length=40, return_tensors="pt"
    )
    with torch.inference_mode():
        output = network(pixel_values=processor(image, return_tensors="pt")["pixel_values"], **words)
    (expected,) = processor.post_process_object_detection(output, 0.0, [(size[1], size[0])])
    edges = expected["boxes"]
    inside = (((edges[:, :2] + edges[:, 2:]) / 2) <= torch.tensor(size)).all(dim=1)
    order = expected["scores"][inside].argsort(descending=True, stable=True)
    edges = torch.minimum(edges[inside][order].clamp(min=0), torch.tensor([*size, *size]))
    (found,) = make().detect([image], ["dog"])
    assert 0 < len(found) < 16
    assert [d.score for d in found] == pytest.approx(expected["scores"][inside][order].tolist(), abs=1e-5)
    assert [d.box for d in found] == [pytest.approx(edge, abs=1e-3) for edge in edges.tolist()]


def test_no_label_depends_on_the_others(make: Any, picture: Draw) -> None:
    labels = [f"dog {number}" for number in range(owlv2.TEXTS + 3)]
    (together,) = make().detect([picture()], labels)
    for label in (labels[0], labels[-1]):
        (alone,) = make().detect([picture()], [label])
        own = [d for d in together if d.label == label]
        assert [d.score for d in own] == pytest.approx([d.score for d in alone], abs=1e-5)


@pytest.mark.parametrize("label", ["T-Shirt", "dog's bowl", "St. Bernard", "what?", "café 🐸"])
def test_unusual_labels_are_found_under_their_own_names(make: Any, picture: Draw, label: str) -> None:
    (found,) = make().detect([picture()], [label])
    assert {d.label for d in found} == {label}


@pytest.mark.parametrize(
    ("label", "reason"),
    [("a very long " * 4, r"takes \d+ tokens, and the network reads 40"), ("<|endoftext|>", "ends a text")],
)
def test_labels_that_cannot_be_read_are_refused_by_name(
    make: Any, picture: Draw, label: str, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        make().detect([picture()], ["dog", label])
    assert repr(label.strip()) in str(caught.value)


def test_a_tokenizer_in_the_older_files_is_read(
    save_owlv2: Callable[[Path], Path], make: Any, tmp_path: Path, picture: Draw
) -> None:
    folder = save_owlv2(tmp_path / "older")
    model = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    assert make(folder).detect([picture()], ["dog"]) == make().detect([picture()], ["dog"])
