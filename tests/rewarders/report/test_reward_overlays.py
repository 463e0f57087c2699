"""Maps over pictures: both readings from the same scores, and what a card is told."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.rewarders.base import Reward
from selfreward_eval.rewarders.report.cards import places
from selfreward_eval.rewarders.report.overlays import BAD, GOOD, details, map_overlays, region_boxes
from selfreward_eval.rewarders.srum.maps import Region, code_map

REGIONS = [
    {"box": [0, 0, 8, 8], "label": "star", "score": -1.0, "identified": "is there a star?", "reason": ""},
    {"box": [8, 8, 16, 16], "label": "ring", "score": 1.0, "identified": "is there a ring?", "reason": ""},
    {"box": [0, 8, 8, 16], "label": "", "score": None, "identified": "", "reason": "no score"},
]
EVIDENCE = {"layout": 1.0, "regions": REGIONS, "layout_answers": [{"question": "how many?", "yes": 0.5}]}


def reward() -> Reward:
    painted = code_map((16, 16), [Region((8, 8, 16, 16), 1.0)], 1.0)
    return Reward(0.5, map=painted, evidence=EVIDENCE)


def pixel(url: str, x: int, y: int) -> tuple[int, ...]:
    image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGBA")
    found = image.getpixel((x, y))
    assert isinstance(found, tuple)
    return found


def test_the_paper_pushes_away_in_red_and_holds_in_green() -> None:
    paper = map_overlays(reward(), 16, 16)["paper"]
    assert pixel(paper, 2, 2)[:3] == BAD
    assert pixel(paper, 12, 12)[:3] == GOOD
    assert pixel(paper, 12, 2)[3] == 0


def test_what_the_paper_says_nothing_of_stays_clear_beside_a_good_region() -> None:
    evidence = {"layout": 1.0, "regions": REGIONS[1:]}
    found = Reward(1.0, map=np.ones((16, 16), dtype=np.float32), evidence=evidence)
    assert pixel(map_overlays(found, 16, 16)["paper"], 2, 2)[3] == 0


def test_as_released_a_bad_region_is_as_the_ground() -> None:
    code = map_overlays(reward(), 16, 16)["code"]
    assert pixel(code, 2, 2) == pixel(code, 12, 2)
    assert pixel(code, 12, 12) != pixel(code, 12, 2)


def test_a_map_of_another_rewarder_is_shown_as_it_is() -> None:
    assert set(map_overlays(Reward(0.0, map=np.zeros((300, 200), dtype=np.float32)), 200, 300)) == {"map"}


def test_a_reward_without_a_map_has_no_veil() -> None:
    assert map_overlays(Reward(0.5, evidence=EVIDENCE), 16, 16) == {}


def test_regions_are_boxes_with_their_scores() -> None:
    assert [box["label"] for box in region_boxes(reward())] == ["star -1.00", "ring +1.00"]
    assert region_boxes(Reward(0.5, evidence={"regions": "none"})) == []


def test_evidence_is_told_in_lines() -> None:
    assert details(EVIDENCE) == [
        "how many? 0.50",
        "star: is there a star? -1.00",
        "ring: is there a ring? +1.00",
        "region: no score no score",
    ]


@pytest.mark.parametrize(
    ("values", "better", "expected"),
    [
        ([1.0, 2.0, 3.0], True, ["worst", "middle", "best"]),
        ([1.0, 2.0, 3.0], False, ["best", "middle", "worst"]),
        ([1.0, 1.0, 1.0, None], True, ["middle", "middle", "middle", "unscored"]),
        ([None], True, ["unscored"]),
    ],
)
def test_thirds_of_the_rewards(values: list[float | None], better: bool, expected: list[str]) -> None:
    assert places(values, better) == expected
