"""The pictures to reward: those of a run, or those of a folder whose layout gives their prompts."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.records import SampleRecord, Status
from selfreward_eval.rewarders.base import Reward, RewardSample

if TYPE_CHECKING:
    from selfreward_eval.harness.runs.reader import Run
    from selfreward_eval.harness.runs.scores import TaskScores

FOLDER = "pictures"
"""Task name of pictures that come from a folder."""


@dataclass(frozen=True, eq=False)
class PictureEntry:
    """One picture to reward, with its item and its measurement.

    Attributes:
        task: its task; :data:`FOLDER` where there is none.
        item_id: its item.
        index: its number among the item's, from 0.
        prompt: what it was drawn for; None if it is not known, and then it is not scored.
        category: the item's; empty where there is none.
        cluster: items that share it are not independent.
        metadata: the item's.
        path: its file; None where there is no picture.
        shown: its file's name, for readers.
        sha256: of the file that was measured; None where nothing was.
        measured: the benchmark's value; None where there is none.
        status: ``success``, or why there is no picture.
        reason: for a human, where there is none.
    """

    task: str
    item_id: str
    index: int
    prompt: str | None
    category: str = ""
    cluster: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None
    shown: str = ""
    sha256: str | None = None
    measured: float | None = None
    status: Status = Status.SUCCESS
    reason: str = ""

    @property
    def key(self) -> tuple[str, str, int]:
        """Unique among all pictures."""
        return self.task, self.item_id, self.index

    @property
    def item(self) -> tuple[str, str]:
        """Pictures of one item are one group."""
        return self.task, self.item_id

    @property
    def unit(self) -> tuple[str, str]:
        """Pictures that share it are not independent of each other."""
        return self.task, self.cluster or self.item_id


def pictures_of_run(run: Run, tasks: Sequence[str] = ()) -> tuple[list[PictureEntry], list[str]]:
    """The pictures that a run drew, in the task's order, and the tasks that drew none.

    Args:
        run: a finished run.
        tasks: which of its tasks; all that draw by default.

    Raises:
        UsageError: the run has no such task, or none that draws.
    """
    unknown = [name for name in tasks if name not in run.records]
    if unknown:
        raise UsageError(
            f"the run in {run.folder} has no task {unknown[0]!r}; it has {', '.join(run.records)}"
        )
    entries: list[PictureEntry] = []
    left_out = []
    for name, records in run.records.items():
        if tasks and name not in tasks:
            continue
        # The task asks for answers: its pictures are inputs, not the model's.
        if any(record.sample.text is not None for record in records):
            left_out.append(name)
            continue
        lines = sorted(records, key=lambda record: record.doc_id)
        entries += [_of_record(name, record, run.folder, run.scores[name]) for record in lines]
    if not entries:
        raise UsageError(
            f"the run in {run.folder} has no pictures of its own to reward: its tasks "
            f"({', '.join(left_out or run.records)}) ask for answers; name a run that draws"
        )
    return entries, left_out


def _of_record(task: str, record: SampleRecord, folder: Path, scores: TaskScores) -> PictureEntry:
    item, sample, measurement = record.item, record.sample, record.measurement
    path = None if sample.image is None else folder / sample.image
    status, reason = Status.SUCCESS, ""
    if path is None:
        # A record without a picture says why; one that claims success has lost it.
        status = Status.MISSING_IMAGE if measurement.ok else measurement.status
        reason = measurement.reason or "the record names no picture"
    elif not path.resolve().is_relative_to(folder.resolve()):
        path, status, reason = None, Status.MISSING_IMAGE, "its record points outside the run folder"
    return PictureEntry(
        task=task,
        item_id=item.id,
        index=sample.index,
        prompt=item.text,
        category=item.category,
        cluster=item.cluster,
        metadata=item.metadata,
        path=path,
        shown=sample.image or "",
        sha256=sample.image_sha256,
        measured=measurement.values.get(scores.metric),
        status=status,
        reason=reason,
    )


def pictures_of_folder(
    path: Path, layout: str = "auto", outside: bool = False
) -> tuple[list[PictureEntry], str]:
    """The pictures of a folder in a known layout, or of a JSONL list, and the layout's name.

    GenEval's folders give prompt and metadata, T2I-CompBench's file names the prompt, a list both
    ``prompt`` and ``id``.

    Raises:
        InputError: nothing there, or no picture.
    """
    from selfreward_eval.harness.models.layouts.choose import open_layout

    pictures = open_layout(path, layout, outside)
    reader = {"geneval": _of_geneval, "t2i_compbench": _of_compbench, "jsonl": _of_list}[pictures.name]
    entries = [reader(picture.about, picture.path, picture.name) for picture in pictures.pictures]
    if not entries:
        raise InputError(f"{path} (layout {pictures.name}) holds no picture; correct the path or --layout")
    return entries, pictures.name


def _of_geneval(about: Sequence[Any], path: Path | None, shown: str) -> PictureEntry:
    folder, metadata, _, number = about
    row = None if metadata is None else json.loads(metadata)
    if row is None:
        reason = f"the folder {folder} has no metadata.jsonl, so its prompt is not known"
        return PictureEntry(
            FOLDER, folder, number, None, shown=shown, status=Status.MEASUREMENT_ERROR, reason=reason
        )
    prompt, tag = str(row["prompt"]), str(row.get("tag", ""))
    return PictureEntry(FOLDER, folder, number, prompt, tag, folder, row, path, shown)


def _of_compbench(about: Sequence[Any], path: Path | None, shown: str) -> PictureEntry:
    from selfreward_eval.harness.models.layouts.compbench import PICTURE

    folder, file, number = about
    match = PICTURE.fullmatch(file)
    assert match is not None  # The layout keeps no other.
    item = f"{folder}/{match[1]}" if folder else match[1]
    return PictureEntry(FOLDER, item, number, match[1], folder, item, {}, path, shown)


def _of_list(about: Sequence[Any], path: Path | None, shown: str) -> PictureEntry:
    item, prompt, index = about
    if path is None:
        return PictureEntry(
            FOLDER, item, index, prompt, shown=shown, status=Status.MISSING_IMAGE, reason="it is not a file"
        )
    return PictureEntry(FOLDER, item, index, prompt, "", item, {}, path, shown)


def open_picture(
    entry: PictureEntry, content: bytes | None = None
) -> tuple[RewardSample | None, Reward | None, str | None]:
    """The sample of a entry, or the reward that says why there is none; and its file's sha256.

    A file that changed after it was measured is not scored: its reward and its measurement would belong
    to two different pictures.

    Args:
        entry: the picture.
        content: of its file; None to read it.
    """
    from selfreward_eval.harness.user_files.pictures import Unreadable, read_rgb

    if entry.path is None or entry.prompt is None:
        return None, Reward.unscored(entry.status, entry.reason), None
    try:
        data = entry.path.read_bytes() if content is None else content
    except OSError as error:
        return None, Reward.unscored(*missing(error)), None
    digest = hashlib.sha256(data).hexdigest()
    if entry.sha256 is not None and digest != entry.sha256:
        reason = (
            f"its file was changed after it was measured: its sha256 is {digest[:12]}…, recorded is "
            f"{entry.sha256[:12]}…"
        )
        return None, Reward.unscored(Status.UNREADABLE_IMAGE, reason), digest
    try:
        image = read_rgb(io.BytesIO(data))
    except Unreadable as error:
        return None, Reward.unscored(Status.UNREADABLE_IMAGE, str(error)), digest
    sample = RewardSample(
        image,
        category=entry.category,
        metadata=entry.metadata,
        group=f"{entry.task}/{entry.item_id}",
    )
    return sample, None, digest


def missing(error: OSError) -> tuple[Status, str]:
    """Status and reason of a picture whose file cannot be opened."""
    return Status.MISSING_IMAGE, f"its file cannot be opened ({error.strerror or error})"
