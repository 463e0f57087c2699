"""Conversations as content: a hash that identifies one, and its text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from selfreward_eval.harness.instruments.judging import Turn
from selfreward_eval.harness.records import fingerprint

if TYPE_CHECKING:
    from PIL.Image import Image


def conversation_sha256(conversation: Iterable[Turn]) -> str:
    """64 hex digits over roles, texts and pixels; how a picture is stored does not matter."""
    return fingerprint(
        [[turn.role, turn.text, [picture_sha256(image) for image in turn.images]] for turn in conversation]
    )


def picture_sha256(image: Image) -> str:
    """64 hex digits over size and RGB pixels."""
    pixels = image.convert("RGB")
    return hashlib.sha256(f"{pixels.width}x{pixels.height}:".encode() + pixels.tobytes()).hexdigest()


def conversation_text(conversation: Iterable[Turn]) -> str:
    """The texts of all turns, separated by line breaks."""
    return "\n".join(turn.text for turn in conversation)
