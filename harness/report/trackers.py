"""Trackers: TensorBoard and Weights & Biases, beside the files that are always written.

Training logs its steps through accelerate, and an :class:`Entry` every few rounds; an evaluation logs one
when it is done.
``WANDB_MODE=offline`` keeps W&B's files on this machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError, MissingExtra, UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "PROJECT",
    "TRACKERS",
    "Entry",
    "Shown",
    "Table",
    "log_entry",
    "require_trackers",
    "wandb_content",
    "wandb_id",
    "write_events",
]

TRACKERS = ("tensorboard", "wandb")
PROJECT = "selfreward-eval"
"""The project in W&B, and the folder of TensorBoard's files below ``tensorboard/``."""


@dataclass(frozen=True)
class Table:
    """Rows of numbers and texts; None where a number is absent."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Shown:
    """A picture.

    Attributes:
        name: of it within its task.
        caption: its prompt.
        picture: RGB.
        verdict: what was measured of it; empty where nothing was.
    """

    name: str
    caption: str
    picture: Image
    verdict: str = ""

    @property
    def text(self) -> str:
        """All words that are shown with the picture."""
        return f"{self.name}: {', '.join(filter(None, (self.verdict, self.caption)))}"


@dataclass(frozen=True)
class Entry:
    """What one evaluation logs, or training at one step.

    Attributes:
        kind: ``run``, ``compare``, ``gate`` or ``train``.
        name: how the tracker calls it.
        config: JSON values, such as a run's identity.
        numbers: name -> number; one that is absent has no name.
        tables: name -> table.
        pictures: task -> pictures.
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    numbers: Mapping[str, float]
    tables: Mapping[str, Table]
    pictures: Mapping[str, Sequence[Shown]] = field(default_factory=dict)


def require_trackers(names: Sequence[str]) -> None:
    """Returns if every one of ``names`` can be logged to.

    Raises:
        UsageError: an unknown name.
        MissingExtra: its package is not installed; accelerate would leave it out silently.
    """
    for name in names:
        if name not in TRACKERS:
            raise UsageError(f"cannot log with {name!r}; known: {', '.join(TRACKERS)}")
        if find_spec(name) is None:
            raise MissingExtra(f"logging with {name} needs the package {name}; install it, or leave it out")


def wandb_id(folder: Path, kind: str = "") -> str:
    """The id under which a folder is one run in W&B, 16 hex digits."""
    return sha256((str(folder.resolve()) + kind).encode()).hexdigest()[:16]


def log_entry(entry: Entry, names: Sequence[str], folder: Path) -> None:
    """Logs ``entry``. Logged again, it replaces TensorBoard's files and goes on with the same W&B run.

    Args:
        entry: of a finished evaluation.
        names: of :data:`TRACKERS`.
        folder: holds ``tensorboard/`` and ``wandb/``.

    Raises:
        UsageError, MissingExtra: as :func:`require_trackers`.
        InputError: W&B refuses, for example because nobody is logged in.
    """
    require_trackers(names)
    if "tensorboard" in names:
        _to_tensorboard(entry, folder / "tensorboard" / PROJECT / entry.kind)
    if "wandb" in names:
        _to_wandb(entry, folder)


def _to_tensorboard(entry: Entry, folder: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    for old in folder.glob("events.out.tfevents.*"):
        old.unlink()
    with SummaryWriter(str(folder)) as writer:
        write_events(entry, writer)


def write_events(entry: Entry, writer: Any, step: int | None = None) -> None:
    """Writes ``entry`` as TensorBoard's events.

    Args:
        entry: to be shown.
        writer: a ``SummaryWriter``.
        step: of training, whose pictures keep their tags from step to step, so that one can be followed; None
            for an evaluation, which is logged once.
    """
    import numpy as np

    at = step or 0
    for name, number in entry.numbers.items():
        writer.add_scalar(name, number, at)
    for name, table in entry.tables.items():
        writer.add_text(name, _markdown(table), at)
    for task, pictures in entry.pictures.items():
        for shown in pictures:
            # TensorBoard shows no caption with a picture, only its tag.
            words = shown.text if step is None else f"{shown.name}: {shown.caption}"
            tag = f"{task} pictures/{words}"
            writer.add_image(tag, np.asarray(shown.picture), at, dataformats="HWC")
    writer.flush()


def _to_wandb(entry: Entry, folder: Path) -> None:
    import wandb

    try:
        tracked = wandb.init(
            project=PROJECT,
            id=wandb_id(folder, entry.kind),
            name=entry.name,
            job_type=entry.kind,
            config=dict(entry.config),
            dir=str(folder),
            resume="allow",
            settings=wandb.Settings(silent=True, console="off", disable_git=True, save_code=False),
        )
        with tracked:
            tracked.log(wandb_content(entry))
    except wandb.errors.Error as error:
        first = " ".join(str(error).split())
        raise InputError(
            f"wandb refuses ({first}); everything else is written. Log in with `wandb login`, or set "
            "WANDB_MODE=offline, and run the same command again"
        ) from error


def wandb_content(entry: Entry) -> dict[str, Any]:
    """What W&B's ``log`` is given of ``entry``."""
    import wandb

    content: dict[str, Any] = dict(entry.numbers)
    for name, table in entry.tables.items():
        content[name] = wandb.Table(columns=list(table.columns), data=[list(row) for row in table.rows])
    for task, pictures in entry.pictures.items():
        content[f"{task} pictures"] = [wandb.Image(shown.picture, caption=shown.text) for shown in pictures]
    return content


def _markdown(table: Table) -> str:
    rows = [table.columns, ("---",) * len(table.columns), *table.rows]
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows)


def _cell(value: Any) -> str:
    if value is None:
        return "absent"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
