"""T2I-CompBench as SRUM measures it: one judgement from 0 to 100 per picture, one rubric for all categories.

Paper: Jin et al., "SRUM: Fine-Grained Self-Rewarding for Unified Multimodal
Models", 2025, on the prompts of Huang et al., "T2I-CompBench", NeurIPS 2023.
This is **not** T2I-CompBench's evaluator; the README in this folder says what
its numbers may be compared with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.data import locate
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.seeds import sample_seed
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.tasks.t2i_compbench_vlm.data import DATA_FILES, PROMPTS

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.harness.instruments.judging import Judge, Reply

INSTRUCTION = Path(__file__).with_name("instruction.md")
"""The instruction for the judge; ``{prompt}`` is replaced by the prompt."""

PUBLISHED_FAILURES = -1
"""Upstream's score for a failed judgement, the only alternative to leaving it out."""

LOCAL_JUDGE = "judge_local"

SRUM_JUDGE = {"weights": "Qwen/Qwen2.5-VL-72B-Instruct", "max_new_tokens": 512}
"""The judge that upstream recommends, and its longest reply; it answers greedily."""


class T2ICompBenchVLM(Task):
    """SRUM's protocol with a judge of your choice.

    Args:
        judge: registry name of the judge; it must read pictures.
        judge_args: its constructor's arguments; those of ``judge_local`` default to SRUM's judge.
        upstream_failures: -1 to reproduce the published arithmetic in the further numbers: upstream's
            own parser, and -1 in the mean for a reply without score. None leaves failed judgements
            out. The headline never includes a failed sample.

    The judge is built when it is first needed.
    """

    info = TaskInfo(
        name="t2i_compbench_vlm",
        version="1",
        title="T2I-CompBench prompts judged by a vision-language model, SRUM's protocol",
        paper="https://arxiv.org/abs/2510.12784",
        images_per_item=1,
        capability="generate",
        licence="Apache-2.0 (prompts of T2I-CompBench: MIT)",
        comparable=(
            "no: not T2I-CompBench's evaluator, so never in one column with its numbers; and not beside "
            "SRUM's table either unless with its judge (Qwen2.5-VL-72B-Instruct) and a like use of chain of "
            "thought, and then with the note that the instruction is worded anew here"
        ),
    )
    metrics = (Metric("judgement", range=(0.0, 100.0)),)
    data_files = DATA_FILES

    def __init__(
        self,
        judge: str = LOCAL_JUDGE,
        judge_args: Mapping[str, Any] | None = None,
        upstream_failures: int | None = None,
    ) -> None:
        if upstream_failures not in (None, PUBLISHED_FAILURES):
            raise UsageError(
                f"task {self.info.name!r}: upstream_failures is {upstream_failures!r}; give "
                f"{PUBLISHED_FAILURES} for the published arithmetic, or leave it out"
            )
        usual = SRUM_JUDGE if judge == LOCAL_JUDGE else {}
        self._judge_name, self._judge_args = judge, {**usual, **(judge_args or {})}
        self._upstream_failures = None if upstream_failures is None else PUBLISHED_FAILURES
        if upstream_failures is not None:
            self.info = replace(type(self).info, version=f"{type(self).info.version}-upstream-failures")

    def items(self) -> Sequence[Item]:
        """The 2,670 prompts in official order.

        Raises:
            MissingData: the official file is not on this machine.
        """
        return self._items

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        """``judgement`` in [0, 100] for every sample, with the judge's reply as evidence."""
        from selfreward_eval.harness.instruments.judging import Turn

        texts = {item.id: item.text for item in items}
        conversations = [
            [Turn("user", self.instruction(texts[sample.item_id]), (image,))]
            for sample, image in zip(samples, images, strict=True)
        ]
        replies = self.judge.replies(conversations) if conversations else []
        return [measurement_of(reply) for _, reply in zip(samples, replies, strict=True)]

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        """Identity of the judge."""
        return {"judge": self.judge.identity()}

    def options(self) -> Mapping[str, Any]:
        """How failures count, and the instruction's hash."""
        return {
            "upstream_failures": self._upstream_failures,
            "instruction_sha256": sha256(self._template.encode("utf-8")).hexdigest(),
        }

    def extra(self, records: Sequence[SampleRecord]) -> dict[str, float]:
        """Means of upstream's ten categories, its script's composite and overall, its README's overall."""
        from selfreward_eval.tasks.t2i_compbench_vlm.summary import as_published, judged, official_numbers

        return official_numbers(records, judged if self._upstream_failures is None else as_published)

    def seed(self, item: Item, index: int, run_seed: int, policy: str) -> int:
        """The seed of picture ``index``; it does not depend on how failures count, so the pictures do not.

        Upstream seeds once per process, so its pictures depend on their distribution over processes.
        This cannot be reproduced, so there is no ``official`` policy.
        """
        if policy == "hashed":
            return sample_seed(type(self).info.id, item.id, index, run_seed)
        return super().seed(item, index, run_seed, policy)

    def instruction(self, prompt: str) -> str:
        """The instruction for the judge about a picture of ``prompt``."""
        return self._template.replace("{prompt}", prompt)

    @cached_property
    def judge(self) -> Judge:
        """The judge, built on first use.

        Raises:
            UnknownName: no such instrument.
            UsageError: it does not take these arguments, or is no judge.
        """
        from selfreward_eval.tasks.judged.judges import choose_judge

        return choose_judge(self._judge_name, self._judge_args)

    @cached_property
    def _template(self) -> str:
        return INSTRUCTION.read_text(encoding="utf-8").strip()

    @cached_property
    def _items(self) -> tuple[Item, ...]:
        from selfreward_eval.tasks.t2i_compbench_vlm.items import load_items

        return tuple(load_items(locate(PROMPTS)))


def measurement_of(reply: Reply) -> Measurement:
    """A judge's reply as a measurement; the evidence always holds the raw text."""
    from selfreward_eval.tasks.t2i_compbench_vlm.parsing import strict_score

    evidence = {"reply": reply.text, "judge": dict(reply.details)}
    if reply.status is not Status.SUCCESS or reply.text is None:
        reason = reply.reason or "the judge gave no reply and no reason"
        return Measurement(Status.JUDGE_TRANSPORT_ERROR, reason=reason, evidence=evidence)
    reading = strict_score(reply.text, reply.cut)
    if reading.score is None:
        return Measurement(Status.JUDGE_PARSE_ERROR, reason=reading.reason, evidence=evidence)
    return Measurement(Status.SUCCESS, {"judgement": reading.score}, reply.text, evidence)
