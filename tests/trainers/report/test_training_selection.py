"""Which pictures are shown: extremes by their scores, and a sample that does not look at them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.comparing.compare import Run, load_run
from selfreward_eval.trainers.report.selection import EXTREMES, LEADING, SAMPLED, chosen, leading


@pytest.fixture(scope="module")
def pair(runs: Path) -> tuple[Run, Run]:
    return load_run(runs / "before"), load_run(runs / "after")


def of(choice: str, pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in pairs if one["choice"] == choice]


def test_improved_and_worsened_pairs_are_what_they_are_called(pair: tuple[Run, Run]) -> None:
    pairs = chosen("drawing", *pair)
    assert {one["verdict"] for one in of("improved", pairs)} == {"fixed"}
    assert {one["verdict"] for one in of("worsened", pairs)} == {"broken"}
    assert len(of("improved", pairs)) == EXTREMES


def test_of_equal_pairs_those_of_the_most_improved_items_come_first(pair: tuple[Run, Run]) -> None:
    """With two samples an item can gain 1 or a half; enough items gained 1 to fill the choice."""
    before, after = pair
    means: dict[str, dict[str, float]] = {}
    for name, run in (("a", before), ("b", after)):
        for record in run.records["drawing"]:
            of_item = means.setdefault(record.item.id, {"a": 0.0, "b": 0.0})
            of_item[name] += record.measurement.values["correct"] / 2
    improved = of("improved", chosen("drawing", before, after))
    assert all(means[one["item_id"]]["b"] - means[one["item_id"]]["a"] == 1.0 for one in improved)


def test_the_sample_has_as_many_items_of_every_category(pair: tuple[Run, Run]) -> None:
    sample = of("random", chosen("drawing", *pair))
    assert Counter(one["category"] for one in sample) == {"plain": SAMPLED, "counted": SAMPLED}
    assert len({one["item_id"] for one in sample}) == len(sample)


def test_the_sample_does_not_depend_on_the_scores(pair: tuple[Run, Run], runs: Path) -> None:
    keys = [
        [(one["item_id"], one["index"]) for one in of("random", chosen("drawing", pair[0], after))]
        for after in (pair[1], load_run(runs / "idle"))
    ]
    assert keys[0] == keys[1]


def test_a_task_without_change_has_a_sample_and_no_extremes(pair: tuple[Run, Run]) -> None:
    before, _ = pair
    assert {one["choice"] for one in chosen("drawing", before, before)} == {"random"}


def test_badges_speak_of_before_and_after(pair: tuple[Run, Run]) -> None:
    assert of("improved", chosen("drawing", *pair))[0]["badge"] == "Wrong before, right after"


def shown(card: dict[str, Any], **picture: Any) -> dict[str, Any]:
    """A card whose halves have pictures, as the page passes them."""
    halves = {side: {**card[side], "picture": picture or {"url": "data:,"}} for side in ("a", "b")}
    return {**card, **halves}


def test_a_page_leads_with_the_sample_from_every_category_in_turn(pair: tuple[Run, Run]) -> None:
    first = leading([shown(card) for card in chosen("drawing", *pair)])
    assert {card["choice"] for card in first} == {"random"}
    categories = [card["category"] for card in first]
    assert len(first) == LEADING
    assert categories == categories[:2] * (LEADING // 2)
    assert len(set(categories)) == 2


def test_a_page_leads_with_neither_answers_nor_lost_pictures(pair: tuple[Run, Run]) -> None:
    assert leading([shown(card) for card in chosen("answering", *pair)]) == []
    assert leading([shown(card, problem="gone") for card in chosen("drawing", *pair)]) == []
