"""The embedded LLaVA-Bench in both orders, through the runner and the command line's arguments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.api.arguments import construct, parse
from selfreward_eval.harness.comparing.compare import compare_runs, load_run
from selfreward_eval.harness.errors import NotComparable
from selfreward_eval.harness.instruments.judging import Conversation, Reply
from selfreward_eval.harness.runs.run import run
from selfreward_eval.tasks.shapes.judge.judge import ShapesJudge
from selfreward_eval.tasks.shapes.llavabench.task import ShapesLlavaBench


class Always:
    """Says one thing about everything."""

    def identity(self) -> dict[str, Any]:
        return {"name": "always"}

    def answer(self, images: Sequence[Image.Image], asked: Sequence[str]) -> list[str]:
        return ["red"] * len(images)


class LikesTheFirst(ShapesJudge):
    """Weighs both answers, then gives the first place a point, as far as the scale goes."""

    def replies(self, conversations: Sequence[Conversation]) -> list[Reply]:
        found = []
        for reply in super().replies(conversations):
            first, second = str(reply.text).splitlines()[0].split()
            found.append(Reply(f"{min(10.0, float(first) + 1):g} {second}"))
        return found


def test_a_judge_that_goes_by_facts_does_not_care_for_the_order(tmp_path: Path) -> None:
    task = construct(ShapesLlavaBench, parse("swap=true", "--task-args"), "task", "--task-args")
    scores = run(Always(), [task], tmp_path / "both", limit=9).scores["shapes_llava_bench"]
    plain = run(Always(), [ShapesLlavaBench()], tmp_path / "one", limit=9).scores["shapes_llava_bench"]
    assert scores.version == "1-swapped"
    assert (scores.extra["swap_flipped"], scores.extra["swap_first_place"]) == (0.0, 0.0)
    assert scores.overall.value == plain.overall.value


def test_a_judge_with_a_liking_is_told_apart(tmp_path: Path) -> None:
    task = ShapesLlavaBench(LikesTheFirst(), swap=True)
    scores = run(Always(), [task], tmp_path, limit=9).scores["shapes_llava_bench"]
    assert 0 < scores.extra["swap_first_place"] <= 1


def test_both_orders_and_one_are_never_compared(tmp_path: Path) -> None:
    folders = [
        run(Always(), [ShapesLlavaBench(swap=swap)], tmp_path / str(swap), limit=3).folder
        for swap in (False, True)
    ]
    with pytest.raises(NotComparable, match=r'version: "1" != "1-swapped"'):
        compare_runs(*map(load_run, folders))
