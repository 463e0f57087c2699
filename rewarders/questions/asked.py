"""What a question maker returns, and what a question maker is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from selfreward_eval.rewarders.asking import Question

__all__ = ["Asked", "Maker"]


@dataclass(frozen=True)
class Asked:
    """Questions about the pictures of one prompt.

    Attributes:
        objects: for each object that the prompt names, what is asked of a picture that may show only
            this object; it is there if every answer is yes.
        layout: about the whole picture: what is in it, how many, and how they stand.
        whole: the questions into which the prompt is taken apart for a picture as a whole.
    """

    objects: tuple[tuple[Question, ...], ...]
    layout: tuple[Question, ...]
    whole: tuple[Question, ...]


Maker: TypeAlias = Callable[[str, Mapping[str, Any]], Asked]
"""(prompt, the item's metadata) -> questions. Raises InputError for a prompt that it cannot take apart."""
