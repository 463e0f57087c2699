"""``lm_eval:NAME``: a task or group of lm-eval, to measure a model's understanding or language ability.

It detects forgetting: abilities that training must not reduce are measured before
and after, with the same records, intervals and comparisons as other benchmarks.
Questions, pictures, filters and metrics are lm-eval's (0.4.13); see ``docs/lm_eval.md``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord
from selfreward_eval.harness.runs.store import sanitise
from selfreward_eval.harness.task import Task, TaskInfo

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.harness.models.base import Model
    from selfreward_eval.tasks.lm_eval.documents import Document

CAPABILITIES = {
    ("generate_until", True): "answer",
    ("generate_until", False): "complete",
    ("multiple_choice", True): "text_logprobs",
    ("multiple_choice", False): "completion_logprobs",
    ("loglikelihood", True): "text_logprobs",
    ("loglikelihood", False): "completion_logprobs",
}
"""(lm-eval's output type, whether it shows pictures) -> the capability that a model needs."""


class LmEvalTask(Task):
    """One task of lm-eval, or a group with an aggregate metric.

    Args:
        name: lm-eval's, or a task's YAML file.
        include_path: folder with YAML files of your own.
        metric: the metric that samples are compared by; by default the first that is a mean over documents.
        low: smallest possible value of the metric.
        high: largest possible value.
        category: field of the documents with their category; the task's ``metadata.category`` by default.
        cluster: field with the cluster of dependent documents, such as the picture they are about;
            the task's ``metadata.cluster`` by default.
        num_fewshot: examples before the question; the task's own number by default.
        fewshot_seed: seed of their selection; lm-eval's own by default.
        gen_kwargs: overrides of the task's generation settings.
        unsafe_code: allow tasks that run code written by the model.

    Raises:
        MissingExtra: lm-eval is not installed.
        UnknownName: no such task.
        InputError: it or its data cannot be loaded.
        UsageError: no adapter can serve it.
    """

    info = TaskInfo(
        name="lm_eval",
        version="1",
        title="any task of lm-eval: lm_eval:NAME",
        paper="https://github.com/EleutherAI/lm-evaluation-harness",
        images_per_item=1,
        capability="text_logprobs",
        licence="of the task's data",
        comparable=(
            "with numbers of the same task that lm-eval measured through these adapters; others put the "
            "question to the model in another form"
        ),
    )

    def __init__(
        self,
        name: str,
        include_path: str | None = None,
        metric: str | None = None,
        low: float = 0.0,
        high: float = 1.0,
        category: str | None = None,
        cluster: str | None = None,
        num_fewshot: int | None = None,
        fewshot_seed: int = 1234,
        gen_kwargs: Mapping[str, Any] | None = None,
        unsafe_code: bool = False,
    ) -> None:
        from dataclasses import replace

        from selfreward_eval.tasks.lm_eval.loading import load
        from selfreward_eval.tasks.lm_eval.measuring import headline

        self._loaded = load(
            name,
            include_path,
            num_fewshot=num_fewshot,
            fewshot_seed=fewshot_seed,
            gen_kwargs=gen_kwargs,
            unsafe_code=unsafe_code,
        )
        self._fewshot_seed = fewshot_seed
        self._first = next(iter(self._loaded.tasks.values()))
        metadata = getattr(self._first.config, "metadata", None) or {}
        single = len(self._loaded.tasks) == 1
        self._category = category or (metadata.get("category") if single else None)
        self._cluster = cluster or (metadata.get("cluster") if single else None)
        self.metrics = (headline(self._loaded.tasks, self._loaded.aggregate, metric, low, high),)
        kind = self._first.OUTPUT_TYPE
        self.info = replace(
            type(self).info,
            name=f"lm_eval:{sanitise(self._loaded.name)}",
            version=self._loaded.version,
            title=f"lm-eval's {self._loaded.name} ({kind})",
            capability=CAPABILITIES[kind, bool(getattr(self._first, "MULTIMODAL", False))],
        )

    def items(self) -> Sequence[Item]:
        """The documents in lm-eval's order.

        Raises:
            InputError: the task's own code fails on a document.
            UsageError: it asks for something that no adapter can serve.
        """
        return [document.item for document in self._documents.values()]

    def shown(self, item: Item) -> Image | None:
        """The picture that ``item`` asks about, or None in a text-only task."""
        return self._documents[item.id].picture

    def respond(self, model: Model, items: Sequence[Item]) -> list[str]:
        """The responses of ``model`` to every item, through the class that lm-eval's own command uses."""
        from selfreward_eval.harness.models.lm_eval_bridge import SelfRewardLM
        from selfreward_eval.tasks.lm_eval.measuring import GENERATED, encode_responses

        documents = [self._documents[item.id] for item in items]
        requests = [instance for document in documents for instance in document.instances]
        lm = SelfRewardLM(model, batch_size=len(items))
        generated = self._first.OUTPUT_TYPE == GENERATED
        responses = iter(lm.generate_until(requests) if generated else lm.loglikelihood(requests))
        return [
            encode_responses(document, [next(responses) for _ in document.instances])
            for document in documents
        ]

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        """lm-eval's numbers for every sample, from its text alone; ``images`` are not used."""
        from selfreward_eval.tasks.lm_eval.measuring import measure

        metric = self.metrics[0]
        return [
            measure(self._documents[item.id], str(sample.text), metric)
            for item, sample in zip(items, samples, strict=True)
        ]

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        """None: answers are compared with the task's own targets."""
        return {}

    def options(self) -> Mapping[str, Any]:
        """lm-eval's version, and all settings of the tasks that can change a number."""
        from selfreward_eval.tasks.lm_eval.settings import settings

        return {
            **settings(self._loaded.tasks),
            "metric": self.metrics[0].name,
            "fewshot_seed": self._fewshot_seed,
        }

    def extra(self, records: Sequence[SampleRecord]) -> dict[str, float]:
        """Every number that lm-eval itself prints for these samples."""
        from selfreward_eval.tasks.lm_eval.measuring import lm_eval_numbers

        return lm_eval_numbers(self._documents, records)

    @cached_property
    def _documents(self) -> dict[str, Document]:
        from selfreward_eval.tasks.lm_eval.documents import documents

        return documents(self._loaded.tasks, self._category, self._cluster)
