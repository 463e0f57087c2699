"""``shapes_llava_bench_hard``: the conversation and the judge of ``shapes_llava_bench``, harder questions.

``shapes_llava_bench`` is near its ceiling for the model ``tiny``, so it can show a loss of understanding
and no gain. Here descriptions are longer, counts go up to nine, relations are of three objects, questions
are negated, and textures are half hidden. 120 scenes with three questions each; the scene is the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from selfreward_eval.harness.records import Item
from selfreward_eval.harness.task import TaskInfo
from selfreward_eval.tasks.shapes.llavabench.task import ShapesLlavaBench


class ShapesLlavaBenchHard(ShapesLlavaBench):
    """The harder embedded suite of open answers; needs no download.

    Args: as of :class:`~selfreward_eval.tasks.shapes.llavabench.task.ShapesLlavaBench`.
    """

    info = TaskInfo(
        name="shapes_llava_bench_hard",
        version="1",
        title="LLaVA-Bench's turns on harder scenes of the shapes world: 360 questions about 120 scenes",
        paper="Liu et al. 2023, arXiv:2304.08485 (protocol); items are this project's",
        images_per_item=1,
        capability="answer",
        licence="Apache-2.0",
        comparable="not comparable with LLaVA-Bench or shapes_llava_bench: same turns, other questions",
    )

    def items(self) -> Sequence[Item]:
        """The 360 questions, scene by scene."""
        from selfreward_eval.tasks.shapes.judge.facts import facts
        from selfreward_eval.tasks.shapes.llavabench_hard.items import questions

        return [
            Item(
                id=f"{row.number:03d}-{row.question.kind}",
                text=row.question.text,
                category=row.category,
                cluster=f"{row.number:03d}",
                metadata={
                    "context": facts(row.scene),
                    "reference": row.question.answer,
                    "kind": row.question.kind,
                    "scene": row.world,
                },
            )
            for row in questions()
        ]

    def options(self) -> Mapping[str, Any]:
        """Also the digest of the questions."""
        from selfreward_eval.tasks.shapes.llavabench_hard.items import digest

        return {**super().options(), "questions": digest()}
