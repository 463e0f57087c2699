"""Reads a picture file from an unknown source as RGB, or says why that cannot be done.

Every picture that this project did not draw itself is opened here.

How other kinds become 8-bit RGB; the official evaluators' readers do the same
unless stated otherwise:

- the orientation in the EXIF data is applied, colour profiles are ignored;
- the alpha channel is dropped: a transparent pixel keeps the colour that is stored for it;
- a palette's entries become their colours, grey becomes three equal channels;
- 16-bit grey is scaled, v / 257 rounded (a plain conversion would cut it off at 255);
- of an animation the first picture is taken;
- 32-bit pixels are refused, as there is no convention for which value is white.
"""

from __future__ import annotations

import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from PIL.Image import Image

_opening = threading.Lock()
"""Warning filters belong to the whole process."""

READING = "1"
"""Version of the rules above; part of a run's identity."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""Pillow tries no other decoder: some start foreign programs."""


class Unreadable(Exception):
    """A file that is no picture, or a damaged, too large or unknown one; the message says which."""


def read_rgb(file: BinaryIO) -> Image:
    """The picture in ``file``, any size, mode RGB.

    Raises:
        Unreadable: with the reason on one line.
    """
    with _explained(), _opened(file) as image:
        return _as_rgb(image)


@contextmanager
def _explained() -> Iterator[None]:
    """What Pillow raises inside becomes :class:`Unreadable`."""
    from PIL import Image as PillowImage

    try:
        yield
    except (PillowImage.DecompressionBombWarning, PillowImage.DecompressionBombError) as error:
        raise Unreadable(f"it is too large: {_line(error)}") from error
    except PillowImage.UnidentifiedImageError as error:
        kinds = ", ".join(FORMATS)
        raise Unreadable(f"it is damaged at its start, or none of the kinds {kinds}") from error
    # What Pillow raises depends on where the file is damaged.
    except (
        OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, LookupError, TypeError,
        ArithmeticError,
    ) as error:  # fmt: skip
        raise Unreadable(f"it is damaged: {_line(error)}") from error


def _opened(file: BinaryIO) -> Image:
    from PIL import Image as PillowImage

    with _opening, warnings.catch_warnings():
        # Pillow warns at its pixel limit and raises at twice that; here the limit is one.
        warnings.simplefilter("error", PillowImage.DecompressionBombWarning)
        return PillowImage.open(file, formats=FORMATS)


def read_rgb_file(path: Path) -> Image:
    """:func:`read_rgb` of the file at ``path``.

    Raises:
        Unreadable: with the reason on one line.
        OSError: it cannot be opened; ``FileNotFoundError`` where there is none.
    """
    try:
        file = path.open("rb")
    except ValueError as error:  # A name with a zero byte.
        raise Unreadable(f"it cannot be opened: {error}") from error
    with file:
        return read_rgb(file)


def as_rgb(image: Image) -> Image:
    """A picture that somebody else opened, by the same rules, mode RGB.

    Raises:
        Unreadable: 32-bit pixels, or a file that turns out to be damaged.
    """
    from PIL import Image as PillowImage

    if type(image) is PillowImage.Image and image.mode == "RGB" and not image.info and not _has_exif(image):
        return image.copy()  # Drawn in memory: there is nothing to apply.
    with _explained():
        return _as_rgb(image)


def _has_exif(image: Image) -> bool:
    """Whether somebody asked for the EXIF data of an image, to change them perhaps."""
    return getattr(image, "_exif", None) is not None


def _as_rgb(image: Image) -> Image:
    import numpy as np
    from PIL import Image as PillowImage
    from PIL import ImageOps

    if image.mode in ("I", "F"):
        raise Unreadable(f"its pixels are 32-bit numbers (mode {image.mode}), whose white is unknown")
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I;16"):
        values = np.asarray(upright).astype(np.uint32)
        upright = PillowImage.fromarray(((values + 128) // 257).astype(np.uint8))
    elif "transparency" in upright.info or upright.mode in ("P", "PA", "La", "RGBa"):
        upright = upright.convert("RGBA")
    return upright.convert("RGB")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
