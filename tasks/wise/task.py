"""WISE: does a picture show what its prompt implies by knowledge of culture, time, space and nature?

Paper: Niu et al., "WISE: A World Knowledge-Informed Semantic Evaluation for Text-to-Image Generation",
2025. There are two editions with different prompts and scores, so there are two tasks. Protocols, licence
and parity are in this folder's ``README.md``; an invented row is shown in ``items.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from selfreward_eval.harness.data import locate
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord
from selfreward_eval.harness.seeds import sample_seed
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.tasks.wise.data import PROMPT_FILES, PROMPTS, REWRITTEN, VERIFIED
from selfreward_eval.tasks.wise.editions import ASPECTS, BEST, LEGACY, Edition
from selfreward_eval.tasks.wise.editions import VERIFIED as VERIFIED_EDITION
from selfreward_eval.tasks.wise.protocols import (
    LEGACY_PROTOCOLS,
    OFFICIAL,
    VERIFIED_PROTOCOLS,
    Protocol,
    protocol_named,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.harness.instruments.judging import Judge
    from selfreward_eval.tasks.judged.evidence import JudgeSetup
    from selfreward_eval.tasks.wise.measuring import Prompts

OPENAI_JUDGE = "judge_openai"

LICENCE = "none stated by upstream; fetched for your own use, never redistributed"


class _Judged(Task):
    """What both editions share; see :class:`Wise` for the arguments."""

    edition: ClassVar[Edition]
    protocols: ClassVar[Mapping[str, Protocol]]
    usual_judge: ClassVar[Mapping[str, Any]]
    template: ClassVar[str]

    def __init__(
        self,
        judge: str | Judge = OPENAI_JUDGE,
        judge_args: Mapping[str, Any] | None = None,
        protocol: str = OFFICIAL,
        instruction: str | None = None,
        replies: str | None = None,
        prompts: str = "",
    ) -> None:
        self._protocol = protocol_named(protocol, self.protocols, self.info.name)
        self._protocol_name, self._prompt_set = protocol, prompts
        usual = self.usual_judge if judge == OPENAI_JUDGE else {}
        self._judge, self._judge_args = judge, {**usual, **(judge_args or {})}
        self._instruction, self._replies = instruction, replies
        parts = [] if protocol == OFFICIAL else [protocol]
        parts += [self.info.version] if prompts in ("plain", "verified") else [self.info.version, prompts]
        self.info = replace(type(self).info, version="-".join(parts))

    def items(self) -> Sequence[Item]:
        """The 1,000 prompts in the order of their ids.

        Raises:
            MissingData: the official files are not on this machine.
        """
        return self._items

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        """``wiscore`` in [0, 1] for every sample, with the judge's raw replies."""
        from selfreward_eval.tasks.wise.measuring import measure_pictures

        if not samples:
            return []
        by_id = {item.id: item for item in items}
        sample_items = [by_id[sample.item_id] for sample in samples]
        return measure_pictures(self.judge, sample_items, images, self.prompts, self._protocol, self._setup())

    def remeasure(self, record: SampleRecord) -> Measurement:
        """The measurement from a recorded sample's replies by this task's protocol.

        Raises:
            InputError: the record holds no replies.
        """
        from selfreward_eval.tasks.judged.evidence import JudgeSetup, recorded_replies
        from selfreward_eval.tasks.wise.measuring import read_replies

        evidence = record.measurement.evidence
        setup = JudgeSetup.read(evidence, self._protocol_name)
        return read_replies(recorded_replies(evidence), self._protocol, setup)

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        """Identity of the judge."""
        return {"judge": self.judge.identity()}

    def options(self) -> Mapping[str, Any]:
        """The protocol, the set of prompts and the hashes of what the judge is told."""
        return {
            "protocol": self._protocol_name,
            "prompts": self._prompt_set,
            "templates": self.prompts.hashes(),
        }

    def extra(self, records: Sequence[SampleRecord]) -> dict[str, float]:
        """Upstream's overall score if all pictures have one."""
        from selfreward_eval.tasks.wise.summary import official_numbers

        return official_numbers(self.edition, records)

    def seed(self, item: Item, index: int, run_seed: int, policy: str) -> int:
        """The seed of picture ``index``; protocols do not change the pictures, so not the seeds either.

        Upstream prescribes none, so there is no ``official`` policy.
        """
        if policy == "hashed":
            return sample_seed(type(self).info.id, item.id, index, run_seed)
        return super().seed(item, index, run_seed, policy)

    @cached_property
    def judge(self) -> Judge:
        """The judge, built on first use.

        Raises:
            UnknownName: no such instrument.
            UsageError: it does not take these arguments, or is no judge.
        """
        from selfreward_eval.tasks.judged.judges import choose_judge

        return choose_judge(self._judge, self._judge_args, self._replies)

    @cached_property
    def prompts(self) -> Prompts:
        """What the judge is told."""
        from selfreward_eval.tasks.wise.measuring import Prompts

        return Prompts.ours(self.template, self._instruction)

    def _setup(self) -> JudgeSetup:
        from selfreward_eval.tasks.judged.evidence import JudgeSetup

        return JudgeSetup.of(self.judge, self.prompts.hashes(), self._protocol_name)

    @cached_property
    def _items(self) -> tuple[Item, ...]:
        from selfreward_eval.tasks.wise.items import load_items

        return tuple(load_items(self.edition, [locate(file) for file in PROMPT_FILES[self._prompt_set]]))


class Wise(_Judged):
    """The first edition, which every paper up to April 2026 reports.

    Args:
        judge: registry name of the judge, or a judge; it must read pictures.
        judge_args: its constructor's arguments; those of ``judge_openai`` default to upstream's judge.
        protocol: ``official``; ``fixed``, which reads replies strictly; ``bagel`` for what BAGEL and SRUM
            published; ``lmms`` for lmms-eval's aggregation beside the score.
        instruction: your own file for the judge; ``$prompt`` and ``$explanation`` are filled in.
        replies: a cache file of replies, which are reused; several runs may share it.
        prompts: ``plain``, or ``rewrite`` for those with the answer spelled out.

    The judge is built when it is first needed.
    """

    info = TaskInfo(
        name="wise",
        version="1",
        title="WISE: 1,000 prompts that need world knowledge, judged for consistency, realism and beauty",
        paper="https://arxiv.org/abs/2503.07265",
        images_per_item=1,
        capability="generate",
        licence=LICENCE,
        comparable=(
            "no, unless judged by gpt-4o-2024-05-13, and then with the note that the judge's instruction is "
            "worded anew; not with WISE Verified, and not with BAGEL's and SRUM's numbers, which are the "
            "plain mean of six categories by another judge (protocol=bagel)"
        ),
    )
    metrics = (
        Metric("wiscore", macro=False),
        *(Metric(aspect, range=(0.0, float(BEST)), macro=False) for aspect in ASPECTS),
    )
    data_files = (*PROMPTS, *REWRITTEN)
    edition, protocols, template = LEGACY, LEGACY_PROTOCOLS, "legacy"
    usual_judge: ClassVar[Mapping[str, Any]] = {
        "model": "gpt-4o-2024-05-13",
        "max_tokens": 2000,
        "seed": None,
    }
    """Upstream's judge and its longest reply; the temperature is 0 by default."""

    def __init__(
        self,
        judge: str | Judge = OPENAI_JUDGE,
        judge_args: Mapping[str, Any] | None = None,
        protocol: str = OFFICIAL,
        instruction: str | None = None,
        replies: str | None = None,
        prompts: str = "plain",
    ) -> None:
        if prompts not in ("plain", "rewrite"):
            raise UsageError(f"task {self.info.name!r} has no prompts {prompts!r}; choose plain or rewrite")
        super().__init__(judge, judge_args, protocol, instruction, replies, prompts)
        if self._protocol.macro:
            first, *others = type(self).metrics
            self.metrics = (replace(first, macro=True), *others)

    def extra(self, records: Sequence[SampleRecord]) -> dict[str, float]:
        """Upstream's overall score if all pictures have one; BAGEL's mean; lmms-eval's on request."""
        from selfreward_eval.tasks.wise.summary import bagel_numbers, lmms_numbers

        numbers = super().extra(records) | bagel_numbers(self.edition, records)
        return numbers | lmms_numbers(records) if self._protocol_name == "lmms" else numbers


class WiseVerified(_Judged):
    """The second edition, upstream's default since April 2026: other prompts, 0 or 1 per picture.

    Args:
        judge: registry name of the judge, or a judge; it must read pictures.
        judge_args: its constructor's arguments; those of ``judge_openai`` default to upstream's judge, which
            a server on this machine offers.
        protocol: ``official``, or ``fixed``, which reads replies strictly.
        instruction: your own file for the judge; ``$prompt`` and ``$explanation`` are filled in.
        replies: a cache file of replies, which are reused; several runs may share it.

    The judge is built when it is first needed.
    """

    info = TaskInfo(
        name="wise_verified",
        version="1",
        title="WISE Verified: 1,000 prompts that need world knowledge, judged right or wrong",
        paper="https://arxiv.org/abs/2503.07265",
        images_per_item=1,
        capability="generate",
        licence=LICENCE,
        comparable=(
            "no, unless judged by Qwen3.5-35B-A3B without thinking, and then with the note that the judge's "
            "instruction is worded anew; never with WISE's numbers from before April 2026"
        ),
    )
    metrics = (Metric("wiscore", macro=False),)
    data_files = VERIFIED
    edition, protocols, template = VERIFIED_EDITION, VERIFIED_PROTOCOLS, "verified"
    usual_judge: ClassVar[Mapping[str, Any]] = {
        "model": "Qwen3.5-35B-A3B",
        "base_url": "http://127.0.0.1:8000/v1",
        "api_key_env": None,
        "max_tokens": 500,
        "seed": None,
        "extra": {"chat_template_kwargs": {"enable_thinking": False}},
    }
    """Upstream's judge behind upstream's default address."""

    def __init__(
        self,
        judge: str | Judge = OPENAI_JUDGE,
        judge_args: Mapping[str, Any] | None = None,
        protocol: str = OFFICIAL,
        instruction: str | None = None,
        replies: str | None = None,
    ) -> None:
        super().__init__(judge, judge_args, protocol, instruction, replies, "verified")
