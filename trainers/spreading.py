"""``train --engine ray``: a round's candidates, drawn and rewarded in actors; steps stay in this process.

An actor holds the model, the reference model and the rewarder, as this process would, and makes whole files
of a round's candidates (:mod:`selfreward_eval.trainers.rollouts`): same prompts, same seeds, same batches, so
the same bytes wherever the same kind of chip computes with the same number of threads. This process writes
them. Nothing here is part of a training run's identity.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from selfreward_eval.harness.errors import BrokenPlugin, InputError
from selfreward_eval.harness.identity import differing
from selfreward_eval.harness.runs.results import chip
from selfreward_eval.trainers.collecting import collector, training_copy
from selfreward_eval.trainers.cpu_time import cpu_seconds
from selfreward_eval.trainers.job_checks import candidates_identity
from selfreward_eval.trainers.jobs import TrainingJob
from selfreward_eval.trainers.processes import ALONE
from selfreward_eval.trainers.rollouts import Chunk
from selfreward_eval.trainers.trainable_weights import TrainableWeights

if TYPE_CHECKING:
    from selfreward_eval.harness.engines.ray.spread import Spread
    from selfreward_eval.harness.models.training import Trains

__all__ = ["Actors"]


class Actors:
    """The actors of a training run; they are started when a round first needs them, and end with the block.

    Args:
        job: what is trained; its engine has the actors.

    Attributes:
        cpu_seconds: that the actors spent on candidates so far.
    """

    def __init__(self, job: TrainingJob) -> None:
        self._job = job
        self._open = ExitStack()
        self._spread: Spread | None = None
        self._chips = {chip()}
        self.cpu_seconds = 0.0

    def __call__(self, round_: int, model: Trains, chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, bytes]]:
        """The files of a round's ``chunks``, as they come; drawn by the weights that ``model`` has now.

        Raises:
            InputError: the cluster cannot be reached, or an actor has another model, rewarder or prompts.
            TrainingStopped: the model computes NaN or infinity.
            BrokenPlugin: actors died over the same chunk twice, or again and again.
        """
        from safetensors.torch import save

        # Weights go through Ray's object store, once a round and once to every machine. A file in the
        # training folder would need a common disk, which nothing else here needs, and a training run that is
        # killed would leave it behind. Those that are trained suffice: all others are in the checkpoint that
        # actors load themselves.
        weights = save({name: tensor.cpu().contiguous() for name, tensor in _trained(model).items()})
        units = [ChunkUnit(round_, chunk) for chunk in chunks]
        for outcome in self._started().over(units, weights):
            chunk = outcome.unit.chunk
            if outcome.died:
                raise BrokenPlugin(
                    f"actors died twice over the candidates {chunk.side} {chunk.number} of round "
                    f"{round_ + 1}, of which one actor makes {chunk.length} groups at a time; look for the "
                    "cause (memory, for example) in Ray's logs there. The other candidates are kept: run the "
                    "same command again, with other --engine-args or without --engine"
                )
            made: Made = outcome.result
            self.cpu_seconds += made.cpu_seconds
            self._compare(made)
            yield chunk, made.content

    def _started(self) -> Spread:
        if self._spread is None:
            job = self._job
            assert job.engine is not None
            recipe = job.recipe or Same(replace(job, engine=None))
            setup = MakerSetup(recipe, job.trainer.settings.seed, candidates_identity(job))
            self._spread = self._open.enter_context(job.engine.spread(setup, "the model"))
        return self._spread

    def _compare(self, made: Made) -> None:
        """Says once for every kind of chip that it is another one than this process's."""
        if made.chip not in self._chips:
            self._chips.add(made.chip)
            print(
                f"candidates are drawn on {made.chip} ({made.host}), and this process trains on {chip()}: "
                "low bits of likelihoods differ between kinds of chips, so another machine may not repeat "
                "this training run bit for bit",
                file=sys.stderr,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spread = None
        self._open.__exit__(kind, error, trace)


@dataclass(frozen=True)
class ChunkUnit:
    """A file of a round's candidates; a unit of :mod:`selfreward_eval.harness.engines.ray.spread`."""

    round: int
    chunk: Chunk

    @property
    def key(self) -> tuple[int, str, int]:
        return self.round, self.chunk.side, self.chunk.number

    def message(self, shared: bool) -> ChunkUnit:
        """Itself. Prompts and pictures are not in it: an actor has the same source."""
        return self

    def parts(self) -> Sequence[ChunkUnit]:
        return [self]


@dataclass(frozen=True)
class Made:
    """A file of candidates.

    Attributes:
        content: of the file.
        cpu_seconds: that making it took.
        chip: the kind that computed it.
        host: where that was.
    """

    content: bytes
    cpu_seconds: float
    chip: str
    host: str


@dataclass(frozen=True)
class Same:
    """Gives a job that exists."""

    job: TrainingJob

    def __call__(self) -> TrainingJob:
        return self.job


@dataclass(frozen=True)
class MakerSetup:
    """Makes, in an actor, what makes candidates.

    Attributes:
        recipe: makes the job.
        seed: of training.
        identity: of what decides candidates; the actor's has to be the same.
    """

    recipe: Callable[[], TrainingJob]
    seed: int
    identity: Mapping[str, Any]

    def __call__(self) -> ChunkMaker:
        job = self.recipe().with_training_seed(self.seed)
        if differences := differing(self.identity, candidates_identity(job)):
            fields = ", ".join(f"{one.field} is {one.b}, not {one.a}" for one in differences[:3])
            raise InputError(
                f"a worker on {socket.gethostname()} would draw other candidates than this command "
                f"({fields}); install the same packages, weights, prompts and pictures on every machine"
            )
        return ChunkMaker(job)


class ChunkMaker:
    """Makes files of candidates, inside an actor."""

    def __init__(self, job: TrainingJob) -> None:
        self._policy = training_copy(job)
        # As in the process that trains: adapters are computed beside the weights, not merged into them.
        self._weights = TrainableWeights(self._policy, job.trainer.settings, restores=False)
        self._collect = collector(job, None, ALONE)

    def sees(self) -> bool:
        """No file is needed that the actor does not have."""
        return True

    def take(self, shared: bytes) -> None:
        """The weights that draw from now on."""
        import torch
        from safetensors.torch import load

        values = load(shared)
        own = self._weights.parameters
        if values.keys() != own.keys():
            odd = sorted(values.keys() ^ own.keys())
            raise InputError(
                f"a worker on {socket.gethostname()} trains other weights than this command ({odd[0]}); "
                "install the same packages on every machine"
            )
        with torch.no_grad():
            for name, value in values.items():
                own[name].copy_(value)

    def do(self, message: ChunkUnit) -> Made:
        before = cpu_seconds()
        content = self._collect.make(message.round, self._policy, message.chunk)
        return Made(content, cpu_seconds() - before, chip(), socket.gethostname())


def _trained(model: Trains) -> dict[str, Any]:
    """Weights that training changes, by name, as :class:`TrainableWeights` has set them up."""
    named = model.network.named_parameters()
    return {name: parameter.detach() for name, parameter in named if parameter.requires_grad}
