"""RapidOCR as a text reader: the real one where it is installed, and what is said where it is not."""

from __future__ import annotations

from importlib import metadata
from importlib.util import find_spec
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from selfreward_eval.harness.errors import CheckpointError, MissingExtra, UsageError
from selfreward_eval.harness.instruments import rapidocr_reader
from selfreward_eval.harness.instruments.base import TextReader
from selfreward_eval.harness.instruments.rapidocr_reader import RapidOcrReader

installed = pytest.mark.skipif(find_spec("rapidocr") is None, reason="rapidocr is not installed")


def sign(text: str) -> Image.Image:
    image = Image.new("RGB", (320, 96), "white")
    ImageDraw.Draw(image).text((16, 24), text, fill="black", font=ImageFont.load_default(36))
    return image


@installed
@pytest.mark.slow
def test_a_sign_is_read_and_an_empty_picture_is_not() -> None:
    reader = RapidOcrReader()
    assert isinstance(reader, TextReader)
    lines, none = reader.read_text([sign("OPEN"), Image.new("RGB", (64, 64))])
    assert [line.text for line in lines] == ["OPEN"]
    x0, y0, x1, y1 = lines[0].box
    assert 0 <= x0 < 40 < x1 < 320
    assert 0 <= y0 < 50 < y1 <= 96
    assert lines[0].score >= 0.9
    assert none == []


@installed
def test_the_networks_are_known_by_their_content() -> None:
    identity = RapidOcrReader().identity()
    assert set(identity["sha256"]) == {"Det", "Cls", "Rec"}
    assert set(identity["packages"]) == {"rapidocr", "onnxruntime"}
    assert RapidOcrReader(min_score=0.5).identity() != identity


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    for call in (RapidOcrReader().identity, lambda: RapidOcrReader().read_text([sign("OPEN")])):
        with pytest.raises(MissingExtra, match=r"needs rapidocr, .* install selfreward-eval\[ocr\]"):
            call()


def test_a_package_without_its_networks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "1")
    monkeypatch.setitem(rapidocr_reader.MODELS, "Det", "no_such_network.onnx")
    with pytest.raises(CheckpointError, match=r"lacks one of no_such_network\.onnx"):
        RapidOcrReader().identity()


def test_lines_below_the_score_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Output:
        txts = ("sure", "unsure")
        boxes = (((1, 2), (9, 1), (9, 6), (1, 7)),) * 2
        scores = (0.95, 0.5)

    def read(min_score: float) -> list[Any]:
        reader = RapidOcrReader(min_score)
        reader._engine = lambda pixels: Output
        return reader.read_text([sign("x")])[0]

    assert [line.text for line in read(0.9)] == ["sure"]
    assert [line.text for line in read(0.0)] == ["sure", "unsure"]
    assert read(0.9)[0].box == (1, 1, 9, 7)


@pytest.mark.parametrize(
    "settings", [{"min_score": 2}, {"min_score": True}, {"threads": -1}, {"threads": 1.5}]
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="rapidocr: "):
        RapidOcrReader(**settings)
