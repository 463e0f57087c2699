"""``shapes_questions``: short questions about rendered scenes, scored by string comparison.

It measures whether training on self-rewards reduces understanding. It needs no judge,
and an answer takes a few tokens, so that there are enough questions to detect a loss
of one point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Item, Measurement, Sample, Status
from selfreward_eval.harness.task import Metric, Task, TaskInfo

if TYPE_CHECKING:
    from PIL.Image import Image


class ShapesQuestions(Task):
    """Visual question answering on the shapes world; needs no download and no instrument.

    The score is the share of right answers over all questions, not the mean over kinds. A scene has
    questions of several kinds, so kinds are not independent, and the scene is the cluster. The kinds
    are nearly equally frequent, so both scores are nearly equal, and the share has the smaller error.
    """

    info = TaskInfo(
        name="shapes_questions",
        version="1",
        title="Exact-match questions on the shapes world: eleven kinds about 264 scenes",
        paper="",
        images_per_item=1,
        capability="answer",
        licence="Apache-2.0",
        comparable="a benchmark of this project; there are no published numbers",
    )
    metrics = (Metric("accuracy", macro=False),)

    def items(self) -> Sequence[Item]:
        """Every question, scene by scene."""
        from selfreward_eval.tasks.shapes.judge.facts import facts
        from selfreward_eval.tasks.shapes.questions.items import questions

        return [
            Item(
                id=f"{asked.number:03d}-{asked.question.kind}",
                text=asked.question.text,
                category=asked.question.kind,
                cluster=f"{asked.number:03d}",
                metadata={
                    "context": facts(asked.scene),
                    "reference": asked.question.answer,
                    "scene": asked.world,
                },
            )
            for asked in questions()
        ]

    def input_image(self, item: Item) -> Image:
        """The scene's picture, 48 x 48."""
        from PIL import Image as PillowImage

        from selfreward_eval.tasks.shapes.judge.facts import scene_of
        from selfreward_eval.tasks.shapes.render import render

        scene = scene_of(item.metadata["context"])
        if scene is None:
            raise UsageError(f"{self.info.name}: item {item.id!r} holds no scene; load it anew")
        return PillowImage.fromarray(render(scene))

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        """None: answers are compared with the right ones."""
        return {}

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        """1 for the right answer, 0 for any other; an empty answer is a wrong one."""
        return [
            compared(sample.text, item.metadata["reference"])
            for item, sample in zip(items, samples, strict=True)
        ]


def compared(answer: str | None, reference: str) -> Measurement:
    """The measurement of one answer.

    Case, blanks at either end and a full stop at the end do not count; everything else does.
    """
    if answer is None:
        return Measurement(Status.GENERATION_ERROR, reason="no answer is recorded")
    right = answer.lower().strip().rstrip(".") == reference
    reason = f"{reference!r} is right" if right else f"said {answer!r}; {reference!r} is right"
    return Measurement(Status.SUCCESS, {"accuracy": float(right)}, reason)
