"""Upstream's exact arithmetic, with its crashes as errors: for parity and for the official numbers.

Source: KaiyueSun98/T2I-ReasonBench at efc1d20, ``evaluation/Qwen2.5-VL/eval_*.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.t2i_reasonbench.dimensions import Dimension
from selfreward_eval.tasks.t2i_reasonbench.parsing import official_scores

BROKEN = "entity"
"""The dimension whose script ends with an error on every picture at that commit; corrected upstream later."""


@dataclass(frozen=True)
class OfficialPicture:
    """One picture's row in upstream's table.

    Attributes:
        scores: block -> the scores as upstream writes them: unchanged, or as floats.
        means: block -> their mean.
    """

    scores: dict[str, list[Any]]
    means: dict[str, float]


def official_picture(dimension: Dimension, replies: Mapping[str, str]) -> OfficialPicture:
    """A picture's row from the replies to its blocks.

    Raises:
        InputError: upstream's run would end here. With :data:`BROKEN` it always does.
    """
    if lacking := [block for block in dimension.blocks if block not in replies]:
        raise InputError(f"the picture has no reply to the block {lacking[0]!r}; ask the judge anew")
    raw_scores = {block: official_scores(replies[block]) for block in dimension.blocks}
    try:
        if len(dimension.weights) > 1:
            scores = {block: [float(value) for value in values] for block, values in raw_scores.items()}
        else:
            scores = _as_they_are(raw_scores)
        means = {block: sum(values) / len(values) for block, values in scores.items()}
    except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise InputError(f"the scores cannot be averaged ({error})") from error
    if dimension.name == BROKEN:
        raise InputError(
            "upstream's script for entity ends with an error on every picture at the pinned commit, so no "
            "picture of it has an official row"
        )
    return OfficialPicture(scores, means)


def _as_they_are(raw_scores: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Scores unchanged if they can be summed; otherwise all as floats."""
    try:
        for values in raw_scores.values():
            sum(values) / len(values)
    except Exception:
        # Upstream also catches any error here; only the conversion can then fail.
        return {block: [float(value) for value in values] for block, values in raw_scores.items()}
    return dict(raw_scores)


def official_summary(dimension: Dimension, rows: Sequence[Sequence[Any]]) -> tuple[float, float]:
    """(accuracy, quality) in per cent, rounded as upstream prints them.

    Args:
        dimension: of all rows.
        rows: the last columns of the table: the blocks' means in order. Rows without numbers are
            left out, as upstream does; nan is a number, so one such row makes the mean nan.

    Raises:
        InputError: no row can be read; upstream divides by zero.
    """
    accuracy = quality = 0.0
    count = 0
    width = len(dimension.blocks)
    for row in rows:
        if not isinstance(row, list | tuple):
            raise InputError(f"{row!r} is no row of the table")
        try:
            values = [float(str(value)) for value in row[-width:]]
            means = dict(zip(dimension.blocks, values, strict=True))
        except ValueError:
            continue
        accuracy += dimension.accuracy(means)
        quality += values[-1]
        count += 1
    if not count:
        raise InputError("no row holds numbers, so there is no mean")
    return round(accuracy / count * 100, 2), round(quality / count * 100, 2)
