"""Items for training and tuning: sampled like a benchmark's items, and disjoint from them.

``training`` and ``development`` share no text (a text belongs to one of them by its hash), and neither
holds a text that any embedded benchmark evaluates, nor one that asks for a held-out colour-shape pair.

>>> [item.text for item in drawn("shapes_t2i_compbench", "development", 2, seed=0)]  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from typing import Literal

import numpy as np

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Item
from selfreward_eval.tasks.shapes.compbench import requests as compbench
from selfreward_eval.tasks.shapes.compbench.facts import facts
from selfreward_eval.tasks.shapes.reasonbench import requests as reasonbench
from selfreward_eval.tasks.shapes.reasonbench.questions import blocks
from selfreward_eval.tasks.shapes.requests import TAGS, all_requests, evaluation, training_sentences
from selfreward_eval.tasks.shapes.sampling import choose

Split = Literal["training", "development"]

DEVELOPMENT = 4
"""One text in this many belongs to the development split."""

PATIENCE = 4000
"""Number of samples without a new text after which a category counts as exhausted."""


def drawn(benchmark: str, split: Split, count: int, seed: int) -> list[Item]:
    """``count`` different items in the benchmark's wordings, its categories in turn.

    Args:
        benchmark: ``shapes_geneval``, ``shapes_t2i_compbench`` or ``shapes_t2i_reasonbench``.
        split: which part of the texts.
        count: items.
        seed: of the draw.

    Raises:
        UsageError: no such benchmark, or it has not so many different texts.
    """
    if benchmark not in MAKERS:
        raise UsageError(
            f"no training or development items are known for {benchmark!r}; known: {', '.join(MAKERS)}"
        )
    categories, make = MAKERS[benchmark]
    rng = np.random.default_rng((seed, *benchmark.encode()))
    by_text: dict[str, Item] = {}
    unexhausted = list(categories)
    while unexhausted and len(by_text) < count:
        for category in list(unexhausted):
            item = _new(rng, category, make, split, by_text)
            if item is None:
                unexhausted.remove(category)
            elif len(by_text) < count:
                by_text[item.text] = item
    if len(by_text) < count:
        raise UsageError(
            f"{benchmark} has only {len(by_text)} different {split} texts, {count} are asked for"
        )
    return list(by_text.values())


def split_of(text: str) -> Split:
    """The split that a text belongs to."""
    bucket = int.from_bytes(sha256(text.encode()).digest()[:4], "big") % DEVELOPMENT
    return "development" if bucket == 0 else "training"


@cache
def evaluated() -> frozenset[str]:
    """Every text that an embedded benchmark evaluates or reserves."""
    asked = {text for text, _ in evaluation()}
    return frozenset(asked | compbench.withheld() | reasonbench.withheld())


_Maker = Callable[[np.random.Generator, str], Item | None]


def _new(
    rng: np.random.Generator, category: str, make: _Maker, split: Split, by_text: dict[str, Item]
) -> Item | None:
    """A new item of ``category``; None after :data:`PATIENCE` samples without one."""
    for _ in range(PATIENCE):
        item = make(rng, category)
        if item is None or item.text in by_text or item.text in evaluated():
            continue
        if split_of(item.text) == split and not item.metadata.get("unseen"):
            return item
    return None


def _geneval(rng: np.random.Generator, tag: str) -> Item | None:
    requests = all_requests(tag)
    request = requests[int(rng.integers(len(requests)))]
    sentences = training_sentences(request)
    if not sentences:
        return None
    text = choose(rng, sentences)
    return Item(_id(text), text, tag, metadata=request.metadata(text))


def _compbench(rng: np.random.Generator, category: str) -> Item:
    request = compbench.draw(rng, category)
    metadata = {**facts(request).to_json(), "unseen": request.unseen}
    return Item(_id(request.text), request.text, category, metadata=metadata)


def _reasonbench(rng: np.random.Generator, dimension: str) -> Item:
    request = reasonbench.draw(rng, dimension)
    metadata = {
        "tag": request.tag,
        "meaning": request.meaning,
        "unseen": request.unseen,
        "blocks": blocks(request),
    }
    return Item(_id(request.text), request.text, dimension, metadata=metadata)


def _id(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


MAKERS: dict[str, tuple[Sequence[str], _Maker]] = {
    "shapes_geneval": (TAGS, _geneval),
    "shapes_t2i_compbench": (compbench.CATEGORIES, _compbench),
    "shapes_t2i_reasonbench": (reasonbench.DIMENSIONS, _reasonbench),
}
"""Benchmark -> its categories, and what makes an item of one."""
