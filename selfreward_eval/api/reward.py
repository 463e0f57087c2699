"""One rewarder's rewards of a run's pictures, or of a folder's, written down with a page."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.api.engines import build_engine
from selfreward_eval.api.objects import PathLike
from selfreward_eval.api.rewarders import Choice, RewarderFactory, model_of, named
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.files import atomic_write_text
from selfreward_eval.harness.runs.reader import Run, load_run
from selfreward_eval.harness.runs.store import MANIFEST
from selfreward_eval.rewarders.auditing.audit import Audit
from selfreward_eval.rewarders.base import Rewarder
from selfreward_eval.rewarders.building import rewards_itself
from selfreward_eval.rewarders.report.rewards_page import PAGE, unscored, write_rewards_page
from selfreward_eval.rewarders.scoring.auditing import RewarderLines, audits, rules
from selfreward_eval.rewarders.scoring.log import Line, RewardLog
from selfreward_eval.rewarders.scoring.pictures import PictureEntry, pictures_of_folder, pictures_of_run
from selfreward_eval.rewarders.scoring.scoring import score_all

if TYPE_CHECKING:
    from selfreward_eval.harness.engines.ray.engine import RayEngine
    from selfreward_eval.harness.models.base import Model
    from selfreward_eval.harness.runs.run import Progress

__all__ = ["Pictures", "Rewarded", "pictures_of", "reward", "reward_pictures"]


@dataclass(frozen=True, eq=False)
class Rewarded:
    """What one rewarder made of the pictures.

    Attributes:
        entries: the pictures, in order.
        scored: the rewarder with one line per picture, aligned with ``entries``.
        audits: task -> agreement with the benchmark's own measurement; empty for a folder.
        model: which model rewards itself, in words; empty if none does.
        world: of the pictures; None where the rewarder was given as an object and no world with it.
        about: identity of the rewarder, and the run's fingerprint.
        path: ``rewards.jsonl``.
        page: ``rewards.html``.
        notes: what a reader should know: torn lines, tasks without pictures.
    """

    entries: tuple[PictureEntry, ...]
    scored: RewarderLines
    audits: dict[str, Audit]
    model: str
    world: str | None
    about: dict[str, Any]
    path: Path
    page: Path
    notes: tuple[str, ...] = ()

    @property
    def lines(self) -> Sequence[Line]:
        """One per picture: its reward, or why there is none."""
        return self.scored.lines

    @property
    def unscored(self) -> dict[str, int]:
        """Reason -> how many pictures have no reward because of it."""
        return unscored(self.scored)


@dataclass(frozen=True)
class Pictures:
    """The pictures that are rewarded.

    Attributes:
        name: of the run or folder.
        run: that they belong to, if any.
        entries: the pictures.
        notes: what a reader should know.
    """

    name: str
    run: Run | None
    entries: tuple[PictureEntry, ...]
    notes: tuple[str, ...]


def reward(
    pictures: PathLike | Run,
    rewarder: str | Rewarder,
    output: PathLike,
    *,
    rewarder_args: Mapping[str, Any] | None = None,
    tasks: Sequence[str] = (),
    model: str | Model | None = None,
    model_args: Mapping[str, Any] | None = None,
    layout: str = "auto",
    world: str | None = None,
    timeout: float | None = None,
    cache: PathLike | None = None,
    progress: Progress | None = None,
    engine: str = "local",
    engine_args: Mapping[str, Any] | None = None,
) -> Rewarded:
    """Scores pictures: one line each in ``rewards.jsonl``, and a page sorted by reward.

    A picture that cannot be scored is marked with the reason and costs no other its reward. The same
    call goes on where an earlier one was stopped.

    Args:
        pictures: a finished run, or a folder or JSONL list of pictures with prompts.
        rewarder: registry name, or a rewarder.
        output: folder for lines and page.
        rewarder_args: the rewarder's constructor arguments, for a name.
        tasks: of the run; all that draw by default.
        model: the model that rewards itself, by name or as an adapter; the run's own by default.
        model_args: its constructor arguments, for a name.
        layout: of a folder: ``auto``, ``geneval``, ``t2i_compbench`` or ``jsonl``.
        world: of the pictures, ``shapes`` or ``photographs``; it follows from tasks and model by default.
        timeout: seconds that one picture may take; None for no limit.
        cache: folder of rewards that several calls share; ``output/cache`` by default.
        progress: model_text about every batch.
        engine: ``local`` for this process, or ``ray`` for a cluster that runs already.
        engine_args: of the engine, such as ``address``.

    Raises:
        UsageError: a name or argument that is not there, or tasks without a run.
        InputError: pictures that are not there, a run whose model cannot be built again, or a cluster out of
            reach.
        RunFolderError: ``output`` holds other rewards.
    """
    computing = build_engine(engine, engine_args, measures=False)
    if isinstance(rewarder, str):
        choice = Choice(rewarder, rewarder, dict(rewarder_args or {}))
    elif isinstance(rewarder, type):
        raise UsageError(f"the rewarder is the class {rewarder.__name__}; give an object")
    else:
        if rewarder_args:
            raise UsageError("rewarder_args are for a rewarder that is given by name")
        if model is not None:
            raise UsageError("model is for a rewarder that is given by name; this one has its own")
        choice = Choice(rewarder.info.name, rewarder.info.name)
    found = pictures_of(pictures, [tasks] if isinstance(tasks, str) else tasks, layout)
    return reward_pictures(
        found,
        choice,
        Path(output),
        made=None if isinstance(rewarder, str) else rewarder,
        model=model,
        model_args=model_args,
        world=world,
        timeout=timeout,
        cache=None if cache is None else Path(cache),
        progress=progress,
        engine=computing,
    )


def reward_pictures(
    pictures: Pictures,
    choice: Choice,
    output: Path,
    *,
    made: Rewarder | None = None,
    model: str | Model | None = None,
    model_args: Mapping[str, Any] | None = None,
    world: str | None = None,
    timeout: float | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    files: Mapping[str, str] | None = None,
    engine: RayEngine | None = None,
) -> Rewarded:
    """:func:`reward` for pictures that were found already.

    Args:
        pictures: what is rewarded.
        choice: the rewarder by name.
        output: folder for lines and page.
        made: the rewarder itself, in place of the one that ``choice`` would build.
        model: as for :func:`reward`.
        model_args: as for :func:`reward`.
        world: as for :func:`reward`.
        timeout: as for :func:`reward`.
        cache: as for :func:`reward`.
        progress: as for :func:`reward`.
        files: name -> text of files for ``output``.
        engine: has the actors that score; None for this process.
    """
    run, entries = pictures.run, pictures.entries
    make: Callable[[], Rewarder] | None = None
    if made is None:
        names = [] if run is None else list(dict.fromkeys(one.task for one in entries))
        factory = RewarderFactory(run, names, model, model_args, timeout, world)
        built, world = factory.build(choice), factory.world
        make = factory.recipe(choice)
        model_text = factory.described([built])
    else:
        built, own = made, model_of(made)
        built.timeout = made.timeout if timeout is None else timeout
        model_text = named(own, "given with the rewarder") if own and rewards_itself(made) else ""
    about = {"run": None if run is None else run.manifest.fingerprint, "rewarder": built.identity()}
    with RewardLog(output, about) as log:
        for name, text in (files or {}).items():
            atomic_write_text(output / name, text)
        lines = score_all(
            built,
            entries,
            log,
            cache=cache or output / "cache",
            progress=progress,
            label=choice.label,
            engine=engine,
            make=make,
        )
    scored = RewarderLines(choice.label, built, lines)
    found = {} if run is None else audits(run, entries, [scored])
    when = {} if run is None else {task: rule for task, (_, rule) in rules(run, entries).items()}
    page = write_rewards_page(output / PAGE, pictures.name, model_text, entries, scored, found, when)
    return Rewarded(entries, scored, found, model_text, world, about, log.path, page, pictures.notes)


def pictures_of(pictures: PathLike | Run, tasks: Sequence[str] = (), layout: str = "auto") -> Pictures:
    """The pictures of a run, or of a folder in a known layout.

    Raises:
        UsageError: tasks of a folder that is no run, or a run that draws nothing.
        InputError: nothing there.
    """
    if isinstance(pictures, str | os.PathLike):
        path = Path(pictures)
        if not (path / MANIFEST).is_file():
            if tasks:
                raise UsageError(f"--tasks is for a run; {path} is none (it has no {MANIFEST})")
            entries, known = pictures_of_folder(path, layout)
            said = f"{len(entries)} pictures in the layout {known}"
            return Pictures(path.resolve().name, None, tuple(entries), (said,))
        pictures = load_run(path)
    entries, left_out = pictures_of_run(pictures, list(tasks))
    torn = [f"the torn last line of {file} was left out" for file in pictures.torn]
    notes = (*torn, *(f"{name} has no pictures of its own" for name in left_out))
    return Pictures(pictures.name, pictures, tuple(entries), notes)
