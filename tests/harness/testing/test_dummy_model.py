"""The dummy model: deterministic, and failing only where it was asked to."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.models.base import capabilities, require
from selfreward_eval.harness.testing.dummy_model import DummyModel

PROMPTS = ["a red circle", "two stars", "a red circle"]


def test_a_picture_depends_on_prompt_and_seed_alone() -> None:
    together = DummyModel().generate(PROMPTS, [1, 1, 2])
    alone = [DummyModel().generate([p], [s])[0] for p, s in zip(PROMPTS, [1, 1, 2], strict=True)]
    assert [p.tobytes() for p in together if p] == [p.tobytes() for p in alone if p]
    assert len({p.tobytes() for p in together if p}) == 3


@pytest.mark.parametrize("size", [8, 13, 48])
def test_pictures_have_the_size_that_was_asked_for(size: int) -> None:
    for seed in range(20):
        (picture,) = DummyModel(size=size).generate(["a cat"], [seed])
        assert picture is not None
        assert (picture.size, picture.mode) == ((size, size), "RGB")
        assert len(picture.getcolors() or []) == 2


def test_a_failing_prompt_takes_its_batch_with_it() -> None:
    model = DummyModel(fail="star")
    with pytest.raises(RuntimeError, match="asked to fail for 'two stars'"):
        model.generate(PROMPTS, [0, 0, 0])
    assert model.drawn == []


def test_a_missing_prompt_gives_none_and_is_not_counted() -> None:
    model = DummyModel(missing=["star", "square"])
    assert [picture is None for picture in model.generate(PROMPTS, [0, 1, 2])] == [False, True, False]
    assert model.drawn == [("a red circle", 0), ("a red circle", 2)]


def test_the_log_has_a_line_for_every_picture(tmp_path: Path) -> None:
    for _ in range(2):
        DummyModel(log=tmp_path / "log").generate(PROMPTS, [0, 1, 2])
    assert (tmp_path / "log").read_text().splitlines()[:3] == [
        "0\ta red circle",
        "1\ttwo stars",
        "2\ta red circle",
    ]
    assert len((tmp_path / "log").read_text().splitlines()) == 6


def test_identity_holds_what_can_change_a_picture() -> None:
    plain = DummyModel().identity()
    assert DummyModel(log="log", seconds=1.0).identity() == plain
    assert all(
        other.identity() != plain
        for other in (DummyModel(size=16), DummyModel(fail="a"), DummyModel(missing="a"), DummyModel("b"))
    )


def test_it_offers_drawing_and_nothing_else() -> None:
    assert capabilities(DummyModel) == ["generate"]
    assert require(DummyModel(), "generate", "a test")


@pytest.mark.parametrize("arguments", [{"size": 7}, {"size": "big"}, {"seconds": -1}, {"seconds": "long"}])
def test_impossible_arguments_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(arguments))):
        DummyModel(**arguments)  # type: ignore[arg-type]
