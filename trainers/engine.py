"""One optimiser step, for any trainer: shares of a batch, backward passes, clipping, AdamW, EMA."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from selfreward_eval.harness.errors import TrainingStopped, UsageError
from selfreward_eval.trainers import shards
from selfreward_eval.trainers.batches import require_divisible, share
from selfreward_eval.trainers.checkpoints import State
from selfreward_eval.trainers.ema import Ema
from selfreward_eval.trainers.processes import accelerator
from selfreward_eval.trainers.recomputing import recomputing
from selfreward_eval.trainers.sharding import copy_whole, gathered, shard, sharding_asked
from selfreward_eval.trainers.stopping import require_finite
from selfreward_eval.trainers.trainable_weights import TrainableWeights

if TYPE_CHECKING:
    import torch

    from selfreward_eval.harness.models.training import Trains
    from selfreward_eval.trainers.base import Side, Trainer
    from selfreward_eval.trainers.pool import Pool

__all__ = ["Engine", "StepResult"]

LEAST_SCALE = 1.0
"""Below this loss scale of fp16, training stops."""


@dataclass(frozen=True)
class StepResult:
    """What one optimiser step gave.

    Attributes:
        terms: the trainer's numbers, means over the whole batch, ``loss`` among them.
        norm: of the gradient before clipping; infinite in a step that fp16's scaler left out.
        skipped: whether it left the step out to lower its scale.
    """

    terms: dict[str, float]
    norm: float
    skipped: bool


class Engine:
    """A model set up to be trained; on leaving the context it is as it was before.

    Args:
        model: in float32. Where it is shared out over processes it can only be trained, and is of no use
            afterwards.
        trainer: gives the losses and the settings.
        folder: for trackers; None where nothing is written.
        log_with: trackers.

    Raises:
        UsageError: settings that do not go together, or not with this model or machine.
        MissingExtra: a package that the settings need is not installed.
    """

    def __init__(
        self,
        model: Trains,
        trainer: Trainer,
        folder: Path | None = None,
        log_with: Sequence[str] = (),
    ) -> None:
        import torch

        settings = trainer.settings
        self.settings = settings
        self.accelerator = accelerator(model, trainer, folder, log_with)
        require_divisible(settings.batch_size, settings.accumulation, self.accelerator.num_processes)
        self.sharded = sharding_asked() and self.accelerator.num_processes > 1
        if self.sharded and settings.precision == "fp16":
            raise UsageError("precision fp16 does not go with sharded weights; use bf16, or no")
        with ExitStack() as undo:
            self.weights = TrainableWeights(model, settings, restores=not self.sharded)
            undo.callback(self.weights.close)
            _require_reading_half(model, trainer, self.weights)
            losses = _losses(model, trainer)
            if self.sharded:
                shard(losses, model, self.accelerator.num_processes)
                self.weights.renew()
            named = self.weights.parameters
            self._adamw = torch.optim.AdamW(
                list(named.values()),
                lr=settings.learning_rate,
                betas=(settings.beta1, settings.beta2),
                eps=settings.eps,
                weight_decay=settings.weight_decay,
            )
            self._trainer = trainer
            if self.sharded:
                self._module, self._optimizer = losses, self.accelerator.prepare(self._adamw)
            else:
                self._module, self._optimizer = self.accelerator.prepare(losses, self._adamw)
            self._ema = Ema(named, settings.ema) if settings.ema else None
            self._undo = undo.pop_all()

    def step(self, pool: Pool, picked: Mapping[Side, Sequence[int]], rate: float, number: int) -> StepResult:
        """Takes one step on the examples ``picked``.

        Args:
            pool: the round's candidates.
            picked: the whole batch of each side; every process computes its share.
            rate: the learning rate.
            number: of the step, from 1; seeds what the loss draws at random, and stands in messages.

        Raises:
            TrainingStopped: loss or gradient are not finite; no weight has changed in this step.
        """
        settings, accelerator = self.settings, self.accelerator
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad(set_to_none=True)
        self._trainer.step = number
        parts: list[dict[str, float]] = []
        rank, world = accelerator.process_index, accelerator.num_processes
        for part in range(settings.accumulation):
            own_share = {
                side: share(row, part, rank, settings.accumulation, world) for side, row in picked.items()
            }
            with accelerator.accumulate(self._module), self._computing():
                loss, terms = self._module(pool, own_share)
                accelerator.backward(loss)
            parts.append({**terms, "loss": float(loss.detach())})
        terms = self._averaged(parts)
        require_finite(number, terms, "loss")
        norm = float(accelerator.clip_grad_norm_(list(self.weights.parameters.values()), settings.clip))
        uses_scaler = accelerator.scaler is not None
        if not uses_scaler:
            require_finite(number, {**terms, "gradient norm": norm}, "gradient norm")
        self._optimizer.step()
        skipped = bool(self._optimizer.step_was_skipped)
        if uses_scaler and accelerator.scaler.get_scale() < LEAST_SCALE:
            raise TrainingStopped(
                f"step {number}: gradients overflow fp16 at any loss scale; use precision=bf16 or no"
            )
        if self._ema is not None and not skipped:
            self._ema.update()
        return StepResult(terms, norm, skipped)

    def state(self, step: int) -> State:
        """Everything that training goes on from after ``step`` steps. The tensors are the live ones."""
        named = self.weights.parameters
        optimizer_state = self._adamw.state
        moments = {
            f"{key}/{name}": value
            for name, parameter in named.items()
            for key, value in optimizer_state.get(parameter, {}).items()
        }
        tensors: dict[str, Mapping[str, torch.Tensor]] = {"weights": named, "moments": moments}
        if self._ema is not None:
            tensors["average"] = self._ema.values
        scaler = self.accelerator.scaler
        return State(step, tensors, {} if scaler is None else scaler.state_dict())

    def load(self, state: State) -> None:
        """Goes back to a state of :meth:`state`, of a run with any number of processes.

        Raises:
            RunFolderError: shards do not fit.
        """
        import torch

        there = set() if state.shards is None else shards.names_in(state.shards)
        there |= {f"{kind}/{name}" for kind, row in state.tensors.items() for name in row}
        moments = {
            name: {
                key: torch.zeros(()) if key == "step" else torch.zeros_like(parameter)
                for key in ("exp_avg", "exp_avg_sq", "step")
            }
            for name, parameter in self.weights.parameters.items()
            if f"moments/step/{name}" in there
        }
        for name, row in moments.items():
            self._adamw.state[self.weights.parameters[name]] = row
        mine = {
            f"{kind}/{name}": tensor
            for kind, named in self.state(state.step).tensors.items()
            for name, tensor in named.items()
        }
        if state.shards is not None:
            shards.read(mine, state.shards, together=self.sharded)
        else:
            with torch.no_grad():
                for label, tensor in mine.items():
                    kind, name = label.split("/", 1)
                    copy_whole(tensor, state.tensors[kind][name])
        if self.accelerator.scaler is not None and state.scaler:
            self.accelerator.scaler.load_state_dict(dict(state.scaler))

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Inside, the model's methods can be called; all processes enter and leave together."""
        with gathered(self._module, self.accelerator.wait_for_everyone) if self.sharded else nullcontext():
            yield

    def export(self, folder: Path) -> None:
        """Writes the whole model in the hub's layout: the EMA where one is kept.

        Where weights are shared out all processes call this, and the first one writes.
        """
        values = None if self._ema is None else self._ema.values
        self.weights.export(folder, values, self.whole, writes=self.accelerator.is_main_process)

    def _computing(self) -> AbstractContextManager[Any]:
        """What a sharded model computes its loss in: casts of gathered weights are not kept beside them."""
        if not self.sharded:
            return nullcontext()
        from accelerate.utils import AutocastKwargs

        context: AbstractContextManager[Any] = self.accelerator.autocast(AutocastKwargs(cache_enabled=False))
        return context

    def _averaged(self, parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
        """Means over accumulated parts and processes."""
        import torch

        names = sorted(parts[0])
        means = [sum(part[name] for part in parts) / len(parts) for name in names]
        local = torch.tensor(means, dtype=torch.float64, device=self.accelerator.device)
        shared = self.accelerator.reduce(local, reduction="mean")
        return dict(zip(names, shared.tolist(), strict=True))

    def close(self) -> None:
        """Puts the model back as it was, and ends the trackers."""
        for tracker in self.accelerator.trackers:
            tracker.finish()
        self.accelerator.trackers.clear()
        self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _require_reading_half(model: Trains, trainer: Trainer, weights: TrainableWeights) -> None:
    """Returns unless captions are to be trained and all trained weights are of the half that draws."""
    half = getattr(model.transformer, "drawing_half", "")
    if half and "captioning" in trainer.sides and all(half in name for name in weights.parameters):
        raise UsageError(
            f"captions are to be trained, but every trained weight is of the half of {model.name} that draws "
            f"({half}), which writes no text; set only=layers for both halves, or leave captioning at 0"
        )


def _losses(model: Trains, trainer: Trainer) -> torch.nn.Module:
    """A module whose forward pass is the trainer's loss.

    Trainers call the adapter's methods, not the network's forward pass; distributed gradients and autocast
    hang on that of the module that accelerate was given.
    """
    from torch import nn

    class Losses(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = model.network
            self.training = False

        def forward(
            self, pool: Pool | None, picked: Mapping[Side, Sequence[int]]
        ) -> tuple[torch.Tensor, dict[str, float]] | None:
            if pool is None:  # Sets sharding up: see sharding.gathered.
                return None
            checkpointed = recomputing(model.transformer) if trainer.settings.checkpointing else nullcontext()
            with checkpointed:
                return trainer.loss(model, pool, picked)

    return Losses()
