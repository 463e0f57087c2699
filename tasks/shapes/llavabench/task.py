"""``shapes_llava_bench``: LLaVA-Bench's conversation and scoring on scenes of the shapes world.

Only items and judge differ from ``llava_bench_coco``: the model answers about
rendered pictures, the reference is the right answer, and ``judge_shapes``
scores both against the scene's facts. 24 scenes with three questions each; the scene
is the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.task import TaskInfo
from selfreward_eval.tasks.llava_bench.task import LlavaBench

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.harness.instruments.judging import Judge


class ShapesLlavaBench(LlavaBench):
    """The embedded counterpart of LLaVA-Bench; needs no download.

    Args:
        judge: registry name of a judge of text, or a judge.
        judge_args: its constructor's arguments.
        parser: parser of the reviews: ``tolerant``, ``strict`` or ``official``.
        faithful: add upstream's numbers, in which failed reviews count as -1.
        replies: a cache file of reviews, which are reused.
        swap: ask the judge in both orders and average; another version, ``-swapped``.
    """

    info = TaskInfo(
        name="shapes_llava_bench",
        version="1",
        title="LLaVA-Bench's turns on the shapes world: 72 questions about 24 scenes",
        paper="Liu et al. 2023, arXiv:2304.08485 (protocol); items are this project's",
        images_per_item=1,
        capability="answer",
        licence="Apache-2.0",
        comparable="not comparable with LLaVA-Bench: same turns, other questions and another judge",
    )

    def __init__(
        self,
        judge: str | Judge = "judge_shapes",
        judge_args: Mapping[str, Any] | None = None,
        parser: str = "tolerant",
        faithful: bool = False,
        replies: str | None = None,
        swap: bool = False,
    ) -> None:
        super().__init__(None, judge, judge_args, parser, faithful=faithful, replies=replies, swap=swap)

    def items(self) -> Sequence[Item]:
        """The 72 questions, scene by scene."""
        from selfreward_eval.tasks.shapes.judge.facts import facts
        from selfreward_eval.tasks.shapes.llavabench.items import questions

        return [
            Item(
                id=f"{asked.number:02d}-{asked.category}",
                text=asked.question.text,
                category=asked.category,
                cluster=f"{asked.number:02d}",
                metadata={
                    "context": facts(asked.scene),
                    "reference": asked.question.answer,
                    "kind": asked.question.kind,
                },
            )
            for asked in questions()
        ]

    def input_image(self, item: Item) -> Image:  # type: ignore[override]
        """The scene's picture, 48 x 48."""
        from PIL import Image as PillowImage

        from selfreward_eval.tasks.shapes.judge.facts import scene_of
        from selfreward_eval.tasks.shapes.render import render

        scene = scene_of(item.metadata["context"])
        if scene is None:
            raise UsageError(f"item {item.id!r} holds no scene; load it anew")
        return PillowImage.fromarray(render(scene))

    def rule_name(self, category: str) -> str:
        """There are no rules here; only a user's own ``compare`` prompt could ask for them."""
        raise UsageError("shapes_llava_bench has no rules of upstream's; leave $rule out of the prompt")

    def _files(self) -> tuple[Path, Path, Path]:
        raise UsageError("shapes_llava_bench is made, not read from files")
