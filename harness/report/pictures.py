"""Pictures inside a page: small ones whole, large ones as thumbnails, all as data URLs."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from selfreward_eval.harness.user_files.pictures import Unreadable, read_rgb

THUMBNAIL = 256
"""Longest side of an embedded picture in pixels."""

SMALL = 128
"""Pictures up to this side are embedded without loss and drawn with hard pixels."""

QUALITY = 60
"""WebP quality of thumbnails: 5 to 9 kB for a photograph."""

BUDGET = 22_000_000
"""Bytes of picture data in one page; with its text a page stays below about 25 MB."""


PLAIN = 2_000
"""A small PNG of at most so many bytes is embedded as it is."""

_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_RGB = 2
"""Of three channels; see the PNG specification, 11.2.2."""


THREADS = 4
"""So many make pictures small at once."""


class Wanted(NamedTuple):
    """A picture to show.

    Attributes:
        path: any format that Pillow reads.
        sha256: of the file that was measured, 64 hex digits; None where that is not recorded.
    """

    path: Path | str
    sha256: str | None = None


def embed(path: Path | str, sha256: str | None = None) -> dict[str, Any]:
    """One picture, ready for a template.

    Args:
        path: any kind that :mod:`selfreward_eval.harness.user_files.pictures` reads.
        sha256: what its file's must be: a page shows what was measured, or says that this is not it.

    Returns:
        ``url`` (a data URL), ``width`` and ``height`` of the upright original in pixels, ``pixelated``; or
        ``problem``, one line for a human, where the file is missing or no picture.
    """
    from PIL import Image

    try:
        with open(path, "rb") as file:
            content = file.read()
        digest = hashlib.sha256(content).hexdigest()
        if sha256 is not None and digest != sha256:
            return {"problem": other_picture(sha256, digest)}
        if sha256 is not None and (size := _plain_size(content)):
            return {"url": _data_url("png", content), "width": size[0], "height": size[1], "pixelated": True}
        picture = read_rgb(io.BytesIO(content))
    except FileNotFoundError:
        return {"problem": "The picture's file is missing"}
    except (Unreadable, OSError):
        return {"problem": "The picture's file cannot be read"}
    width, height = picture.size
    small = max(width, height) <= SMALL
    if not small:
        picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS, reducing_gap=2.0)
    data = io.BytesIO()
    picture.save(data, "WEBP", lossless=small, quality=100 if small else QUALITY, method=4)
    url = _data_url("webp", data.getvalue())
    return {"url": url, "width": width, "height": height, "pixelated": small}


def _data_url(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64," + base64.b64encode(content).decode("ascii")


def _plain_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a small PNG that a browser shows as we read it; None for everything else.

    Such are the pictures of small models: making another format of one takes a hundred times as long as
    reading it, and saves nothing.
    """
    # Colour profiles, transparency and the like stand before the first IDAT.
    if len(content) > PLAIN or content[:16] != _PNG or content[37:41] != b"IDAT" or b"eXIf" in content:
        return None
    width, height, depth, colours = struct.unpack(">IIBB", content[16:26])
    plain = depth == 8 and colours == _RGB and 0 < max(width, height) <= SMALL
    return (width, height) if plain else None


def other_picture(recorded: object, digest: str) -> str:
    """What a page says in place of a picture whose file was changed after it was measured."""
    return (
        f"The picture's file is not the one that was measured: its sha256 is {digest[:12]}…, recorded is "
        f"{str(recorded)[:12]}…"
    )


def embed_all(pictures: Iterable[Wanted], budget: int = BUDGET) -> Mapping[Wanted, dict[str, Any]]:
    """Pictures in the order given, until their data would exceed ``budget`` bytes.

    Returns:
        picture -> :func:`embed`'s answer; one that is absent found no room, and the page must say so.
    """
    wanted = list(dict.fromkeys(pictures))
    embedded: dict[Wanted, dict[str, Any]] = {}
    spent, block = 0, 16
    parts = [wanted[start : start + block] for start in range(0, len(wanted), block)]
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        for start in range(0, len(parts), THREADS):
            round_ = parts[start : start + THREADS]
            for part, made in zip(round_, pool.map(_embed_each, round_), strict=True):
                for one, picture in zip(part, made, strict=True):
                    spent += len(picture.get("url", ""))
                    if spent > budget:
                        return embedded
                    embedded[one] = picture
    return embedded


def _embed_each(pictures: Iterable[Wanted]) -> list[dict[str, Any]]:
    return [embed(*one) for one in pictures]
