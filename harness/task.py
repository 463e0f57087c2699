"""The task contract: a benchmark's items, how a sample is measured, how scores are made.

:class:`Task` is what every benchmark fills in. What only some of them can do is a Protocol of its own, which
a task offers by having the method: :class:`Responds`, :class:`Remeasures`.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord
from selfreward_eval.harness.seeds import sample_seed

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

    from selfreward_eval.harness.data import PinnedFile


@dataclass(frozen=True)
class Metric:
    """What a number means.

    Attributes:
        name: key in the sample lines and in ``results``.
        range: smallest and largest possible value.
        higher_is_better: direction.
        macro: whether the score is the unweighted mean of the categories' means.
        reference: key of a second value of every sample, on the same range, where papers print the share
            of the two: 100 x this metric's total / that one's. Comparisons then give its difference too.
    """

    name: str
    range: tuple[float, float] = (0.0, 1.0)
    higher_is_better: bool = True
    macro: bool = True
    reference: str | None = None


@dataclass(frozen=True)
class TaskInfo:
    """What ``list tasks`` prints and the manifest records.

    Attributes:
        name: registry name.
        version: protocol version; anything that changes a score changes it.
        title: one line.
        paper: where the benchmark is defined.
        images_per_item: samples per item in the protocol.
        capability: what the model must offer.
        seed_policies: ``hashed`` first (the default), then upstream's where there is one.
        licence: of the benchmark's data.
        comparable: whether numbers may stand beside the officially published ones, and why not.
    """

    name: str
    version: str
    title: str
    paper: str
    images_per_item: int
    capability: str = "generate"
    seed_policies: tuple[str, ...] = ("hashed",)
    licence: str = ""
    comparable: str = ""

    @property
    def id(self) -> str:
        """``name@version``, the key that seeds and comparisons use."""
        return f"{self.name}@{self.version}"


class Task(ABC):
    """A benchmark. Subclasses fill in four things: info, metrics, items and measure."""

    info: TaskInfo
    metrics: tuple[Metric, ...]
    data_files: tuple[PinnedFile, ...] = ()
    """Official files that the items are loaded from; see :mod:`selfreward_eval.harness.data`."""

    @abstractmethod
    def items(self) -> Sequence[Item]:
        """Every item, in official order."""

    @abstractmethod
    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        """One measurement per sample. ``images`` are RGB and aligned with ``samples``.

        They are what the model drew, or, where it answers, what it was asked about.
        """

    @abstractmethod
    def instruments(self) -> Mapping[str, dict[str, Any]]:
        """Role -> identity of every instrument that measuring uses."""

    def seed(self, item: Item, index: int, run_seed: int, policy: str) -> int:
        """The seed of picture ``index``; subclasses with an official policy extend this."""
        if policy == "hashed":
            return sample_seed(self.info.id, item.id, index, run_seed)
        known = ", ".join(self.info.seed_policies)
        raise UsageError(f"task {self.info.name!r} has no seed policy {policy!r}; known: {known}")

    def input_image(self, item: Item) -> Path | Image:
        """The picture that an item of an ``answer`` task asks about, or where it lies (it may be missing).

        Raises:
            UsageError: the task asks about no pictures.
        """
        raise UsageError(f"task {self.info.name!r} has no input pictures; it cannot ask a model for answers")

    def options(self) -> Mapping[str, Any]:
        """Settings of the protocol that a user changed or could change; part of the run's identity.

        Unless a task says otherwise: its constructor's arguments, as far as it keeps them as attributes of
        the same names and they are plain values. Else runs that differ in them would be compared.
        """
        names = inspect.signature(type(self)).parameters
        kept = {name: getattr(self, name) for name in names if hasattr(self, name)}
        return {name: value for name, value in kept.items() if _is_plain(value)}

    def extra(self, records: Sequence[SampleRecord]) -> dict[str, float]:
        """Further official numbers over a whole run, by name."""
        return {}


def _is_plain(value: Any) -> bool:
    """Whether JSON holds a value as it is: a scalar, or a list of scalars."""
    if isinstance(value, list | tuple):
        return all(one is None or isinstance(one, str | int | float) for one in value)
    return value is None or isinstance(value, str | int | float)


@runtime_checkable
class Responds(Protocol):
    """A task that asks the model in its own way, not one picture and one text at a time."""

    def respond(self, model: Any, items: Sequence[Item]) -> list[str]:
        """What the model says to every item, as the text of its sample; from it alone the task measures.

        The same in any batch. ``model`` has the capability that the task's info names.
        """
        ...

    def shown(self, item: Item) -> Image | None:
        """The picture that ``item`` is about, to be kept beside the text; None if there is none."""
        ...


@runtime_checkable
class Remeasures(Protocol):
    """A task that can measure a recorded sample again from its evidence: no judge, no model, no picture."""

    def remeasure(self, record: SampleRecord) -> Measurement:
        """The measurement that this task makes of the record's replies.

        Raises:
            InputError: the record holds no replies.
        """
        ...


def limited(items: Sequence[Item], limit: int | None) -> list[Item]:
    """The first ``limit`` items, taken from the categories in turn, in the benchmark's order.

    A plain prefix would be one category only, and no macro score.
    """
    if limit is None or limit >= len(items):
        return list(items)
    queues: dict[str, list[int]] = {}
    for position, item in enumerate(items):
        queues.setdefault(item.category, []).append(position)
    taken: list[int] = []
    while len(taken) < limit:
        for queue in queues.values():
            if queue and len(taken) < limit:
                taken.append(queue.pop(0))
    return [items[position] for position in sorted(taken)]
