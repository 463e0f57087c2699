"""The processes of a training run, through accelerate: one by default, several under its launchers.

Several GPUs: ``accelerate launch --multi_gpu --num_processes N``, with the whole model on each; with
``--use_fsdp --fsdp_version 2`` in place of ``--multi_gpu`` they share it out. Several CPU processes: the
same command on a machine without a GPU, or ``torchrun --nproc-per-node N``; ``accelerate launch --cpu``
starts one process whatever number it is given, unless it runs under MPI.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import MissingExtra, UsageError
from selfreward_eval.trainers.sharding import unasked

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

    from selfreward_eval.harness.models.training import Trains
    from selfreward_eval.trainers.base import Trainer

__all__ = ["ALONE", "Processes", "accelerator", "leave", "processes"]


@dataclass(frozen=True)
class Processes:
    """This process among those of the run.

    Attributes:
        rank: its number, from 0; the one with 0 writes.
        count: how many there are.
        wait: returns when all have called it.
    """

    rank: int
    count: int
    wait: Callable[[], None]

    @property
    def main(self) -> bool:
        """Whether this one writes, evaluates and prints."""
        return self.rank == 0


WAIT = timedelta(days=7)
"""How long processes wait for the first one: it evaluates alone, which may take hours."""

ALONE = Processes(0, 1, lambda: None)
"""One process, as most training runs have."""


def processes(device: str = "auto") -> Processes:
    """Finds the other processes, and connects to them.

    With several GPUs this chooses the process's own, so call it before a model is loaded to ``cuda``.

    Args:
        device: where models are loaded to: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    """
    import torch

    state = _partial_state(device == "cpu" or not torch.cuda.is_available())
    return Processes(state.process_index, state.num_processes, state.wait_for_everyone)


def leave() -> None:
    """Disconnects from the other processes, so that the launcher sees all of them end."""
    import torch.distributed

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def accelerator(model: Trains, trainer: Trainer, folder: Path | None, log_with: Sequence[str]) -> Accelerator:
    """The accelerator for a loaded model and what it is trained with.

    Raises:
        MissingExtra: accelerate is not installed.
        UsageError: precision, device and processes do not go together.
    """
    settings, place = trainer.settings, model.compute_device
    if settings.precision == "fp16" and place.type == "cpu":
        raise UsageError("precision fp16 needs a GPU; use bf16, or no")
    _partial_state(place.type == "cpu")
    from accelerate import Accelerator, DistributedDataParallelKwargs, DistributedType
    from accelerate.state import AcceleratorState
    from accelerate.utils import GradientAccumulationPlugin, ProjectConfiguration

    # accelerate keeps one precision per process and refuses another one; a second run may well have one.
    if AcceleratorState._shared_state.get("_mixed_precision") not in (None, settings.precision):
        AcceleratorState._reset_state()
    # A loss on one side leaves the other side's weights out; adapters all lie on the way of any loss that
    # reads its prompts.
    one_sided = len(trainer.sides) == 1
    unused = one_sided and (settings.lora_rank == 0 or trainer.drops_text)
    ddp = DistributedDataParallelKwargs(find_unused_parameters=unused)
    try:
        with unasked():
            made = Accelerator(
                cpu=place.type == "cpu",
                mixed_precision=settings.precision,
                # Not the argument of the same meaning: a variable of the environment would overrule that.
                gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=settings.accumulation),
                log_with=list(log_with) or None,
                project_config=ProjectConfiguration(
                    project_dir=None if folder is None else str(folder),
                    logging_dir=None if folder is None else str(folder / "tensorboard"),
                ),
                kwargs_handlers=[ddp],
            )
    except ValueError as error:
        raise UsageError(f"precision {settings.precision} on {place} does not work: {error}") from error
    known = (DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU)
    if made.distributed_type not in known:
        raise UsageError(
            "training runs on one process, several CPU processes, or several GPUs; accelerate "
            f"was set up for {made.distributed_type.value}"
        )
    if made.device.type != place.type or place.index not in (None, _index(made.device)):
        raise UsageError(
            f"the model lies on {place}, this process computes on {made.device}; load it with "
            f"device={made.device.type}, and choose GPUs by CUDA_VISIBLE_DEVICES"
        )
    return made


def _index(device: torch.device) -> int | None:
    """The number of a GPU; one without a number is the process's current one."""
    import torch

    if device.type == "cuda" and device.index is None:
        return torch.cuda.current_device()
    return device.index


def _partial_state(cpu: bool) -> Any:
    try:
        from accelerate import PartialState
    except ImportError as error:
        raise MissingExtra("training needs the package accelerate; install it") from error
    return PartialState(cpu=cpu, timeout=WAIT)
