"""DPG-Bench: how much of a long prompt does a picture show?

Paper: Hu, Wang, Fang, Fu, Cheng, Yu, "ELLA: Equip Diffusion Models with LLM for Enhanced Semantic
Alignment", 2024. Protocol, licence, parity and what cannot be compared are in this folder's ``README.md``;
an invented row is shown in ``table.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.data import file_sha256, locate
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord
from selfreward_eval.harness.seeds import sample_seed
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.tasks.dpg_bench.data import DATA_FILES, PROMPTS, QUESTIONS

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.tasks.dpg_bench.answering import Answerer

NAME, VERSION = "dpg_bench", "1"

READER = "vlm_vqa"

PROTOCOLS = ("official", "fixed")

PICTURES_AT_ONCE = 8
"""Pictures per call of the instrument, which splits their questions into its own batches."""


class DPGBench(Task):
    """The official rules on any instrument that answers questions.

    Args:
        vqa: registry name of an instrument that gives probabilities of a yes, answers, or replies, or
            such an instrument.
        vqa_args: its constructor's arguments.
        protocol: ``official``, including the rules' bugs, or ``fixed``.

    The instrument is built when it is first needed and loads its weights when first used.
    """

    info = TaskInfo(
        name=NAME,
        version=f"{VERSION}-{READER}",
        title="DPG-Bench: 1,065 long prompts, some 14,000 yes-or-no questions with dependencies",
        paper="https://arxiv.org/abs/2403.05135",
        images_per_item=4,
        capability="generate",
        licence="Apache-2.0",
        comparable=(
            "no: upstream's mPLUG-large has no port, and another model is another evaluator; category "
            "columns cannot be compared between papers at all, for upstream scrambles them with several "
            "processes and takes one picture of four"
        ),
    )
    metrics = (Metric("dpg", macro=False),)
    data_files = DATA_FILES

    def __init__(
        self,
        vqa: str | Answerer = READER,
        vqa_args: Mapping[str, Any] | None = None,
        protocol: str = PROTOCOLS[0],
    ) -> None:
        if protocol not in PROTOCOLS:
            known = " or ".join(PROTOCOLS)
            raise UsageError(f"task {NAME!r} has no protocol {protocol!r}; choose {known}")
        self._vqa, self._vqa_args, self._protocol = vqa, dict(vqa_args or {}), protocol
        self._strict = protocol == "fixed"
        parts = [protocol] if self._strict else []
        parts += [VERSION, vqa if isinstance(vqa, str) else type(vqa).__name__]
        self.info = replace(type(self).info, version="-".join(parts))

    def items(self) -> Sequence[Item]:
        """The 1,065 prompts in the order of their ids.

        Raises:
            MissingData: the official files are not on this machine.
        """
        return self._items

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        """``dpg`` in [0, 1] for every sample, with every question and its answer."""
        from selfreward_eval.tasks.dpg_bench.measuring import measure_pictures

        by_id = {item.id: item for item in items}
        measurements: list[Measurement] = []
        for start in range(0, len(samples), PICTURES_AT_ONCE):
            part = slice(start, start + PICTURES_AT_ONCE)
            part_items = [by_id[sample.item_id] for sample in samples[part]]
            measurements += measure_pictures(self.vqa, part_items, images[part], self._strict)
        return measurements

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        """Identity of what answers; its weights must be on this machine."""
        return {"vqa": self.vqa.identity()}

    def options(self) -> Mapping[str, Any]:
        """The protocol, and the sha256 of the question file, which is pinned by git's hash alone."""
        return {"protocol": self._protocol, "questions_sha256": file_sha256(locate(QUESTIONS))}

    def extra(self, records: Sequence[SampleRecord]) -> dict[str, float]:
        """The score as papers print it, and upstream's category columns with their numbers of answers."""
        from selfreward_eval.tasks.dpg_bench.summary import fixed_numbers, official_numbers

        numbers = fixed_numbers if self._strict else official_numbers
        return numbers(records, self.info.images_per_item)

    def seed(self, item: Item, index: int, run_seed: int, policy: str) -> int:
        """The seed of picture ``index``; neither the instrument nor the protocol changes the pictures.

        Upstream prescribes none, so there is no ``official`` policy.
        """
        if policy == "hashed":
            return sample_seed(f"{NAME}@{VERSION}", item.id, index, run_seed)
        return super().seed(item, index, run_seed, policy)

    @cached_property
    def vqa(self) -> Answerer:
        """What answers, built on first use.

        Raises:
            UnknownName: no such instrument.
            UsageError: it does not take these arguments, or answers no questions.
        """
        from selfreward_eval.harness.instruments.build import build
        from selfreward_eval.tasks.dpg_bench.answering import require_answerer

        instrument = build(self._vqa, self._vqa_args) if isinstance(self._vqa, str) else self._vqa
        return require_answerer(instrument, str(self._vqa), NAME)

    @cached_property
    def _items(self) -> tuple[Item, ...]:
        from selfreward_eval.tasks.dpg_bench.items import load_items

        prompts = {name: locate(file) for name, file in PROMPTS.items()}
        return tuple(load_items(locate(QUESTIONS), prompts, self._strict))
