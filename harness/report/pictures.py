"""Pictures inside a page: small ones whole, large ones as thumbnails, all as data URLs."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from selfreward_eval.harness.pictures import Unreadable, read_rgb_file

THUMBNAIL = 256
"""Longest side of an embedded picture in pixels."""

SMALL = 128
"""Pictures up to this side are embedded without loss and drawn with hard pixels."""

QUALITY = 60
"""WebP quality of thumbnails: 5 to 9 kB for a photograph."""

BUDGET = 22_000_000
"""Bytes of picture data in one page; with its text a page stays below about 25 MB."""


def embed(path: Path) -> dict[str, Any]:
    """One picture, ready for a template.

    Args:
        path: any kind that :mod:`selfreward_eval.harness.pictures` reads.

    Returns:
        ``url`` (a data URL), ``width`` and ``height`` of the upright original in pixels, ``pixelated``; or
        ``problem``, one line for a human, where the file is missing or no picture.
    """
    from PIL import Image

    try:
        picture = read_rgb_file(path)
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
    url = "data:image/webp;base64," + base64.b64encode(data.getvalue()).decode("ascii")
    return {"url": url, "width": width, "height": height, "pixelated": small}


def embed_all(paths: Iterable[Path], budget: int = BUDGET) -> Mapping[Path, dict[str, Any]]:
    """Pictures in the order given, until their data would exceed ``budget`` bytes.

    Returns:
        path -> :func:`embed`'s answer; a path that is absent found no room, and the page must say so.
    """
    wanted = list(dict.fromkeys(paths))
    embedded: dict[Path, dict[str, Any]] = {}
    spent, block = 0, 64
    with ThreadPoolExecutor(max_workers=4) as pool:
        for start in range(0, len(wanted), block):
            chunk = wanted[start : start + block]
            for path, picture in zip(chunk, pool.map(embed, chunk), strict=True):
                spent += len(picture.get("url", ""))
                if spent > budget:
                    return embedded
                embedded[path] = picture
    return embedded
