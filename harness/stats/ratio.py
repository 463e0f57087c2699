"""Scores that are a ratio of two means, such as LLaVA-Bench's 100 * mean(answer) / mean(reference).

A ratio is not the mean of anything, so its error is found by linearising: item q is
replaced by R + e_q, e_q = scale * (s_q - (R / scale) g_q) / mean(g). The mean of these
values is R and their spread gives its standard error, so that intervals,
clusters and paired tests apply to them as to any other item values.

>>> ratio_values([4.0, 6.0], [8.0, 8.0])
[50.0, 75.0]
"""

from __future__ import annotations

from math import fsum

from selfreward_eval.harness.stats.means import Values

__all__ = ["ratio_values"]


def ratio_values(scores: Values, references: Values, scale: float = 100.0) -> list[float]:
    """One value per item whose mean is the ratio and whose spread is its uncertainty.

    For a comparison take these of both arms and pair them item by item, as
    :mod:`selfreward_eval.harness.comparing.relative` does. Where items come in clusters (questions about one
    picture) pass the result to :func:`selfreward_eval.harness.stats.means.cluster_values`.

    Args:
        scores: what the model got, shape (n,), n >= 1.
        references: what the reference answer got, shape (n,); their mean must not be 0.
        scale: the ratio of equals; 100 for per cent.

    Raises:
        ValueError: shapes that differ, no items, or references with a mean of 0.
    """
    if len(scores) != len(references):
        raise ValueError(f"{len(scores)} scores but {len(references)} references")
    if len(scores) == 0:
        raise ValueError("a ratio needs at least one item")
    reference_mean = fsum(float(value) for value in references) / len(references)
    if reference_mean == 0:
        raise ValueError("the references have a mean of 0, so there is no ratio to it")
    ratio = fsum(float(value) for value in scores) / len(scores) / reference_mean
    return [
        scale * (ratio + (float(score) - ratio * float(reference)) / reference_mean)
        for score, reference in zip(scores, references, strict=True)
    ]
