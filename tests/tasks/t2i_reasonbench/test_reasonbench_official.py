"""Upstream's arithmetic, and parity with what its code gave."""

from __future__ import annotations

import json

import pytest
from support.paths import GOLDEN

from selfreward_eval.harness.errors import InputError, SelfRewardError
from selfreward_eval.tasks.parity import difference
from selfreward_eval.tasks.t2i_reasonbench.dimensions import DIMENSIONS, dimension_of
from selfreward_eval.tasks.t2i_reasonbench.official import official_picture, official_summary
from selfreward_eval.tasks.t2i_reasonbench.parity import READERS

IDIOM, SCIENTIFIC = DIMENSIONS["idiom"], DIMENSIONS["scientific"]


@pytest.mark.parametrize("name", sorted(READERS))
def test_every_recorded_case_agrees(name: str) -> None:
    path = GOLDEN / name
    if not path.is_file():
        pytest.skip(f"no golden file {name}: set SELFREWARD_GOLDEN")
    document = json.loads(path.read_text())
    for case in document["cases"]:
        crashed = "error" in case["expected"]
        try:
            expected, ours = READERS[name](document, case)
        except SelfRewardError:
            assert crashed, case["id"]
        else:
            assert not crashed, case["id"]
            assert difference(expected, ours) is None, case["id"]


def test_accuracy_weighs_details_where_there_are_any() -> None:
    assert IDIOM.accuracy({"reason": 0.5, "quality": 1.0}) == 0.5
    means = {"scientific": 1.0, "details": 0.5, "quality": 0.0}
    assert SCIENTIFIC.accuracy(means) == pytest.approx(0.85)
    assert dimension_of("entity").weights == {"entity": 0.7, "details": 0.3}


def test_a_picture_of_entity_has_no_official_row() -> None:
    replies = dict.fromkeys(DIMENSIONS["entity"].blocks, '{"score": [1]}')
    with pytest.raises(InputError, match="entity"):
        official_picture(DIMENSIONS["entity"], replies)


def test_scores_stay_as_they_are_unless_one_is_in_quotes() -> None:
    plain = official_picture(IDIOM, {"reason": '{"score": [1, 0]}', "quality": '{"score": [0.5]}'})
    quoted = official_picture(IDIOM, {"reason": '{"score": ["1", 0]}', "quality": '{"score": [1]}'})
    assert str(plain.scores) == "{'reason': [1, 0], 'quality': [0.5]}"
    assert str(quoted.scores) == "{'reason': [1.0, 0.0], 'quality': [1.0]}"


def test_rows_that_are_no_numbers_are_left_out_and_nan_is_a_number() -> None:
    assert official_summary(IDIOM, [[0.5, 1.0], ["N/A", 1.0], ["", ""], [1.0]]) == (50.0, 100.0)
    assert str(official_summary(IDIOM, [[0.5, 1.0], ["nan", 0.5]])) == "(nan, 75.0)"


def test_without_rows_there_is_no_mean() -> None:
    with pytest.raises(InputError, match="no mean"):
        official_summary(IDIOM, [["N/A", 1.0]])


def test_an_unknown_dimension_is_named() -> None:
    with pytest.raises(SelfRewardError, match="'humour'"):
        dimension_of("humour")
