"""Cards: what one sample's record becomes on a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.report.cards import (
    VerdictRule,
    card,
    embedding_order,
    filters,
    picture_path,
    with_picture,
)
from selfreward_eval.harness.report.notation import PLAIN, SHARE

RULE = VerdictRule("correct", best=1.0, higher_is_better=True, binary=True, notation=SHARE)


def record(value: float | None, *, evidence: dict[str, Any] | None = None, **metadata: Any) -> SampleRecord:
    item = Item("00001", "a red star", "colors", metadata=metadata)
    status = Status.SUCCESS if value is not None else Status.JUDGE_PARSE_ERROR
    values = {} if value is None else {"correct": value}
    sample = Sample(item.id, 2, 2**63 - 1, image="images/t/00001/2.png")
    return SampleRecord(6, item, sample, Measurement(status, values, "because", evidence or {}))


@pytest.mark.parametrize(("value", "key", "badge"), [(1.0, "right", "Right"), (0.0, "wrong", "Wrong")])
def test_a_binary_metric_is_right_or_wrong(value: float, key: str, badge: str) -> None:
    shown = card(record(value), "t", RULE)
    assert (shown["verdict"], shown["badge"]) == (key, badge)


def test_where_less_is_better_the_least_value_is_right() -> None:
    rule = VerdictRule("correct", best=0.0, higher_is_better=False, binary=True, notation=SHARE)
    assert card(record(0.0), "t", rule)["verdict"] == "right"


def test_a_graded_metric_shows_its_number_instead_of_a_verdict() -> None:
    rule = VerdictRule("correct", best=10.0, higher_is_better=True, binary=False, notation=PLAIN)
    shown = card(record(6.5), "t", rule)
    assert (shown["verdict"], shown["badge"]) == ("graded", "6.500")


def test_a_sample_without_a_number_shows_its_status() -> None:
    shown = card(record(None), "t", RULE)
    assert (shown["verdict"], shown["badge"]) == ("unscored", "Judge parse error")


def test_a_seed_keeps_every_digit() -> None:
    assert card(record(1.0), "t", RULE)["seed"] == "9223372036854775807"


def test_boxes_that_cannot_be_drawn_are_left_out() -> None:
    good = {"label": "star", "box": [0, 0, 4, 4], "score": 0.5, "colour": "red", "kept": True}
    damaged = [{"label": "x"}, {"label": "x", "box": [1, 2]}, {"label": "x", "box": [0, 0, float("inf"), 1]}]
    assert card(record(1.0, evidence={"boxes": [good, *damaged]}), "t", RULE)["boxes"] == [good]


def test_boxes_are_drawn_only_over_a_picture() -> None:
    box = {"label": "star", "box": [0, 0, 4, 4], "score": 0.5, "colour": "red", "kept": True}
    shown = card(record(1.0, evidence={"boxes": [box]}), "t", RULE)
    picture = {"url": "data:,", "width": 48, "height": 48, "pixelated": True}
    assert with_picture(shown, picture)["overlay"]["boxes"]
    assert with_picture(shown, {"problem": "missing"})["overlay"] is None
    assert with_picture(shown, None)["overlay"] is None


def test_a_record_cannot_reach_out_of_its_run_folder(tmp_path: Path) -> None:
    assert picture_path(tmp_path, {"image": "images/a.png"}) == tmp_path / "images/a.png"
    assert picture_path(tmp_path, {"image": "../secret.png"}) is None
    assert picture_path(tmp_path, {"image": "/etc/hostname"}) is None
    assert picture_path(tmp_path, {"image": None}) is None


def test_filters_offer_what_there_is_with_counts() -> None:
    cards = [card(record(v, unseen=u), "t", RULE) for v, u in ((1.0, True), (0.0, False), (0.0, True))]
    offer = filters(cards)
    assert offer["verdicts"] == [("right", "Right", 1), ("wrong", "Wrong", 2)]
    assert offer["categories"] == [("colors", "colors", 3)]
    assert (offer["unseen"], offer["total"], offer["boxes"]) == (2, 3, False)


def test_a_full_page_leaves_out_later_samples_before_first_ones() -> None:
    cards = [{"item_id": item, "index": index} for item in "ab" for index in range(2)]
    order = [(entry["item_id"], entry["index"]) for entry in embedding_order(cards)]
    assert order == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
