"""What runs inside an actor: it makes samples, or measures them, and records them into a part of its own."""

from __future__ import annotations

import os
import pickle
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from selfreward_eval.harness.engines.ray.messages import (
    Batch,
    Opened,
    Reply,
    Setup,
    portable,
    replied,
    without_pictures,
)
from selfreward_eval.harness.errors import InputError, RunFolderError
from selfreward_eval.harness.files import atomic_write_bytes, read_json_lines
from selfreward_eval.harness.identity import differing
from selfreward_eval.harness.models.base import Supplies
from selfreward_eval.harness.plugins import not_exiting
from selfreward_eval.harness.runs.aside import Made
from selfreward_eval.harness.runs.contract import named
from selfreward_eval.harness.runs.drawing import Unmeasured
from selfreward_eval.harness.runs.plan import identity
from selfreward_eval.harness.runs.planned_tasks import plan_tasks
from selfreward_eval.harness.runs.results import chip, environment
from selfreward_eval.harness.runs.stages import plain, stages_of
from selfreward_eval.harness.runs.store import RunFolder
from selfreward_eval.harness.task import Task

__all__ = ["Worker"]

PATIENCE = 30.0
"""Seconds that a picture of another host may take to appear: network file systems remember misses."""


class Worker:
    """One worker; an actor calls its methods one after another. Errors are part of replies.

    Args:
        setup: how it gets to work; pickled where it came from another process.
        label: of its part; nobody else has it.
        draws: whether it has the model; otherwise it measures.
    """

    def __init__(self, setup: bytes | Setup, label: str, draws: bool) -> None:
        self._given, self._label, self._draws = setup, label, draws
        self._scratch: Path | None = None
        self._folder: RunFolder | None = None

    def open(self) -> Reply:
        """Makes the model or the instruments, and opens its part."""
        return replied(self._open)

    def _open(self) -> Reply:
        setup = self._given if isinstance(self._given, Setup) else pickle.loads(self._given)
        self._setup: Setup = setup
        if setup.directory.is_dir():
            os.chdir(setup.directory)
        if os.environ.get("CUDA_VISIBLE_DEVICES"):
            import torch  # noqa: F401  # So that the kind of chip is known.
        self._tasks = {task.info.name: task for task in setup.tasks()}
        about = setup.identity
        tasks = list(self._tasks.values())
        seed, policy, limit = int(about["seed"]), str(about["seed_policy"]), about["limit"]
        items, plans = plan_tasks(tasks, seed, policy, limit)
        self._plans = {name: {p.doc_id: p for p in planned} for name, planned in plans.items()}
        recorded = _Recorded(about["model"])
        self._model: Any = setup.model() if self._draws else recorded
        if self._draws and isinstance(self._model, Supplies):
            self._model.survey(tasks, limit)
        own = identity(self._model, tasks, items, seed, policy, limit)
        if differences := differing(about, own):
            fields = ", ".join(f"{one.field} is {one.b}, not {one.a}" for one in differences[:3])
            raise InputError(
                f"a worker on {socket.gethostname()} has another model or other instruments than this "
                f"command ({fields}); install the same packages, weights and data on every machine"
            )
        shared = self._sees(setup)
        path = setup.folder
        if not shared:
            self._scratch = Path(tempfile.mkdtemp(prefix="selfreward-eval-"))
            path = self._scratch / setup.folder.name
        told = {**setup.sitting, "device": chip()}
        around = {**environment(), **setup.environment}
        self._folder = RunFolder(path, own, around, part=self._label, sitting=told)
        sitting = {**told, "environment": around}
        return Reply(opened=Opened(socket.gethostname(), os.getpid(), shared, sitting))

    @staticmethod
    def _sees(setup: Setup) -> bool:
        """Whether this is the run folder of the scheduling process, not another one of the same name."""
        try:
            lines = read_json_lines(setup.folder / setup.journal).records
        except (OSError, InputError):
            return False
        return any(line.get("token") == setup.token for line in lines)

    def work(self, batch: Batch) -> Reply:
        """Makes samples, or measures what another worker made, or both."""
        return replied(lambda: self._work(batch))

    def _work(self, batch: Batch) -> Reply:
        folder = self._folder
        assert folder is not None
        assert folder.journal is not None
        task = self._tasks[batch.task]
        for name, content in batch.pictures.items():
            (folder.path / name).parent.mkdir(parents=True, exist_ok=True)
            atomic_write_bytes(folder.path / name, content, durable=False)
        folder.journal.hold(batch.task, batch.doc_ids)
        # An error is no death; only a process that ends here leaves its samples in hand.
        with folder.journal.ending(), not_exiting(f"the model or {named(task)}"):
            reply = self._made(folder, task, batch)
        return reply if self._scratch is None else replace(reply, pictures=self._taken(folder, batch))

    def _made(self, folder: RunFolder, task: Task, batch: Batch) -> Reply:
        stages = stages_of(task, self._setup.phase)
        made: Any = batch.made
        if made is None:
            planned = [self._plans[batch.task][number] for number in batch.doc_ids]
            made = stages.make(self._model, task, folder, planned)
        else:
            made = replace(made, pictures=_read(folder, made))
        if not batch.measured:
            return Reply(made=without_pictures(made))
        records: Sequence[Made] = stages.measure(task, made)
        drawn = sum(fresh and (one.sample.image or one.sample.text) is not None for one, fresh in records)
        kept = [(one, fresh) for one, fresh in records if not isinstance(one.measurement, Unmeasured)]
        if not batch.recorded or self._scratch is not None:
            return Reply(records=portable(kept), drawn=drawn)
        for record, _ in kept:
            folder.append(batch.task, plain(record))
        return Reply(drawn=drawn)

    def _taken(self, folder: RunFolder, batch: Batch) -> dict[str, bytes]:
        """The files that were written for this batch, which are removed here."""
        images = folder.path / "images"
        files = sorted(path for path in images.rglob("*.png") if path.name[0] != ".")
        contents = {path.relative_to(folder.path).as_posix(): path.read_bytes() for path in files}
        shutil.rmtree(images, ignore_errors=True)
        return {name: data for name, data in contents.items() if batch.pictures.get(name) != data}

    def close(self) -> Reply:
        """Gives up its part, so that the run can be merged."""
        if self._folder is not None:
            self._folder.close()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
        return Reply()


class _Recorded:
    """In place of the model where nothing is drawn: only its identity is needed."""

    def __init__(self, about: Mapping[str, Any]) -> None:
        self._about = dict(about)

    def identity(self) -> dict[str, Any]:
        return self._about


def _read(folder: RunFolder, made: Any) -> dict[int, Any]:
    """The pictures of a batch, read from their files; None for one that belongs to no sample."""
    samples: Any = made.samples
    pictures: dict[int, Any] = {}
    for position in made.pictures:
        sample = samples[position]
        pictures[position] = sample.image and _whole(folder, sample.image, sample.image_sha256)
    return pictures


def _whole(folder: RunFolder, path: str, digest: str | None) -> Any:
    end = time.monotonic() + PATIENCE
    while True:
        found = folder.read_picture(path)
        if found is not None and found[1] == digest:
            return found[0]
        if time.monotonic() > end:
            raise RunFolderError(
                f"{folder.path / path} is not the picture that a worker drew a moment ago; leave the folder "
                "alone while the run goes on, and run the same command again"
            )
        time.sleep(0.2)
