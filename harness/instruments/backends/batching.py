"""Pairs of pictures and texts in batches, each distinct picture and text computed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from selfreward_eval.harness.errors import InputError, UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")


def check_pairs(instrument: str, images: Sequence[Image], texts: Sequence[str]) -> None:
    """Refuses lists of different lengths, and pictures without a pixel.

    Raises:
        UsageError: not as many texts as pictures.
        InputError: a picture is empty.
    """
    if len(images) != len(texts):
        raise UsageError(
            f"{instrument} got {len(images)} pictures and {len(texts)} texts; it needs one text per picture"
        )
    check_pictures(instrument, images)


def check_pictures(instrument: str, images: Sequence[Image]) -> None:
    """Refuses pictures without a pixel.

    Raises:
        InputError: a picture is empty.
    """
    for number, image in enumerate(images):
        if 0 in image.size:
            raise InputError(
                f"{instrument}: picture {number} has {image.width}x{image.height} pixels, so there is "
                "nothing to read"
            )


def distinct_pictures(images: Sequence[Image]) -> tuple[list[Image], list[int]]:
    """The different picture objects in order of appearance, and for every picture the place of its own."""
    # Held in a list: a sequence that opens its pictures on access would have ids used twice.
    pictures = list(images)
    places: dict[int, int] = {}
    place_of = [places.setdefault(id(image), len(places)) for image in pictures]
    distinct = dict(zip(place_of, pictures, strict=True))
    return list(distinct.values()), place_of


def distinct_texts(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """The different texts in order of appearance, and for every text the place of its own."""
    places: dict[str, int] = {}
    place_of = [places.setdefault(text, len(places)) for text in texts]
    return list(places), place_of


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """``items`` in order, at most ``size`` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
