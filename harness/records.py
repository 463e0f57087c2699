"""The on-disk contract: what a run is made of, as frozen dataclasses.

Every class has ``to_json``/``from_json`` over plain dictionaries. Readers
ignore keys that they do not know, so that older code reads newer runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Self

__all__ = [
    "NOT_MADE",
    "Item",
    "Manifest",
    "Measurement",
    "Sample",
    "SampleRecord",
    "Status",
    "fingerprint",
    "latest",
]


class Status(StrEnum):
    """What became of one sample. Only ``SUCCESS`` carries numbers.

    ``MODEL_REFUSED``: the model, or what guards it, declines this prompt or picture.
    ``MODEL_TRANSPORT_ERROR``: a server's answer did not arrive; the sample is tried again on resume.
    """

    SUCCESS = "success"
    GENERATION_ERROR = "generation_error"
    MODEL_REFUSED = "model_refused"
    MODEL_TRANSPORT_ERROR = "model_transport_error"
    MISSING_IMAGE = "missing_image"
    UNREADABLE_IMAGE = "unreadable_image"
    MEASUREMENT_ERROR = "measurement_error"
    JUDGE_TRANSPORT_ERROR = "judge_transport_error"
    JUDGE_PARSE_ERROR = "judge_parse_error"


NOT_MADE = frozenset({Status.GENERATION_ERROR, Status.MODEL_REFUSED, Status.MODEL_TRANSPORT_ERROR})
"""The model made nothing that could be measured."""


def fingerprint(value: Any) -> str:
    """sha256 over canonical JSON, 64 hex digits; key order and spacing do not matter."""
    return hashlib.sha256(_CANONICAL.encode(value).encode("utf-8")).hexdigest()


_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
"""Kept, since ``json.dumps`` makes an encoder for every call."""

_PLAIN = (str, int, float, bool, type(None))


class _Record:
    """JSON in and out for the dataclasses below."""

    def to_json(self) -> dict[str, Any]:
        line = {}
        for name in self.__dataclass_fields__:  # type: ignore[attr-defined]
            value = getattr(self, name)
            if value.__class__ is dict and not value:
                value = {}
            elif value.__class__ not in _PLAIN:  # What is nested is copied, which takes ten times as long.
                return asdict(self)  # type: ignore[call-overload]
            line[name] = value
        return line

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        known = {f.name for f in fields(cls)}  # type: ignore[arg-type]
        return cls(**{key: value for key, value in data.items() if key in known})


@dataclass(frozen=True)
class Item(_Record):
    """One line of a benchmark.

    Attributes:
        id: unique within its task and stable across versions of this package.
        text: what the model is asked to draw or answer.
        category: the stratum it is averaged in (GenEval's ``tag``).
        cluster: items that share it are not independent; the item itself by default.
        image: path of an input picture, for understanding tasks.
        metadata: what the scoring rule needs, in upstream's own schema.
    """

    id: str
    text: str
    category: str
    cluster: str = ""
    image: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.cluster:
            object.__setattr__(self, "cluster", self.id)


@dataclass(frozen=True)
class Sample(_Record):
    """What a model made of an item.

    Attributes:
        item_id: the item it answers.
        index: k, the number of this sample among the item's, from 0.
        seed: the seed it was drawn with, 0 <= seed < 2**63.
        image: path, relative to the run folder, of the picture drawn or asked about, or None.
        text: the answer of an understanding task, or None.
        image_sha256: hash of the picture's file.
    """

    item_id: str
    index: int
    seed: int
    image: str | None = None
    text: str | None = None
    image_sha256: str | None = None


@dataclass(frozen=True)
class Measurement(_Record):
    """What a task read off one sample.

    Attributes:
        status: ``success`` or why there is no number.
        values: metric name -> value; empty unless the status is ``success``.
        reason: one or more lines for a human: why this verdict, or what failed.
        evidence: boxes, answers, raw replies; JSON values only.
    """

    status: Status
    values: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", Status(self.status))
        if self.status is not Status.SUCCESS and self.values:
            raise ValueError(f"a measurement with status {self.status} carries no value, got {self.values}")

    @property
    def ok(self) -> bool:
        return self.status is Status.SUCCESS


@dataclass(frozen=True)
class SampleRecord:
    """One line of ``samples_*.jsonl``: the item, the sample and its measurement together.

    The keys are lm-eval's, with ours beside them; see ``docs/records.md``.
    """

    doc_id: int
    item: Item
    sample: Sample
    measurement: Measurement
    timing: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        item, sample, measurement = self.item, self.sample, self.measurement
        doc = {"prompt_id": item.id, "prompt": item.text, "tag": item.category, "cluster": item.cluster}
        doc["metadata"] = item.metadata  # type: ignore[assignment]
        response = sample.text if sample.text is not None else (sample.image or "")
        line: dict[str, Any] = {
            "doc_id": self.doc_id,
            "doc": doc,
            "target": "",
            "arguments": {"gen_args_0": {"arg_0": item.text, "arg_1": {"seed": sample.seed}}},
            "resps": [[response]],
            "filtered_resps": [response],
            "filter": "none",
            "metrics": sorted(measurement.values),
            "doc_hash": fingerprint(doc),
            "prompt_hash": fingerprint(item.text),
            "target_hash": _NO_TARGET,
            "prompt_id": item.id,
            "image_idx": sample.index,
            "seed": sample.seed,
            "image": sample.image,
            "image_sha256": sample.image_sha256,
            "text": sample.text,
            "status": str(measurement.status),
            "reason": measurement.reason,
            "evidence": measurement.evidence,
            "timing": self.timing,
        }
        line.update(measurement.values)
        return line

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> SampleRecord:
        """The record that :meth:`to_json` wrote; KeyError, TypeError or ValueError for anything else."""
        doc = line["doc"]
        for part, name, kind in _TYPES:
            value = (doc if part else line).get(name)
            if not isinstance(value, kind):
                raise TypeError(f"{name} is {repr(value)[:40]}")
        item = Item(
            id=doc["prompt_id"],
            text=doc["prompt"],
            category=doc["tag"],
            cluster=doc.get("cluster") or "",
            metadata=doc.get("metadata") or {},
        )
        sample = Sample(
            item_id=item.id,
            index=int(line["image_idx"]),
            seed=int(line["seed"]),
            image=line.get("image"),
            text=line.get("text"),
            image_sha256=line.get("image_sha256"),
        )
        status = Status(line["status"])
        try:
            values = {name: float(line[name]) for name in line.get("metrics") or ()}
        except OverflowError:
            raise ValueError("a value is a number that no float holds") from None
        measurement = Measurement(status, values, line.get("reason") or "", line.get("evidence") or {})
        return cls(int(line["doc_id"]), item, sample, measurement, dict(line.get("timing") or {}))


_NO_TARGET = fingerprint("")

_NO = type(None)
_TYPES: tuple[tuple[bool, str, Any], ...] = (
    (True, "prompt_id", str),
    (True, "prompt", str),
    (True, "tag", str),
    (True, "cluster", str | _NO),
    (True, "metadata", dict | _NO),
    (False, "image", str | _NO),
    (False, "text", str | _NO),
    (False, "image_sha256", str | _NO),
    (False, "metrics", list | _NO),
    (False, "reason", str | _NO),
    (False, "evidence", dict | _NO),
    (False, "timing", dict | _NO),
)
"""(Whether it is a key of ``doc``, key, type) of a sample line; keys that may be absent may be null."""


def latest(records: Iterable[SampleRecord]) -> list[SampleRecord]:
    """The last record of every sample, in the order in which samples first came.

    A sample that was tried again has several lines in a file that is only appended to.
    """
    return list({(record.item.id, record.sample.index): record for record in records}.values())


@dataclass(frozen=True)
class Manifest(_Record):
    """``run.json``: what makes a run this run, and in what state it is.

    Attributes:
        identity: everything that can change a picture or a score: task versions, model and its
            revision, generation settings, instruments and their revisions, seeds, item hashes.
            Two folders with the same identity hold the same run.
        environment: what was installed; recorded, never compared.
        status: ``started``, ``success`` or ``error``.
    """

    identity: dict[str, Any]
    environment: dict[str, Any]
    status: str
    created: str
    finished: str | None = None

    def __post_init__(self) -> None:
        for name in ("identity", "environment"):
            if not isinstance(getattr(self, name), dict):
                raise TypeError(f"{name} is not an object")
        for name in ("status", "created") + (() if self.finished is None else ("finished",)):
            if not isinstance(getattr(self, name), str):
                raise TypeError(f"{name} is not a text")

    @property
    def fingerprint(self) -> str:
        """sha256 of the identity."""
        return fingerprint(self.identity)
