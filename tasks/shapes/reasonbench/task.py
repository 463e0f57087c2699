"""``shapes_t2i_reasonbench``: T2I-ReasonBench's four dimensions in the shapes world.

Only items and judge differ from ``t2i_reasonbench``; conversation, parsers and
aggregation are the same. ``judge_shapes`` scores from the pixels. 96 prompts, one
picture each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from selfreward_eval.harness.records import Item
from selfreward_eval.harness.task import TaskInfo
from selfreward_eval.tasks.t2i_reasonbench.task import T2IReasonBench

if TYPE_CHECKING:
    from selfreward_eval.harness.instruments.judging import Judge


class ShapesReasonBench(T2IReasonBench):
    """The embedded counterpart of T2I-ReasonBench; needs no download.

    Args:
        judge: registry name of a judge that reads pictures, or a judge.
        judge_args: its constructor's arguments.
        parser: parser of the replies: ``tolerant``, ``strict`` or ``official``.
        replies: a cache file of replies, which are reused.
    """

    world = "shapes"
    info = TaskInfo(
        name="shapes_t2i_reasonbench",
        version="1",
        title="T2I-ReasonBench's turns on the shapes world: idioms, letters, everyday things, small science",
        paper="Sun et al. 2025, arXiv:2508.17472 (protocol); items are this project's",
        images_per_item=1,
        licence="Apache-2.0",
        comparable="not comparable with T2I-ReasonBench: same turns, other prompts and another judge",
    )
    data_files = ()

    def __init__(
        self,
        judge: str | Judge = "judge_shapes",
        judge_args: dict[str, object] | None = None,
        parser: str = "tolerant",
        replies: str | None = None,
    ) -> None:
        super().__init__(judge, judge_args, parser, replies=replies)

    def items(self) -> Sequence[Item]:
        """The 96 prompts, dimension by dimension."""
        from selfreward_eval.tasks.shapes.reasonbench.questions import blocks
        from selfreward_eval.tasks.shapes.reasonbench.requests import evaluated

        return [
            Item(
                id=f"{request.dimension}-{k:03d}",
                text=request.text,
                category=request.dimension,
                metadata={
                    "tag": request.tag,
                    "meaning": request.meaning,
                    "unseen": request.unseen,
                    "blocks": blocks(request),
                },
            )
            for k, request in enumerate(evaluated())
        ]
