"""Any kind of picture as 8-bit RGB, and files that are none."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.user_files.pictures import Unreadable, read_rgb


def read(picture: Image.Image, kind: str = "PNG", **options: Any) -> Image.Image:
    """``picture`` written as ``kind`` and read back."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    buffer.seek(0)
    return read_rgb(buffer)


def palette() -> Image.Image:
    picture = Image.new("P", (5, 3), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    return picture


def half_transparent(mode: str, colour: tuple[int, ...]) -> Image.Image:
    return Image.new(mode, (5, 3), colour)


@pytest.mark.parametrize(
    ("picture", "pixel"),
    [
        (Image.new("RGB", (5, 3), (10, 20, 30)), (10, 20, 30)),
        (Image.new("L", (5, 3), 77), (77, 77, 77)),
        (Image.new("1", (5, 3), 1), (255, 255, 255)),
        (palette(), (10, 20, 30)),
        (half_transparent("RGBA", (10, 20, 30, 0)), (10, 20, 30)),
        (half_transparent("RGBA", (10, 20, 30, 128)), (10, 20, 30)),
        (half_transparent("LA", (77, 3)), (77, 77, 77)),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else None,
)
def test_every_mode_becomes_rgb(picture: Image.Image, pixel: tuple[int, int, int]) -> None:
    got = read(picture)
    assert (got.mode, got.size, got.getpixel((4, 2))) == ("RGB", (5, 3), pixel)


def test_a_transparent_palette_entry_keeps_its_colour() -> None:
    assert read(palette(), transparency=1).getpixel((0, 0)) == (10, 20, 30)


@pytest.mark.parametrize(
    ("value", "grey"), [(0, 0), (257, 1), (385, 1), (386, 2), (32896, 128), (65535, 255)]
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_cut_off(value: int, grey: int, kind: str) -> None:
    picture = Image.fromarray(np.full((3, 5), value, dtype=np.uint16))
    assert read(picture, kind).getpixel((0, 0)) == (grey, grey, grey)


def test_the_orientation_that_a_camera_noted_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new("RGB", (5, 3))
    picture.putpixel((0, 0), (255, 0, 0))
    got = read(picture, "PNG", exif=exif)
    assert (got.size, got.getpixel((2, 0))) == ((3, 5), (255, 0, 0))


def test_of_an_animation_the_first_picture_is_taken() -> None:
    frames = [Image.new("RGB", (5, 3), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    buffer.seek(0)
    assert read_rgb(buffer).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 700), (513, 257)])
def test_any_size_stays_as_it_is(width: int, height: int) -> None:
    assert read(Image.new("RGB", (width, height))).size == (width, height)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_32_bit_numbers_are_refused(mode: str) -> None:
    with pytest.raises(Unreadable, match=f"mode {mode}"):
        read(Image.new(mode, (5, 3)), "TIFF")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"not a picture",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-200],
        lambda data: data[:60] + bytes(20) + data[80:],
        lambda data: data[:18] + b"\xff" + data[19:],
    ],
    ids=["empty", "text", "half", "no end", "overwritten", "header"],
)
def test_a_damaged_file_is_unreadable_with_a_reason(damage: Callable[[bytes], bytes]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    with pytest.raises(Unreadable) as caught:
        read_rgb(io.BytesIO(damage(buffer.getvalue())))
    assert str(caught.value).startswith(
        ("it is damaged: ", "it is damaged at its start, or none of the kinds PNG")
    )
    assert "\n" not in str(caught.value)


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it has so many pixels, in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("width", [10_000, 200_000])
def test_more_pixels_than_pillow_allows_are_unreadable(width: int) -> None:
    """The first is above Pillow's limit, the second above twice the limit."""
    with pytest.raises(Unreadable, match=r"it is too large: .*exceeds limit"):
        read_rgb(io.BytesIO(png_of(width, 10_000)))


def test_formats_that_start_other_programs_are_not_tried() -> None:
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 3\n%%EndComments\nshowpage\n%%EOF\n"
    with pytest.raises(Unreadable, match="none of the kinds"):
        read_rgb(io.BytesIO(postscript))
