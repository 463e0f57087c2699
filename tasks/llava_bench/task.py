"""LLaVA-Bench: how good are a model's open answers about pictures, compared with GPT-4's reference?

Paper: Liu, Li, Wu, Lee, "Visual Instruction Tuning", NeurIPS 2023. Protocol,
licence and parity are in this folder's ``README.md``; a question is shown in
``items.py``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.data import locate
from selfreward_eval.harness.errors import InputError, MissingData, UsageError
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.tasks.llava_bench.data import (
    COCO_FILES,
    CONTEXTS,
    QUESTIONS,
    REFERENCES,
    RULES,
    WILD,
    WILD_FILES,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.harness.instruments.judging import Judge
    from selfreward_eval.tasks.llava_bench.measuring import Prompts

PAPER = "https://arxiv.org/abs/2304.08485"

COMPARABLE = (
    "no: published numbers come from gpt-4-0314, which is retired, and other judges of the same answers "
    "differ by ten points and more; compare runs judged by one and the same"
)


class LlavaBench(Task):
    """Everything that the two benchmarks share, which differ in their files only.

    Args:
        folder: the user's folder of files that cannot be downloaded; see the two benchmarks.
        judge: registry name of a judge of text, or a judge.
        judge_args: its constructor's arguments, such as ``model`` and ``base_url``.
        parser: parser of the reviews: ``tolerant``, ``strict`` or ``official``.
        system: your own file in place of the judge's system prompt.
        compare: your own file in place of the comparing prompt. Context, question, reference and candidate
            are filled in; ``$rule``, if present, is replaced by upstream's instruction.
        faithful: add upstream's numbers, in which failed reviews count as -1.
        replies: a cache file of reviews, which are reused.
        swap: ask the judge in both orders and average. This is another version, ``-swapped``, because
            its scores cannot be compared with scores of one order.

    The headline is the candidate's own score, because it can be paired between two runs. The relative
    score, a ratio of means, is among the further numbers with its interval and bounds.
    """

    metrics = (Metric("candidate", range=(1.0, 10.0), macro=False, reference="reference"),)

    def __init__(
        self,
        folder: str | None = None,
        judge: str | Judge = "judge_openai",
        judge_args: Mapping[str, Any] | None = None,
        parser: str = "tolerant",
        system: str | None = None,
        compare: str | None = None,
        faithful: bool = False,
        replies: str | None = None,
        swap: bool = False,
    ) -> None:
        from selfreward_eval.tasks.llava_bench.parsing import parser_named

        parser_named(parser)
        if not isinstance(swap, bool):
            raise UsageError(f"task {self.info.name!r}: swap is {swap!r}; give true or false")
        self._swap = swap
        if swap:
            self.info = replace(type(self).info, version=f"{type(self).info.version}-swapped")
        self._given = folder
        self._judge, self._judge_args = judge, dict(judge_args or {})
        self._parser, self._own, self._faithful, self._replies = parser, (system, compare), faithful, replies

    @abstractmethod
    def input_image(self, item: Item) -> Path:
        """The expected path of the picture that ``item`` asks about; the file may be missing.

        Raises:
            MissingData: no folder of pictures was given.
        """

    @abstractmethod
    def rule_name(self, category: str) -> str:
        """Upstream's name of the rule for a category."""

    def items(self) -> Sequence[Item]:
        """The questions in official order.

        Raises:
            MissingData: the files are not on this machine.
        """
        return self._items

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        """``candidate`` and ``reference`` from 1 to 10 for every answer, with the judge's raw review.

        ``images`` are not used: the judge reads captions. A sample without an answer is a
        ``measurement_error``.
        """
        from selfreward_eval.tasks.llava_bench.measuring import measure_answers

        by_id = {item.id: item for item in items}
        answered = [sample for sample in samples if sample.text is not None]
        answered_items = [by_id[sample.item_id] for sample in answered]
        answers = [str(sample.text) for sample in answered]
        measured = iter(
            measure_answers(self.judge, answered_items, answers, self.prompts, self._parser, self._swap)
        )
        no_answer = Measurement(Status.MEASUREMENT_ERROR, reason="the sample holds no answer to judge")
        return [no_answer if sample.text is None else next(measured) for sample in samples]

    def remeasure(self, record: SampleRecord) -> Measurement:
        """The measurement from a recorded sample's review with this task's parser.

        Raises:
            InputError: the record holds no review.
        """
        from selfreward_eval.tasks.judged.evidence import JudgeSetup, recorded_replies
        from selfreward_eval.tasks.llava_bench.measuring import read_replies

        evidence = record.measurement.evidence
        return read_replies(recorded_replies(evidence), JudgeSetup.read(evidence, self._parser), self._swap)

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        """Identity of the judge."""
        return {"judge": self.judge.identity()}

    def options(self) -> Mapping[str, Any]:
        """The parser, the prompts' hashes, whether upstream's numbers are added; ``swap`` if set."""
        # Absent unless set, so that the identity of earlier runs does not change.
        order = {"swap": True} if self._swap else {}
        return {"parser": self._parser, "prompts": self.prompts.hashes(), "faithful": self._faithful, **order}

    def extra(self, records: Sequence[SampleRecord]) -> dict[str, float]:
        """Relative scores per category and over all, in per cent."""
        from selfreward_eval.tasks.llava_bench.summary import further_numbers

        return further_numbers(records, self._faithful)

    @cached_property
    def judge(self) -> Judge:
        """The judge, built on first use."""
        from selfreward_eval.tasks.judged.judges import choose_judge

        return choose_judge(self._judge, self._judge_args, self._replies)

    @cached_property
    def prompts(self) -> Prompts:
        """The prompts for the judge; upstream's rules are read only if the template asks for them."""
        from selfreward_eval.tasks.llava_bench.items import CATEGORIES
        from selfreward_eval.tasks.llava_bench.measuring import Prompts

        prompts = Prompts.ours(*self._own)
        if not prompts.needs_rules:
            return prompts
        rules = self._rules()
        return replace(prompts, rules={name: rules[self.rule_name(name)]["prompt"] for name in CATEGORIES})

    @cached_property
    def _items(self) -> tuple[Item, ...]:
        from selfreward_eval.tasks.llava_bench.items import load_items

        return tuple(load_items(*self._files()))

    @abstractmethod
    def _files(self) -> tuple[Path, Path, Path]:
        """Questions, reference answers, contexts."""

    def _rules(self) -> dict[str, Any]:
        import json

        rules: dict[str, Any] = json.loads(locate(RULES).read_text(encoding="utf-8"))
        return rules


class LlavaBenchCoco(LlavaBench):
    """30 COCO images with three questions each.

    ``folder`` holds COCO's val2014 images, under their numbers or with ``COCO_val2014_`` before.
    """

    info = TaskInfo(
        name="llava_bench_coco",
        version="1",
        title="LLaVA-Bench (COCO): 90 questions about 30 images, judged by text beside a reference",
        paper=PAPER,
        images_per_item=1,
        capability="answer",
        licence="Apache-2.0 repository; answers under OpenAI's terms; COCO's captions and images",
        comparable=COMPARABLE,
    )
    data_files = COCO_FILES

    def input_image(self, item: Item) -> Path:
        """In ``folder``."""
        if self._given is None:
            raise MissingData(
                f"task {self.info.name!r} asks about images of COCO val2014; download them, and give "
                "their place as folder"
            )
        folder = Path(self._given).expanduser()
        if not folder.is_dir():
            raise MissingData(
                f"task {self.info.name!r}: there is no folder {folder}; give COCO's val2014 images"
            )
        names = (str(item.image), f"COCO_val2014_{item.image}")
        existing = [folder / name for name in names if (folder / name).is_file()]
        return existing[0] if existing else folder / names[0]

    def rule_name(self, category: str) -> str:
        """The category itself."""
        return category

    def _files(self) -> tuple[Path, Path, Path]:
        questions, references, contexts = (locate(file) for file in (QUESTIONS, REFERENCES, CONTEXTS))
        return questions, references, contexts


class LlavaBenchWild(LlavaBench):
    """24 images of many kinds with 60 questions.

    ``folder`` is a copy of the hub's dataset, by default ``llava-bench-in-the-wild`` under
    ``SELFREWARD_DATA``.
    """

    info = TaskInfo(
        name="llava_bench_wild",
        version="1",
        title="LLaVA-Bench (In-the-Wild): 60 questions about 24 images, judged by text beside a reference",
        paper=PAPER,
        images_per_item=1,
        capability="answer",
        licence="not known here; brought by its user",
        comparable=COMPARABLE,
    )
    data_files = (RULES,)

    def input_image(self, item: Item) -> Path:
        """In the dataset's ``images``."""
        name = Path(str(item.image))
        if name.is_absolute() or ".." in name.parts:
            raise InputError(f"item {item.id!r} asks about {item.image!r}, which is outside {WILD}/images")
        return self._folder / "images" / name

    def rule_name(self, category: str) -> str:
        """With upstream's beginning."""
        return f"llava_bench_{category}"

    def options(self) -> Mapping[str, Any]:
        """Also the hashes of the files: they are not pinned."""
        from selfreward_eval.tasks.llava_bench.data import file_sha256

        files = {name: file_sha256(self._folder / name) for name in WILD_FILES}
        return {**super().options(), "files": files}

    @cached_property
    def _folder(self) -> Path:
        from selfreward_eval.tasks.llava_bench.data import wild_folder

        return wild_folder(self._given)

    def _files(self) -> tuple[Path, Path, Path]:
        questions, references, contexts = (self._folder / name for name in WILD_FILES)
        return questions, references, contexts
