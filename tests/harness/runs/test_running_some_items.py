"""A sitting of some items: what is left stays open, and who finishes it cannot tell."""

from __future__ import annotations

import json
from pathlib import Path

from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

NAME = "shapes_geneval"


def ids(limit: int) -> list[str]:
    from selfreward_eval.harness.task import limited

    return [item.id for item in limited(ShapesGenEval().items(), limit)]


def test_only_the_items_asked_for_are_drawn(tmp_path: Path) -> None:
    names, model = ids(6), DummyModel()
    sitting = run(model, [ShapesGenEval()], tmp_path, limit=6, only={NAME: names[1:3]})
    assert (sitting.drawn, len(model.drawn), sitting.results_path) == (8, 8, None)
    assert json.loads((sitting.folder / "run.json").read_text())["status"] == "started"
    assert sitting.scores[NAME].failures == {"not_recorded": 16}


def test_a_task_that_is_not_named_waits(tmp_path: Path) -> None:
    model = DummyModel()
    assert run(model, [ShapesGenEval()], tmp_path, limit=6, only={}).drawn == 0


def test_the_last_sitting_finishes_the_run(tmp_path: Path) -> None:
    names = ids(6)
    run(DummyModel(), [ShapesGenEval()], tmp_path / "a", limit=6, only={NAME: names[3:]})
    last = run(DummyModel(), [ShapesGenEval()], tmp_path / "a", limit=6, only={NAME: names[:3]})
    whole = run(DummyModel(), [ShapesGenEval()], tmp_path / "b", limit=6)
    assert last.results_path is not None
    assert (last.scores, last.reused, last.drawn) == (whole.scores, 12, 12)
