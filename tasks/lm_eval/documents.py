"""Converts the documents of an lm-eval task to items with the requests to a model.

The requests are built by lm-eval's task itself, so that both commands send the
same ones. A document becomes

    Item(id="000017", text="is there a red star?", category="existence", cluster="scene 5",
         metadata={"doc": {...}, "target": 1, "pictures": ["<sha256>"], "requests": 2})
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.models.lm_eval_requests import parse_query
from selfreward_eval.harness.records import Item

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.harness.models.lm_eval_requests import Query


@dataclass(frozen=True)
class Document:
    """An item with lm-eval's objects for requests and scoring.

    Attributes:
        item: the item.
        task: its ``lm_eval.api.task.Task``.
        doc: lm-eval's document.
        instances: its requests, ``lm_eval.api.instance.Instance``.
        picture: the picture that it asks about, or None.
    """

    item: Item
    task: Any
    doc: Any
    instances: tuple[Any, ...]
    picture: Image | None


def documents(
    tasks: Mapping[str, Any], category: str | None = None, cluster: str | None = None
) -> dict[str, Document]:
    """Item id -> document, in lm-eval's order.

    Args:
        tasks: name -> task; the names of several are their items' categories.
        category: field of the documents with their category; by default all are in one.
        cluster: field with the cluster of dependent documents, such as those about one picture.

    Raises:
        InputError: the task's own code fails on a document.
        UsageError: no such field, a field for the categories of a group, or a request that no adapter serves.
    """
    if category is not None and len(tasks) > 1:
        raise UsageError("the categories of a group are its tasks; leave --task-args category out")
    by_id: dict[str, Document] = {}
    for name, task in tasks.items():
        try:
            # It prints a progress bar; ours is shown while the model answers.
            with contextlib.redirect_stderr(io.StringIO()):
                task.build_all_requests(limit=None, rank=0, world_size=1)
        except Exception as error:  # The task's own functions: anything can happen.
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise InputError(
                f"lm-eval's task {name!r} cannot ask its questions ({reason}); mend it"
            ) from error
        by_doc: dict[int, list[Any]] = {}
        for instance in task.instances:
            by_doc.setdefault(instance.doc_id, []).append(instance)
        for number, instances in by_doc.items():
            doc = instances[0].doc
            item_id = f"{number:06d}" if len(tasks) == 1 else f"{name}/{number:06d}"
            contexts = [_asked(instance, name) for instance in instances]
            metadata = {
                "doc": plain(doc),
                "target": plain(task.doc_to_target(doc)),
                "pictures": [_picture_hash(contexts[0].image)] if contexts[0].image is not None else [],
                "requests": len(instances),
            }
            item = Item(
                id=item_id,
                text=contexts[0].question,
                category=_field(doc, category, name) if category else name,
                cluster=f"{name} {_field(doc, cluster, name)}" if cluster else "",
                metadata=metadata,
            )
            by_id[item_id] = Document(item, task, doc, tuple(instances), contexts[0].image)
    return by_id


def _asked(instance: Any, name: str) -> Query:
    extras = instance.args[2] if len(instance.args) > 2 else None
    return parse_query(str(instance.args[0]), extras, f"lm-eval's task {name!r}")


def _field(doc: Mapping[str, Any], field: str, name: str) -> str:
    try:
        return str(doc[field])
    except KeyError:
        raise UsageError(
            f"the documents of lm-eval's task {name!r} have no field {field!r}; they have {', '.join(doc)}"
        ) from None


def plain(value: Any) -> Any:
    """``value`` as JSON: pictures and bytes as hashes, arrays as lists, other types as text.

    >>> plain({"size": (3, 4), "raw": b""})["size"]
    [3, 4]
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes | bytearray):
        return [plain(entry) for entry in value]
    if isinstance(value, bytes | bytearray):
        return {"bytes_sha256": hashlib.sha256(value).hexdigest()}
    if hasattr(value, "tobytes") and hasattr(value, "getbbox"):
        return {"picture_sha256": _picture_hash(value), "size": list(value.size)}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def _picture_hash(picture: Any) -> str:
    """sha256 over mode, size and pixels."""
    head = f"{picture.mode} {picture.size[0]}x{picture.size[1]} ".encode()
    return hashlib.sha256(head + picture.tobytes()).hexdigest()
