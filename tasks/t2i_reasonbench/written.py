"""T2I-ReasonBench's textual images, read by OCR: is the text that a prompt quotes written in the picture?

A variant of this project's own, not of upstream's: upstream asks a judge about every prompt, this task reads
only those that quote a text, and checks nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from math import fsum
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.data import locate
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.base import TextLine, TextReader
from selfreward_eval.harness.records import Item, Measurement, Sample, Status
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.tasks.t2i_reasonbench.data import FILES

if TYPE_CHECKING:
    from PIL.Image import Image

DIMENSION = "textual_image"
READER = "rapidocr"


class T2IReasonBenchText(Task):
    """The quoted texts of the textual images, read by a text reader of your choice.

    Args:
        reader: registry name of an instrument that reads text, or such an instrument.
        reader_args: its constructor's arguments.

    The instrument is built when it is first needed.
    """

    info = TaskInfo(
        name="t2i_reasonbench_text",
        version="1",
        title="Textual images of T2I-ReasonBench that quote a text: is it written, letter by letter? By OCR",
        paper="https://arxiv.org/abs/2508.17472",
        images_per_item=1,
        capability="generate",
        licence="none stated by upstream; fetched for your own use, never redistributed",
        comparable="no: this project's own variant; T2I-ReasonBench asks a judge, about all its prompts",
    )
    metrics = (Metric("exact_text", macro=False), Metric("text_likeness", macro=False))
    data_files = (FILES[DIMENSION].prompts, FILES[DIMENSION].questions)

    def __init__(
        self, reader: str | TextReader = READER, reader_args: Mapping[str, Any] | None = None
    ) -> None:
        self._reader, self._reader_args = reader, dict(reader_args or {})

    def items(self) -> Sequence[Item]:
        """The prompts that quote a text, in official order, with the ids that they have in the benchmark.

        Raises:
            MissingData: the official files are not on this machine.
        """
        return self._items

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        """``exact_text``, the share of quoted texts that are written, and how near the others come."""
        wanted = {item.id: item.metadata["wanted"] for item in items}
        readings = self.reader.read_text(images) if samples else []
        return [
            measurement_of(wanted[sample.item_id], lines)
            for sample, lines in zip(samples, readings, strict=True)
        ]

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        """Identity of the text reader."""
        return {"reader": self.reader.identity()}

    @cached_property
    def reader(self) -> TextReader:
        """The text reader, built on first use.

        Raises:
            UnknownName: no such instrument.
            UsageError: it does not take these arguments, or reads no text.
        """
        from selfreward_eval.harness.instruments.build import build

        built = build(self._reader, self._reader_args) if isinstance(self._reader, str) else self._reader
        if not isinstance(built, TextReader):
            raise UsageError(
                f"task {self.info.name!r}: the instrument {self._reader!r} reads no text; name another as "
                f"reader, such as {READER}"
            )
        return built

    @cached_property
    def _items(self) -> tuple[Item, ...]:
        from selfreward_eval.tasks.t2i_reasonbench.dimensions import DIMENSIONS
        from selfreward_eval.tasks.t2i_reasonbench.items import load_items
        from selfreward_eval.tasks.written_text import wanted_texts

        files = FILES[DIMENSION]
        items = load_items(DIMENSIONS[DIMENSION], locate(files.prompts), locate(files.questions))
        quoting = [(item, wanted_texts(item.text)) for item in items]
        return tuple(replace(item, metadata={"wanted": wanted}) for item, wanted in quoting if wanted)


def measurement_of(wanted: Sequence[str], lines: Sequence[TextLine]) -> Measurement:
    """The measurement from what was read; a picture without any text is read, and scores 0."""
    from selfreward_eval.tasks.written_text import is_written, nearest

    read = " ".join(line.text for line in lines)
    exact = [is_written(read, text) for text in wanted]
    values = {
        "exact_text": sum(exact) / len(exact),
        "text_likeness": fsum(nearest(read, text) for text in wanted) / len(wanted),
    }
    lacking = [text for text, found in zip(wanted, exact, strict=True) if not found]
    reason = f"{sum(exact)} of {len(exact)} texts written" + (f"; not {lacking[0]!r}" if lacking else "")
    rows = [{"text": line.text, "box": list(line.box), "score": line.score} for line in lines]
    return Measurement(Status.SUCCESS, values, reason, {"wanted": list(wanted), "lines": rows})
