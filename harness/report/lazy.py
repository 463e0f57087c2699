"""Cards of a page that has too many to lay out at once: data in the page, which its script draws in view.

The data are blocks of JSON in ``<script type="application/json">``, which a browser keeps as text: an index
of what the filters ask for, then :data:`BLOCK` cards a block. The page stays one file and opens from a disk.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from selfreward_eval.harness.report.cards import SYMBOLS, picture_path
from selfreward_eval.harness.report.pictures import SMALL

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["BLOCK", "EAGER", "blocks_of", "linked"]

EAGER = 1_000
"""So many cards are laid out with the page; more are data."""

BLOCK = 500
"""Cards in one block."""

_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))

_HEAD = 24
"""Bytes of a PNG file up to its height."""


def blocks_of(cards: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """The index and the cards as JSON that can stand inside a script element.

    Args:
        cards: with their pictures and overlays.

    Returns:
        The index, with the columns ``verdict``, ``category``, ``task`` and ``prompt`` as places in the lists
        ``verdicts``, ``categories``, ``tasks`` and ``prompts``, ``unseen`` (numbers of cards), ``symbols``
        and ``block``; then lists of cards, without what the index says of them and without what is empty.
    """
    index: dict[str, Any] = {"block": BLOCK, "symbols": SYMBOLS}
    columns = (
        ("verdict", "verdicts"), ("category", "categories"), ("task", "tasks"), ("prompt", "prompts")
    )  # fmt: skip
    for name, plural in columns:
        places: dict[str, int] = {}
        index[name] = [places.setdefault(card[name], len(places)) for card in cards]
        index[plural] = list(places)
    index["unseen"] = [number for number, card in enumerate(cards) if card["unseen"]]
    parts = (cards[start : start + BLOCK] for start in range(0, len(cards), BLOCK))
    return [_block(index), *(_block([_card(card) for card in part]) for part in parts)]


def _block(value: Any) -> Markup:
    from markupsafe import Markup

    # Without "<" nothing can end the element, nor begin a comment in it.
    return Markup(_JSON.encode(value).replace("<", "\\u003c"))


_KEPT = ("item_id", "index", "seed", "badge", "reason", "readings", "answer", "picture", "overlay")


def _card(card: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name in _KEPT if (value := card[name]) not in (None, "", [])}


def linked(folder: Path, card: Mapping[str, Any]) -> dict[str, Any]:
    """The picture of a card as the address of its file, for a page that lies in ``folder``.

    Args:
        folder: of the run.
        card: has a picture.

    Returns:
        ``url``, ``width`` and ``height`` in pixels, ``pixelated``; or ``problem``, one line for a human.
    """
    path = picture_path(folder, card)
    size = None if path is None else _png_size(path)
    if size is None:
        return {"problem": "The picture's file is missing or cannot be read"}
    small = max(size) <= SMALL
    return {"url": quote(str(card["image"])), "width": size[0], "height": size[1], "pixelated": small}


def _png_size(path: Path) -> tuple[int, int] | None:
    """Width and height of the PNG at ``path``, as its head tells; None where it is none."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    if len(head) < _HEAD or not head.startswith(b"\x89PNG\r\n\x1a\n") or head[12:16] != b"IHDR":
        return None
    width, height = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    return (width, height) if width and height else None
