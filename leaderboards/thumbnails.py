"""Small copies of the pictures that a site shows, named after what is in them.

The same picture gets the same name in every build, so a site can be regenerated
byte by byte, and a picture shared by two runs lies there once.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from selfreward_eval.harness.files import atomic_write_bytes
from selfreward_eval.harness.report.cards import picture_path
from selfreward_eval.harness.report.pictures import embed, other_picture
from selfreward_eval.leaderboards.entries import Card

__all__ = ["FOLDER", "card_with_thumbnail", "is_complete"]

FOLDER = "pictures"
"""Within the site."""

OUTSIDE = "Its record points outside the run folder"


def card_with_thumbnail(card: Card, run_folder: Path, site: Path) -> Card:
    """``card`` with ``picture``: ``file``, ``width``, ``height``, ``pixelated``; or ``problem``; or None.

    Args:
        card: with ``image`` (path within the run folder) and ``image_sha256``.
        run_folder: where the picture lies.
        site: the folder of the leaderboard; the small copy goes below it.
    """
    return {**card, "picture": _thumbnail(card, run_folder, site)}


def _thumbnail(card: Card, run_folder: Path, site: Path) -> dict[str, Any] | None:
    if not card["image"]:
        return None
    path = picture_path(run_folder, card)
    if path is None:
        return {"problem": OUTSIDE}
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return {"problem": "The picture's file is missing"}
    if card["image_sha256"] not in (None, digest):
        return {"problem": other_picture(card["image_sha256"], digest)}
    embedded = embed(path)
    if "problem" in embedded:
        return {"problem": embedded["problem"]}
    data = base64.b64decode(embedded["url"].partition(",")[2])
    # Named after the original: what Pillow makes of it may change with its version.
    name = f"{digest[:20]}.webp"
    target = site / FOLDER / name
    if not target.is_file() or target.read_bytes() != data:
        target.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_bytes(target, data, durable=False)
    return {
        "file": f"{FOLDER}/{name}",
        "width": embedded["width"],
        "height": embedded["height"],
        "pixelated": embedded["pixelated"],
    }


def is_complete(card: Card, site: Path) -> bool:
    """Whether a kept card needs no look at the run folder: its small copy is there, or it has no picture."""
    if not card["image"]:
        return True
    picture = card.get("picture") or {}
    return "file" in picture and (site / str(picture["file"])).is_file()
