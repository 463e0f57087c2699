"""T2I-ReasonBench: does a picture show what its prompt implies, where this requires reasoning?

Paper: Sun, Fang, Duan, Liu, Liu, "T2I-ReasonBench: Benchmarking Reasoning-Informed
Text-to-Image Generation", 2025. Protocol, licence, parity and the rows that are
odd are in this folder's ``README.md``; a row is shown in ``items.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.data import locate
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.tasks.t2i_reasonbench.data import DATA_FILES, FILES

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.harness.instruments.judging import Judge
    from selfreward_eval.tasks.t2i_reasonbench.measuring import Prompts

LOCAL_JUDGE = "judge_local"

OFFICIAL_JUDGE = {"weights": "Qwen/Qwen2.5-VL-72B-Instruct", "max_new_tokens": 1000}
"""Upstream's judge and its longest reply."""


class T2IReasonBench(Task):
    """The four dimensions with a judge of your choice.

    Args:
        judge: registry name of the judge, or a judge; it must read pictures.
        judge_args: its constructor's arguments; those of ``judge_local`` default to upstream's judge.
        parser: parser of the replies: ``tolerant``, ``strict`` or ``official``.
        describe: your own file in place of the describing prompt.
        score: your own file in place of the scoring prompt; ``$questions`` and ``$count`` are filled in.
        replies: a cache file of replies, which are reused; several runs may share it.

    The judge is built when it is first needed.
    """

    info = TaskInfo(
        name="t2i_reasonbench",
        version="1",
        title="T2I-ReasonBench: idioms, textual images, entities and science in 800 prompts, judged",
        paper="https://arxiv.org/abs/2508.17472",
        images_per_item=1,
        capability="generate",
        licence="none stated by upstream; fetched for your own use, never redistributed",
        comparable=(
            "no, unless judged by Qwen2.5-VL-72B-Instruct in bfloat16, and then with the note that the "
            "judge's prompts are worded anew; a smaller or another judge is another benchmark"
        ),
    )
    metrics = (Metric("accuracy"), Metric("quality"))
    data_files = DATA_FILES

    def __init__(
        self,
        judge: str | Judge = LOCAL_JUDGE,
        judge_args: Mapping[str, Any] | None = None,
        parser: str = "tolerant",
        describe: str | None = None,
        score: str | None = None,
        replies: str | None = None,
    ) -> None:
        from selfreward_eval.tasks.t2i_reasonbench.parsing import parser_named

        parser_named(parser)
        usual = OFFICIAL_JUDGE if judge == LOCAL_JUDGE else {}
        self._judge, self._judge_args = judge, {**usual, **(judge_args or {})}
        self._parser, self._own, self._replies = parser, (describe, score), replies

    def items(self) -> Sequence[Item]:
        """The 800 prompts, dimension by dimension in official order.

        Raises:
            MissingData: the official files are not on this machine.
        """
        return self._items

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        """``accuracy`` and ``quality`` for every sample, with the judge's raw replies."""
        from selfreward_eval.tasks.t2i_reasonbench.measuring import measure_pictures

        by_id = {item.id: item for item in items}
        sample_items = [by_id[sample.item_id] for sample in samples]
        return measure_pictures(self.judge, sample_items, images, self.prompts, self._parser)

    def remeasure(self, record: SampleRecord) -> Measurement:
        """The measurement from a recorded sample's replies with this task's parser.

        Raises:
            InputError: the record holds no replies, or its item no questions.
        """
        from selfreward_eval.tasks.judged.evidence import JudgeSetup, recorded_replies
        from selfreward_eval.tasks.t2i_reasonbench.measuring import read_replies

        evidence = record.measurement.evidence
        return read_replies(record.item, recorded_replies(evidence), JudgeSetup.read(evidence, self._parser))

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        """Identity of the judge."""
        return {"judge": self.judge.identity()}

    def options(self) -> Mapping[str, Any]:
        """The parser and the prompts' hashes."""
        return {"parser": self._parser, "prompts": self.prompts.hashes()}

    def extra(self, records: Sequence[SampleRecord]) -> dict[str, float]:
        """Quality, and upstream's numbers, over the pictures that were judged."""
        from selfreward_eval.tasks.t2i_reasonbench.summary import further_numbers

        return further_numbers(records)

    @cached_property
    def judge(self) -> Judge:
        """The judge, built on first use."""
        from selfreward_eval.tasks.judged.judges import choose_judge

        return choose_judge(self._judge, self._judge_args, self._replies)

    @cached_property
    def prompts(self) -> Prompts:
        """The prompts for the judge."""
        from selfreward_eval.tasks.t2i_reasonbench.measuring import Prompts

        return Prompts.ours(*self._own)

    @cached_property
    def _items(self) -> tuple[Item, ...]:
        from selfreward_eval.tasks.t2i_reasonbench.dimensions import DIMENSIONS
        from selfreward_eval.tasks.t2i_reasonbench.items import load_items

        return tuple(
            item
            for name, files in FILES.items()
            for item in load_items(
                DIMENSIONS[name],
                locate(files.prompts),
                locate(files.questions),
            )
        )
