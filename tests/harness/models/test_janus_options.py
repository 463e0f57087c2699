"""Options weighed together have the values they have one by one, and share what they share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from selfreward_eval.harness.models.janus.adapter import JanusModel

Make = Callable[..., JanusModel]
Pictures = list[Image.Image]

ASKED = [
    (0, "how many circles are there?", ["one", "two", "a red star"]),
    (0, "is there a star?", ["yes", "no"]),
    (1, "how many circles are there in this image?", ["two", "a ring above a cross", "a ring"]),
    (2, "is there a star?", ["yes"]),
    (0, "how many circles are there?", ["three blue circles"]),
]
"""Picture, question, options: of different lengths, with a picture and a question that come again."""
CLOSE = {"rtol": 0.0, "atol": 1e-5}


@pytest.fixture(params=["tiny", "hub"])
def model(request: pytest.FixtureRequest, janus: Make, hub_checkpoint: Path) -> JanusModel:
    """Both layouts of checkpoint, in exact arithmetic."""
    return janus() if request.param == "tiny" else JanusModel(str(hub_checkpoint), dtype="float64")


def weighed(model: JanusModel, pictures: Pictures, asked: Any = ASKED) -> list[list[torch.Tensor]]:
    columns = ([pictures[k] for k, _, _ in asked], [q for _, q, _ in asked], [o for _, _, o in asked])
    return model.option_logprobs(*columns)


def assert_as_one_by_one(
    model: JanusModel, pictures: Pictures, found: list[list[torch.Tensor]], asked: Any = ASKED
) -> None:
    for (k, question, options), row in zip(asked, found, strict=True):
        for option, scores in zip(options, row, strict=True):
            (alone,) = model.text_logprobs([pictures[k]], [option], question=question)
            torch.testing.assert_close(scores, alone, **CLOSE)


def test_values_are_those_of_one_text_at_a_time(model: JanusModel, pictures: Pictures) -> None:
    assert_as_one_by_one(model, pictures, weighed(model, pictures))


def test_a_single_row_is_enough(model: JanusModel, pictures: Pictures) -> None:
    assert_as_one_by_one(model, pictures, weighed(model, pictures, ASKED[:1]), ASKED[:1])


def test_options_of_one_token_need_no_second_pass(
    janus: Make, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures and questions are read once each; nothing is read for the options."""
    model = janus()
    lengths: list[tuple[int, ...]] = []
    inner = model.loaded.model.model
    before = type(inner).forward

    def counting(self: Any, input_ids: torch.Tensor, **rest: Any) -> Any:
        lengths.append(tuple(input_ids.shape))
        return before(self, input_ids=input_ids, **rest)

    monkeypatch.setattr(type(inner), "forward", counting)
    asked = [(k, question, ["yes", "no"]) for k in (0, 1) for question in ("is it?", "is it red?", "why?")]
    weighed(model, pictures, asked)
    assert [rows for rows, _ in lengths] == [2, 6]


def test_a_template_that_asks_before_it_shows_is_read_right(
    hub_checkpoint: Path, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = JanusModel(str(hub_checkpoint), dtype="float64")
    told = model._question_ids
    picture = model.loaded.model.config.image_token_id

    def turned(questions: list[str]) -> list[list[int]]:
        rows = []
        for row in told(questions):
            start, stop = row.index(picture), len(row) - row[::-1].index(picture)
            rows.append([*row[:start], *row[stop:-2], *row[start:stop], *row[-2:]])
        return rows

    monkeypatch.setattr(model, "_question_ids", turned)
    assert_as_one_by_one(model, pictures, weighed(model, pictures))


def test_an_empty_option_has_no_token(janus: Make, pictures: Pictures) -> None:
    ((nothing, yes),) = janus().option_logprobs(pictures[:1], ["is it?"], [["", "yes"]])
    assert (nothing.shape, yes.shape) == ((0,), (1,))


def test_nothing_asked_is_nothing_answered(janus: Make) -> None:
    assert janus().option_logprobs([], [], []) == []


def test_columns_of_different_length_are_refused(janus: Make, pictures: Pictures) -> None:
    with pytest.raises(ValueError, match="2 pictures, 1 questions, 1 lists"):
        janus().option_logprobs(pictures[:2], ["is it?"], [["yes"]])
