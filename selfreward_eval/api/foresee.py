"""What a run would do and take, before it is paid for: counts, what is missing, judge calls, time, memory.

Nothing is downloaded, no server is asked, and nothing is written but into a temporary folder. A few
samples are drawn and measured to see how long one takes. A judge behind a server is not asked: its
conversations are counted, and it gets an empty answer's place.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.api.held import held_by_another, recorded
from selfreward_eval.api.offline import (
    Missing,
    endpoints,
    missing_for_model,
    missing_for_task,
    offline,
    roles,
)
from selfreward_eval.harness.errors import SelfRewardError
from selfreward_eval.harness.instruments.judging import Conversation, Reply
from selfreward_eval.harness.task import Task, limited

if TYPE_CHECKING:
    from selfreward_eval.harness.models.base import Model

__all__ = ["Foreseen", "ForeseenTask", "JudgeUse", "foresee"]

LETTERS_PER_TOKEN = 4
"""Usual for English; a picture is counted apart, because servers differ in what one costs."""

TRIED = 4
"""Samples of a task that are tried, at least; half of them only warm up."""


@dataclass
class JudgeUse:
    """What a judge is asked.

    Attributes:
        judge: its identity's name and model.
        remote: whether it is behind a server.
        calls: conversations.
        tokens: of their texts, about.
        pictures: shown in them.
        longest_reply: tokens of one reply at most; None where no limit is known.
    """

    judge: str
    remote: bool
    calls: float = 0
    tokens: float = 0
    pictures: float = 0
    longest_reply: int | None = None


@dataclass
class ForeseenTask:
    """One task of a run.

    Attributes:
        name: of the task, with its version.
        asks: the capability: ``generate``, ``answer``, ...
        measured_by: role -> the instrument's name.
        items: number; None where the official files are missing.
        samples: number, all images of all items.
        recorded: of them, that the run folder holds already.
        judge: what its judge is asked for the others; None without one, or where it could not be tried.
        draw_seconds: of the others, foreseen; None where it could not be tried.
        measure_seconds: likewise, without waiting for a server.
        notes: what a reader has to know.
    """

    name: str
    asks: str
    measured_by: dict[str, str] = field(default_factory=dict)
    items: int | None = None
    samples: int | None = None
    recorded: int = 0
    judge: JudgeUse | None = None
    draw_seconds: float | None = None
    measure_seconds: float | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Samples still to do."""
        return 0 if self.samples is None else self.samples - self.recorded


@dataclass
class Foreseen:
    """What a run would do.

    Attributes:
        model: name of the run.
        folder: of the run; None where the model cannot say its name yet.
        tasks: in order.
        missing: everything that has to be there first.
        peak_bytes: most memory in use while samples were tried; None if none were.
        device: whose memory that is.
    """

    model: str
    folder: str | None
    tasks: list[ForeseenTask]
    missing: list[Missing]
    peak_bytes: int | None = None
    device: str = "cpu"

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def foresee(
    model: Model,
    model_name: str,
    tasks: Sequence[Task],
    output_path: Path,
    *,
    seed: int = 0,
    seed_policy: str = "hashed",
    limit: int | None = None,
    batch_size: int = 32,
    tried: int = TRIED,
) -> Foreseen:
    """What :func:`selfreward_eval.run` would do with the same arguments.

    Args:
        model: adapter.
        model_name: as the user calls it.
        tasks: the benchmarks; their judges are replaced by counters.
        output_path: folder of run folders.
        seed: of the run.
        seed_policy: of the run.
        limit: items per task.
        batch_size: of the run; tried samples are in smaller ones.
        tried: samples per task that are drawn and measured; 0 for none.
    """
    from selfreward_eval.harness.runs.store import sanitise

    with offline():
        absent = missing_for_model(model, model_name)
        usable = not absent
        name = str(model.identity().get("name", "model")) if usable else model_name
        folder = output_path / sanitise(name) if usable else None
        foreseen = Foreseen(name, None if folder is None else str(folder), [], absent)
        needs = [missing_for_task(task) for task in tasks]
        held: list[Missing] = []
        if folder is not None and not any(needs):
            held = held_by_another(folder, model, tasks, seed, seed_policy, limit)
            foreseen.missing += held
        for task, lacking in zip(tasks, needs, strict=True):
            foreseen.missing += lacking
            one = _counted(task, limit, lacking)
            foreseen.tasks.append(one)
            if folder is not None and not lacking and not held:
                one.recorded = recorded(folder, task)
            if one.samples and tried and not any(entry.kind != "key" for entry in lacking):
                _try(one, foreseen, model if usable else None, task, seed, seed_policy, tried, batch_size)
    return foreseen


def _counted(task: Task, limit: int | None, lacking: Sequence[Missing]) -> ForeseenTask:
    one = ForeseenTask(task.info.id, task.info.capability)
    try:
        one.items = len(limited(list(task.items()), limit))
        one.samples = one.items * task.info.images_per_item
    except SelfRewardError as error:
        if not lacking:
            one.notes.append(str(error))
    if not any(entry.kind not in ("key", "data") for entry in lacking):
        instruments = task.instruments()
        one.measured_by = {role: str(about.get("name", "?")) for role, about in instruments.items()}
    return one


def _try(
    one: ForeseenTask,
    foreseen: Foreseen,
    model: Model | None,
    task: Task,
    seed: int,
    policy: str,
    tried: int,
    batch_size: int,
) -> None:
    """Draws and measures a few samples of a task in a temporary folder, and extends their times to all."""
    from selfreward_eval.harness.runs.reader import load_run
    from selfreward_eval.harness.runs.run import run
    from selfreward_eval.harness.testing.dummy_model import DummyModel
    from selfreward_eval.trainers.memory import MemoryWatch

    paid = model is None or bool(endpoints(model))
    if paid and task.info.capability != "generate":
        one.notes.append("not tried: the model is missing, or a server would be asked")
        return
    used = DummyModel() if paid else model
    assert used is not None
    counter = _count_judge(task)
    per_item = task.info.images_per_item
    items = max(1, -(-tried // per_item))
    batch = max(1, min(batch_size, items * per_item // 2))
    with tempfile.TemporaryDirectory() as scratch, MemoryWatch(_device(used)) as memory:
        try:
            done = run(
                used, [task], Path(scratch), seed=seed, seed_policy=policy, limit=items, batch_size=batch
            )
            records = load_run(done.folder).records[task.info.name]
        except SelfRewardError as error:
            one.notes.append(f"not tried: {error}")
            return
    share = one.left / len(records)
    # The first batch loads weights and warms up.
    timed = records[batch:] or records
    draw = sum(record.timing.get("gen_s", 0.0) for record in timed) / len(timed)
    measure = sum(record.timing.get("score_s", 0.0) for record in timed) / len(timed)
    one.draw_seconds = None if paid else draw * one.left
    one.measure_seconds = measure * one.left
    if paid:
        one.notes.append("the time of drawing is not known: the model was not asked")
    if counter is not None:
        use = counter.use
        one.judge = JudgeUse(
            use.judge,
            use.remote,
            round(use.calls * share),
            round(use.tokens * share),
            round(use.pictures * share),
            use.longest_reply,
        )
    foreseen.device = str(_device(used))
    foreseen.peak_bytes = max(foreseen.peak_bytes or 0, memory.peak)


class _CountingJudge:
    """Counts what a judge is asked; one behind a server is not asked."""

    def __init__(self, judge: Any) -> None:
        about = judge.identity()
        shown = " ".join(str(about[key]) for key in ("name", "model") if about.get(key))
        inner = getattr(judge, "judge", judge)  # That of a cache of replies.
        longest = getattr(inner, "_longest_reply", None) or getattr(inner, "max_new_tokens", None)
        self.judge = judge
        self.use = JudgeUse(shown, bool(endpoints(judge)), longest_reply=longest)
        self._copies = len(getattr(inner, "members", ())) * int(getattr(inner, "repeats", 1)) or 1

    def identity(self) -> dict[str, Any]:
        return dict(self.judge.identity())

    def replies(self, conversations: Sequence[Conversation]) -> list[Reply]:
        for conversation in conversations:
            letters = sum(len(turn.text) for turn in conversation)
            self.use.calls += self._copies
            self.use.tokens += self._copies * letters / LETTERS_PER_TOKEN
            self.use.pictures += self._copies * sum(len(turn.images) for turn in conversation)
        if self.use.remote:
            return [Reply("1") for _ in conversations]
        return list(self.judge.replies(conversations))


def _count_judge(task: Task) -> _CountingJudge | None:
    """Puts a counter into the place of the task's judge, if it has one."""
    if "judge" not in roles(task):
        return None
    counter = _CountingJudge(task.judge)  # type: ignore[attr-defined]
    task.__dict__["judge"] = counter
    return counter


def _device(model: Any) -> Any:
    """Where the model computes."""
    import torch

    return getattr(getattr(model, "loaded", None), "device", torch.device("cpu"))
