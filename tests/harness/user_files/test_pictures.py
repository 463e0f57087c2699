"""Every way in which a user's picture is opened applies the same rules."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.records import Measurement
from selfreward_eval.harness.report.pictures import embed
from selfreward_eval.harness.runs.answering import _input
from selfreward_eval.harness.user_files.pictures import Unreadable, as_rgb, read_rgb_file
from selfreward_eval.tasks.judge_check.csv_cases import csv_cases
from selfreward_eval.trainers.sources import FileSource

Reader = Callable[[Path], Image.Image]


def captioned(path: Path) -> Image.Image:
    """As ``train --pictures`` reads it."""
    prompts = path.parent.parent / "prompts.txt"
    prompts.write_text("a cat\n")
    return FileSource(prompts, path.parent).pictures(0, 1, 0)[0]


def judged(path: Path) -> Image.Image:
    """As ``judge-check`` reads it."""
    labels = path.parent.parent / "labels.csv"
    labels.write_text(f"image,question,label\n{path.name},is it?,1\n")
    return csv_cases(labels, path.parent).cases[0].picture()


def asked_about(path: Path) -> Image.Image:
    """As a task that asks about a file gives it to the model."""
    return _answered(path)


def asked_about_opened(path: Path) -> Image.Image:
    """As a task that opens the file itself does, such as lm-eval's."""
    return _answered(Image.open(path))


def _answered(picture: Path | Image.Image) -> Image.Image:
    task: Any = SimpleNamespace(info=SimpleNamespace(name="toy"), input_image=lambda item: picture)
    planned: Any = SimpleNamespace(item=SimpleNamespace(id="one"))
    given = _input(task, planned)
    assert not isinstance(given, Measurement)
    return given


def shown(path: Path) -> Image.Image:
    """As a page shows it."""
    data = base64.b64decode(embed(path)["url"].partition(",")[2])
    return Image.open(io.BytesIO(data)).convert("RGB")


READERS = (read_rgb_file, captioned, judged, asked_about, asked_about_opened, shown)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    return tmp_path / "pictures"


@pytest.mark.parametrize("read", READERS)
def test_16_bit_grey_keeps_its_brightness(read: Reader, folder: Path) -> None:
    Image.fromarray(np.full((8, 8), 257 * 100, dtype=np.uint16)).save(folder / "grey.png")
    assert read(folder / "grey.png").getpixel((3, 3)) == (100, 100, 100)


@pytest.mark.parametrize("read", READERS)
def test_the_orientation_in_the_exif_data_is_applied(read: Reader, folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Turned a quarter.
    Image.new("RGB", (40, 20), "red").save(folder / "turned.jpg", exif=exif)
    assert read(folder / "turned.jpg").size == (20, 40)


@pytest.mark.parametrize("read", READERS)
def test_a_transparent_pixel_keeps_the_colour_that_is_stored(read: Reader, folder: Path) -> None:
    Image.new("RGBA", (8, 8), (10, 200, 30, 0)).save(folder / "clear.png")
    assert read(folder / "clear.png").getpixel((3, 3)) == (10, 200, 30)


def test_32_bit_pixels_are_refused() -> None:
    with pytest.raises(Unreadable, match="32-bit numbers"):
        as_rgb(Image.new("F", (4, 4)))


def test_a_picture_that_cannot_be_captioned_is_named(folder: Path) -> None:
    (folder / "broken.png").write_bytes(b"no picture")
    with pytest.raises(Exception, match=r"the picture .*broken\.png cannot be read: it is damaged.*take it"):
        captioned(folder / "broken.png")


def test_a_name_with_a_zero_byte_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="null byte"):
        read_rgb_file(Path("a\0b.png"))
