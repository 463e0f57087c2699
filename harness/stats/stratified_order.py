"""The random order in which a sequential gate looks at items, and the weights of a macro score.

Items must come in random order, so that those seen so far are a random sample of all. The order is
stratified, which keeps the share of every category near its overall share at each look.

>>> sorted(stratified_order(["a", "b", "a"], seed=0))
[0, 1, 2]
>>> macro_weights(["a", "b", "a", "a"])
[0.6666666666666666, 2.0, 0.6666666666666666, 0.6666666666666666]
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

__all__ = ["macro_weights", "stratified_order"]


def stratified_order(categories: Sequence[Hashable], seed: int) -> list[int]:
    """A random order of items in which every stretch holds the categories in about their overall shares.

    The items of a category of size G are permuted; item j of them gets a uniformly random position
    within [j / G, (j + 1) / G), and all items are sorted by position.

    Args:
        categories: the category of every item, shape (n,).
        seed: of the order.

    Returns:
        Item numbers, a permutation of 0 .. n - 1.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    members: dict[Hashable, list[int]] = {}
    for item, category in enumerate(categories):
        members.setdefault(category, []).append(item)
    positions = np.empty(len(categories))
    for items in members.values():
        positions[items] = (rng.permutation(len(items)) + rng.random(len(items))) / len(items)
    return [int(item) for item in np.argsort(positions, kind="stable")]


def macro_weights(categories: Sequence[Hashable]) -> list[float]:
    """Weights under which the plain mean over items is the unweighted mean over categories.

    n / (K G_j) for an item of category j; their mean is 1.

    Args:
        categories: the category of every item, shape (n,).
    """
    counts: dict[Hashable, int] = {}
    for category in categories:
        counts[category] = counts.get(category, 0) + 1
    return [len(categories) / (len(counts) * counts[category]) for category in categories]
