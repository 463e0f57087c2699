"""GenEval 2: does a picture show every object, count, attribute, relation and action of its prompt?

Paper: Kamath, Chang, Krishna, Zettlemoyer, Hu, Ghazvininejad, "GenEval 2: Addressing Benchmark Drift in
Text-to-Image Evaluation", 2025. Protocol, licence and parity are in this folder's ``README.md``; an
invented prompt is shown in ``items.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.data import locate
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.tasks.geneval2.data import DATA_FILES, PROMPTS

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.harness.instruments.backends.first_words import ReadsFirstWords

READER = "vlm_vqa"

UPSTREAM_READER = {"weights": "Qwen/Qwen3-VL-8B-Instruct", "prompt": "{question} Answer in one word."}
"""Upstream's model and prompt; settings of ``vlm_vqa``."""

PICTURES_AT_ONCE = 8
"""Pictures per call of the instrument, which splits their questions into its own batches."""


class GenEval2(Task):
    """Soft-TIFA with a vision-language model of your choice.

    Args:
        vqa: registry name of an instrument that reads first words of answers, or such an instrument.
        vqa_args: its constructor's arguments; for ``vlm_vqa`` they default to upstream's model and prompt.

    The instrument is built when it is first needed and loads its weights when first used.
    """

    info = TaskInfo(
        name="geneval2",
        version="1",
        title="GenEval 2: 800 prompts of 3 to 10 atoms, each atom asked of a vision-language model",
        paper="https://arxiv.org/abs/2512.16853",
        images_per_item=1,
        capability="generate",
        licence="CC BY-NC 4.0: prompts not for commercial use",
        comparable=(
            "no, unless read by Qwen3-VL-8B-Instruct with the words upstream puts behind a question: the "
            "scores are one model's probabilities. Published numbers come as shares and as per cent, and as "
            "arithmetic (AM) or geometric (GM) means"
        ),
    )
    metrics = (
        Metric("soft_tifa_gm", macro=False),
        Metric("soft_tifa_am", macro=False),
        Metric("tifa", macro=False),
    )
    data_files = DATA_FILES

    def __init__(
        self, vqa: str | ReadsFirstWords = READER, vqa_args: Mapping[str, Any] | None = None
    ) -> None:
        usual = UPSTREAM_READER if vqa == READER else {}
        self._vqa, self._vqa_args = vqa, {**usual, **(vqa_args or {})}

    def items(self) -> Sequence[Item]:
        """The 800 prompts in official order.

        Raises:
            MissingData: the official file is not on this machine.
        """
        return self._items

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        """All three scores in [0, 1] for every sample, with every atom's question, answer and probability."""
        from selfreward_eval.tasks.geneval2.measuring import measure_pictures

        by_id = {item.id: item for item in items}
        measurements: list[Measurement] = []
        for start in range(0, len(samples), PICTURES_AT_ONCE):
            part = slice(start, start + PICTURES_AT_ONCE)
            part_items = [by_id[sample.item_id] for sample in samples[part]]
            measurements += measure_pictures(self.vqa, part_items, images[part])
        return measurements

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        """Identity of the vision-language model; its weights must be on this machine."""
        return {"vqa": self.vqa.identity()}

    def extra(self, records: Sequence[SampleRecord]) -> dict[str, float]:
        """Upstream's totals, and its means per skill and per number of atoms, in per cent."""
        from selfreward_eval.tasks.geneval2.analysis import further_numbers

        return further_numbers(records)

    @cached_property
    def vqa(self) -> ReadsFirstWords:
        """The vision-language model, built on first use.

        Raises:
            UnknownName: no such instrument.
            UsageError: it does not take these arguments, or gives no first-word probabilities.
        """
        from selfreward_eval.harness.instruments.backends.first_words import ReadsFirstWords
        from selfreward_eval.harness.instruments.build import build

        instrument = build(self._vqa, self._vqa_args) if isinstance(self._vqa, str) else self._vqa
        if not isinstance(instrument, ReadsFirstWords):
            raise UsageError(
                f"task {self.info.name!r}: the instrument {self._vqa!r} does not say how probable the first "
                f"word of an answer is; name another as vqa, such as {READER}"
            )
        return instrument

    @cached_property
    def _items(self) -> tuple[Item, ...]:
        from selfreward_eval.tasks.geneval2.items import load_items

        return tuple(load_items(locate(PROMPTS)))
