"""Options weighed together have the values they have one by one, and share what they share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from selfreward_eval.harness.models.janus import likelihood, states
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
CLOSE: dict[str, Any] = {"rtol": 0.0, "atol": 1e-5}


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


def test_every_picture_and_every_question_is_read_once(
    janus: Make, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row of a picture is its own tokens, each question's, and each longer option's but the last."""
    model = janus()
    lengths: list[int] = []
    before = likelihood.read_rows

    def counting(network: Any, rows: Any, features: torch.Tensor) -> Any:
        lengths.extend(len(row.ids) for row in rows)
        assert len(features) == 2
        return before(network, rows, features)

    monkeypatch.setattr(likelihood, "read_rows", counting)
    questions = ("is it a star?", "how many are there?", "why?")
    asked = [(k, question, ["yes", "no", "a red star"]) for k in (0, 1) for question in questions]
    weighed(model, pictures, asked)
    ids = model._question_ids(list(questions))
    shared = next(k for k, tokens in enumerate(zip(*ids, strict=False)) if len(set(tokens)) > 1)
    (option,) = model._scored_ids(["a red star"])
    whole = shared + sum(len(row) - shared + len(option) - 1 for row in ids)
    assert lengths == [whole, whole]


def test_many_questions_about_one_picture_go_into_several_rows(janus: Make, pictures: Pictures) -> None:
    model = janus()
    words = ("star", "circle", "ring", "square", "cross", "heart")
    asked = [(0, f"how many {a} and {b} are there?", ["one", "a red star"]) for a in words for b in words]
    rows: list[int] = []
    before = likelihood.read_rows

    def counting(network: Any, given: Any, features: torch.Tensor) -> Any:
        rows.append(len(given))
        return before(network, given, features)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(likelihood, "read_rows", counting)
        found = weighed(model, pictures, asked)
    assert rows[0] > 1
    assert_as_one_by_one(model, pictures, found, asked)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_layers_in_place_give_transformers_own_values(
    janus: Make, pictures: Pictures, monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    model = janus(dtype)
    ours = weighed(model, pictures)
    monkeypatch.setattr(states, "_is_plain", lambda *_: False)
    theirs = weighed(model, pictures)
    tolerance: dict[str, Any] = {"rtol": 0.0, "atol": 1e-5 if dtype == "float32" else 1e-7}
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, **tolerance)


def test_a_layer_that_is_not_plain_is_left_to_transformers(janus: Make, pictures: Pictures) -> None:
    model = janus()
    ours = weighed(model, pictures)
    layer = model.loaded.model.model.language_model.layers[0]
    handle = layer.register_forward_hook(lambda _module, _arguments, output: output * 1.5)
    try:
        hooked = weighed(model, pictures)
    finally:
        handle.remove()
    assert not torch.allclose(ours[0][0], hooked[0][0])
    assert_equal(weighed(model, pictures), ours)


def test_values_do_not_depend_on_what_else_is_asked(janus: Make, pictures: Pictures) -> None:
    """To the last bit: in float64 what rounding leaves is far below what float32 shows."""
    model = janus()
    together = weighed(model, pictures)
    assert_equal(weighed(model, pictures, ASKED[::-1])[::-1], together)
    assert_equal([weighed(model, pictures, [one])[0] for one in ASKED], together)


def assert_equal(found: list[list[torch.Tensor]], expected: list[list[torch.Tensor]]) -> None:
    for mine, other in zip(found, expected, strict=True):
        assert len(mine) == len(other)
        assert all(map(torch.equal, mine, other))


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
