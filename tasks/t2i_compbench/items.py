"""The official prompts as items, each with the facts that its rule needs.

An item's metadata says where its prompt stands and what is known of it; a
prompt reading "a red cup on a tray" would carry::

    {"file": "color_val.txt", "line": 12, "unseen": false, "tokens": ["a", "red", "cup", ...],
     "pos": ["DET", "ADJ", "NOUN", ...], "chunks": ["a red cup", "a tray"]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from selfreward_eval.harness.records import Item
from selfreward_eval.tasks.t2i_compbench.data import FIRST_UNSEEN, prompt_file
from selfreward_eval.tasks.t2i_compbench.facts import PromptFacts

ATTRIBUTES = ("color", "shape", "texture")


def item_id(category: str, line: int) -> str:
    """The id of the prompt in line ``line`` of its category, counted from 0."""
    return f"{category}-{line:03d}"


def load_items(
    categories: Sequence[str], colour_list: str, facts: Callable[[str, str], Sequence[PromptFacts]]
) -> list[Item]:
    """The items of ``categories`` in their order, 300 each.

    A prompt that occurs twice in its file (five do in the colour list of 2023) becomes two items of
    one cluster, because they are not independent prompts.

    Args:
        categories: which, in which order.
        colour_list: version of the colour prompts.
        facts: from category and colour list to the facts of its prompts.
    """
    return [
        item
        for category in categories
        for item in _items(category, colour_list, facts(category, colour_list))
    ]


def facts_of(item: Item) -> PromptFacts:
    """The facts that an item carries."""
    return PromptFacts.from_json(item.category, item.text, item.metadata)


def _items(category: str, colour_list: str, facts: Sequence[PromptFacts]) -> Iterator[Item]:
    file = Path(prompt_file(category, colour_list).path).name
    first: dict[str, str] = {}
    for line, prompt in enumerate(facts):
        name = item_id(category, line)
        metadata = {"file": file, "line": line, **prompt.to_json()}
        if category in ATTRIBUTES:
            metadata["unseen"] = line >= FIRST_UNSEEN
        cluster = first.setdefault(prompt.prompt, name)
        yield Item(id=name, text=prompt.prompt, category=category, cluster=cluster, metadata=metadata)
