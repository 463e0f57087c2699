"""The run folder while it is written: one writer, whole pictures, appended lines, a checked identity.

Or several writers, one part each (:mod:`selfreward_eval.harness.runs.parts`); who finishes the run writes
one file of all parts, in the plan's order, and removes them.

Order of writing, so that a kill at any point loses nothing and repeats nothing:
manifest (started), then for every sample its picture and after it its line,
then the results, then the manifest again (success).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from selfreward_eval.harness.files import (
    JsonLinesWriter,
    atomic_write_bytes,
    atomic_write_json,
    read_json_lines,
)
from selfreward_eval.harness.folders import RUN, create_json, read_identity_file, require_same
from selfreward_eval.harness.models.base import REVISED_PROMPT
from selfreward_eval.harness.records import Manifest, Sample, SampleRecord, latest
from selfreward_eval.harness.runs import parts
from selfreward_eval.harness.runs.journal import Journal, deaths, environments
from selfreward_eval.harness.user_files.pictures import Unreadable, read_rgb_file
from selfreward_eval.harness.user_files.text_files import parse_json

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.PngImagePlugin import PngInfo

MANIFEST = "run.json"

MIXED = "mixed"
"""In a finished manifest's environment: those of its shards, where they were not all alike."""


def sanitise(name: str) -> str:
    """A model's name as a folder name, as lm-eval does it: anything unusual becomes ``__``."""
    return re.sub(r"[^\w.\-]+", "__", name).strip("._") or "model"


def now() -> str:
    """The time in UTC as lm-eval writes it into file names: ISO 8601, colons as dashes."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds").replace(":", "-")


class RunFolder:
    """One run folder, opened for writing by one process, or one part of it by one of several.

    Args:
        path: made if it is not there.
        identity: of the run.
        environment: recorded if this process begins the run.
        part: label of the part to write; None for the whole folder.
        sitting: what the journal of a part says about this process, beside its environment.
        among_shards: with the whole folder, wait while a shard opens its part.

    Attributes:
        journal: of the part; None for the whole folder.

    Raises:
        FolderBusy: another process writes it.
        RunFolderError: it holds another run, or it cannot be read.
    """

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, Any],
        environment: Mapping[str, Any],
        *,
        part: str | None = None,
        sitting: Mapping[str, Any] | None = None,
        among_shards: bool = False,
    ) -> None:
        self.path = path
        self.journal: Journal | None = None
        self._part = part
        self._writers: dict[str, JsonLinesWriter] = {}
        self._settled: set[str] = set()
        self._once: dict[str, set[int]] = {}  # Of files known to hold one whole line per sample: which.
        self._digests: dict[str, str | None] = {}
        if part is None:
            with ExitStack() as locks:
                locks.push(parts.claim_whole(path, among_shards=among_shards))
                self.manifest = self._open(dict(identity), dict(environment))
                self._locks = locks.pop_all()
            return
        with parts.opening_part(path, part) as lock:
            self.manifest = self._open(dict(identity), dict(environment))
            self.journal = self._open_journal(part, {**(sitting or {}), "environment": dict(environment)})
        self._locks = ExitStack()
        self._locks.callback(lock.release)
        self._locks.callback(self.journal.close)

    def _open(self, identity: dict[str, Any], environment: dict[str, Any]) -> Manifest:
        path = self.path / MANIFEST
        recorded = read_identity_file(path, RUN, Manifest.from_json)
        if recorded is not None:
            require_same(self.path, recorded.identity, identity, RUN)
        if self._part is None:
            self._clean()
        if recorded is not None:
            return recorded
        fresh = Manifest(identity, environment, "started", now())
        if self._part is None:
            atomic_write_json(path, fresh.to_json())
            return fresh
        create_json(path, fresh.to_json())
        first = read_identity_file(path, RUN, Manifest.from_json) or fresh
        require_same(self.path, first.identity, identity, RUN)
        return first

    def _open_journal(self, part: str, sitting: Mapping[str, Any]) -> Journal:
        journals = parts.journal_paths(self.path, self.manifest.created)
        living = {label for label in journals if label != part and parts.is_written(self.path, label)}
        path = parts.part_path(self.path / f"{parts.JOURNAL}_{self.manifest.created}.jsonl", part)
        return Journal(path, sitting, deaths(journals, living))

    def _clean(self) -> None:
        """Removes what a killed writer left half written; with the lock held, nobody is writing it now."""
        written = (
            ".run.json",
            ".results_*.json",
            ".inventory.json",
            ".config.yaml",
            ".samples_*.jsonl",
            "images/*/*/.*.png",
        )
        for pattern in (f"{name}.*.tmp" for name in written):
            for stale in self.path.glob(pattern):
                stale.unlink(missing_ok=True)

    def samples_path(self, task: str) -> Path:
        """The line file of ``task``; its name keeps the time at which the run began."""
        return self.path / f"samples_{task}_{self.manifest.created}.jsonl"

    def records(self, task: str) -> list[SampleRecord]:
        """The last record of every sample, in file order; a torn last line is left out.

        Of a run in parts, the records of all of them, in the plan's order.
        """
        path = self.samples_path(task)
        pieces = parts.part_paths(path)
        records, settled = parts.read_records(path) if path.exists() else ([], False)
        if pieces:
            records, settled = (
                parts.united([records, *(parts.read_records(piece)[0] for piece in pieces)]),
                False,
            )
        if settled:
            self._settled.add(task)
        if not pieces and (settled or not path.exists()):
            self._once[task] = {one.doc_id for one in records}
        self._digests.update(
            (one.sample.image, one.sample.image_sha256) for one in records if one.sample.image
        )
        return records

    def results_path(self) -> Path | None:
        """Where the results lie; None where the run is unfinished, or has parts that are not merged."""
        path = self.path / f"results_{self.manifest.created}.json"
        tasks = self.manifest.identity.get("tasks", {})
        in_parts = any(parts.part_paths(self.samples_path(task)) for task in tasks)
        done = self.manifest.status == "success" and not in_parts and path.is_file()
        return path if done else None

    def keeps(self, results: Mapping[str, Any]) -> Path | None:
        """Where the results lie, if they are ``results`` but for their date and no line is out of place."""
        path = self.results_path()
        if path is None or self._writers or self._settled != set(self.manifest.identity.get("tasks", {})):
            return None
        try:
            recorded = parse_json(path.read_text(encoding="utf-8"))
        except ValueError:
            return None
        new = {**json.loads(json.dumps(results)), "date": 0}
        return path if isinstance(recorded, dict) and {**recorded, "date": 0} == new else None

    def append(self, task: str, record: SampleRecord) -> None:
        """Adds one sample line; it is with the operating system when this returns."""
        if self.manifest.status == "success":
            # The results no longer follow from the samples until they are written again.
            self.manifest = replace(self.manifest, status="started", finished=None)
            self.write_json(MANIFEST, self.manifest.to_json())
        if record.doc_id in self._once.get(task, ()):
            del self._once[task]
        elif task in self._once:
            self._once[task].add(record.doc_id)
        if task not in self._writers:
            path = self.samples_path(task)
            self._writers[task] = JsonLinesWriter(
                path if self._part is None else parts.part_path(path, self._part)
            )
        self._writers[task].append(record.to_json())

    def _settle(self, task: str, in_order: bool) -> None:
        """Leaves one whole line per sample, where some were tried again: other readers count lines."""
        path = self.samples_path(task)
        if parts.part_paths(path) or in_order:
            self._replace(task, sorted(self.records(task), key=lambda record: record.doc_id))
            return
        if task in self._once or not path.is_file():
            return
        lines = read_json_lines(path)
        kept = latest(SampleRecord.from_json(line) for line in lines.records)
        if len(kept) < len(lines.records) or lines.torn:
            self._replace(task, kept)

    def _replace(self, task: str, records: Iterable[SampleRecord]) -> None:
        if task in self._writers:
            self._writers.pop(task).close()
        text = [json.dumps(record.to_json(), ensure_ascii=False, separators=(",", ":")) for record in records]
        atomic_write_bytes(self.samples_path(task), ("\n".join(text) + "\n").encode("utf-8"))

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Writes a file of the run, which other hosts may be writing, too, where this is one of its parts."""
        atomic_write_json(self.path / name, dict(value), alone=self._part is None)

    def picture_path(self, task: str, item_id: str, index: int, seed: int) -> str:
        """Where a picture lies, relative to the run folder, with ``/``."""
        return f"images/{task}/{sanitise(item_id)}/{index}_{seed}.png"

    def read_picture(self, relative: str) -> tuple[Image, str] | None:
        """A picture written earlier, as (RGB image, sha256 of its file), or None if there is none whole.

        One that is not the picture of its record is none either: somebody put it there afterwards.
        """
        if not os.path.isfile(f"{self.path}/{relative}"):
            return None
        path = self.path / relative
        try:
            picture = read_rgb_file(path)
        except (OSError, Unreadable):
            return None
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        recorded = self._digests.get(relative)
        return (picture, digest) if recorded in (None, digest) else None

    def write_picture(self, relative: str, picture: Image) -> str:
        """Writes a picture as PNG, whole or not at all; returns the sha256 of the file."""
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG", pnginfo=_revised_prompt(picture))
        data = buffer.getvalue()
        # Texts, since a few path objects per picture take as long as writing it.
        path = f"{self.path}/{relative}"
        folder = os.path.dirname(path)
        try:
            os.mkdir(folder)
        except FileExistsError:
            pass
        except FileNotFoundError:  # The first picture of the run, or of its task.
            os.makedirs(folder, exist_ok=True)
        atomic_write_bytes(path, data, durable=False)
        return hashlib.sha256(data).hexdigest()

    def finish(self, results: Mapping[str, Any], *, in_order: bool = False) -> Path:
        """Writes the results, then marks the run as done; returns the results' path.

        Parts are merged before, and removed after everything else is in place.

        Args:
            results: the whole file.
            in_order: sort the samples by ``doc_id``, which is the plan's order, as those of parts are.
        """
        for writer in self._writers.values():
            writer.sync()
        # Every task of the run: an earlier process may have been killed between a retry and this.
        for task in self.manifest.identity.get("tasks", {}):
            self._settle(task, in_order)
        path = self.path / f"results_{self.manifest.created}.json"
        atomic_write_json(path, dict(results))
        journals = parts.journal_paths(self.path, self.manifest.created)
        environment = dict(self.manifest.environment)
        different = environments(journals)
        if len(different) > 1:
            environment[MIXED] = different
        self.manifest = replace(self.manifest, environment=environment, status="success", finished=now())
        atomic_write_json(self.path / MANIFEST, self.manifest.to_json())
        self.forget_parts()
        return path

    def forget_parts(self) -> None:
        """Removes the parts of a finished run, their journals and their locks."""
        for task in self.manifest.identity.get("tasks", {}):
            for piece in parts.part_paths(self.samples_path(task)):
                piece.unlink()
        for journal in parts.journal_paths(self.path, self.manifest.created).values():
            journal.unlink()
        parts.remove_part_locks(self.path)

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        self._locks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _revised_prompt(picture: Image) -> PngInfo | None:
    """What was drawn in place of the prompt, for the picture's own file: its line may never be written."""
    prompt = picture.info.get(REVISED_PROMPT)
    if not isinstance(prompt, str):
        return None
    from PIL.PngImagePlugin import PngInfo

    kept = PngInfo()
    kept.add_itxt(REVISED_PROMPT, prompt)
    return kept


def sample_from_picture(item_id: str, index: int, seed: int, relative: str, digest: str) -> Sample:
    """The sample of a picture that lies in the run folder."""
    return Sample(item_id=item_id, index=index, seed=seed, image=relative, image_sha256=digest)
