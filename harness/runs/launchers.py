"""Which of how many processes this one is, read from the environment variables of launchers.

| launcher | variables |
|---|---|
| torchrun, ``accelerate launch`` | ``RANK``, ``WORLD_SIZE``; ``LOCAL_RANK`` chooses the GPU |
| Slurm | ``SLURM_PROCID``, ``SLURM_NTASKS``; of an array job also ``SLURM_ARRAY_TASK_*`` |
| Kubernetes, Jobs with ``completionMode: Indexed`` | ``JOB_COMPLETION_INDEX``; ``SELFREWARD_SHARDS`` |

Kubernetes does not tell a pod how many there are, so that the Job's manifest has to say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from selfreward_eval.harness.errors import UsageError

__all__ = ["SHARDS", "launched_as", "own_gpu"]

SHARDS = "SELFREWARD_SHARDS"
"""The number of shards, where a launcher gives only the process's own number."""

GPUS = "CUDA_VISIBLE_DEVICES"


def launched_as(environ: Mapping[str, str]) -> tuple[int, int]:
    """This process's number, from 0, and the number of processes; the innermost launcher decides.

    Raises:
        UsageError: no launcher's variables are there, or one is missing or no whole number.
    """
    if "RANK" in environ or "WORLD_SIZE" in environ:
        return _number(environ, "RANK"), _number(environ, "WORLD_SIZE")
    if "SLURM_PROCID" in environ:
        return _of_slurm(environ)
    if "JOB_COMPLETION_INDEX" in environ:
        if SHARDS not in environ:
            raise UsageError(
                f"--shard auto: JOB_COMPLETION_INDEX is set, but not {SHARDS}; set it to the Job's "
                "completions in the pod's env, or give --shard '$(JOB_COMPLETION_INDEX)/n'"
            )
        return _number(environ, "JOB_COMPLETION_INDEX"), _number(environ, SHARDS)
    if "ACCELERATE_MIXED_PRECISION" in environ:  # `accelerate launch` of one process sets no rank.
        return 0, 1
    raise UsageError(
        "--shard auto: no variables of torchrun, accelerate, Slurm or a Kubernetes Job are set (RANK, "
        "SLURM_PROCID, JOB_COMPLETION_INDEX); give --shard i/n"
    )


def _of_slurm(environ: Mapping[str, str]) -> tuple[int, int]:
    """The tasks of a job step; those of an array job are counted through all its elements."""
    tasks = "SLURM_STEP_NUM_TASKS" if "SLURM_STEP_NUM_TASKS" in environ else "SLURM_NTASKS"
    # Slurm leaves the number out of the batch script's environment where none was asked for.
    index, count = _number(environ, "SLURM_PROCID"), _number(environ, tasks) if tasks in environ else 1
    if "SLURM_ARRAY_TASK_ID" not in environ:
        return index, count
    element, elements = _number(environ, "SLURM_ARRAY_TASK_ID"), _number(environ, "SLURM_ARRAY_TASK_COUNT")
    first = _number(environ, "SLURM_ARRAY_TASK_MIN")
    step = max(1, _number(environ, "SLURM_ARRAY_TASK_STEP")) if "SLURM_ARRAY_TASK_STEP" in environ else 1
    place, rest = divmod(element - first, step)
    if rest or not 0 <= place < elements:
        raise UsageError(
            f"--shard auto: the elements of the Slurm array are not evenly spaced (element {element} of "
            f"{elements}, from {first} on); use --array=0-{elements - 1}, or give --shard i/n"
        )
    return place * count + index, elements * count


def own_gpu(environ: Mapping[str, str], devices: Path = Path("/dev")) -> str | None:
    """What ``CUDA_VISIBLE_DEVICES`` has to be so that the processes of one machine share its GPUs evenly.

    None where nothing has to change: the launcher numbers no processes within the machine, or shows this
    one a single GPU, or there is none.

    Args:
        environ: environment variables.
        devices: where the system lists its devices.
    """
    variable = "LOCAL_RANK" if "LOCAL_RANK" in environ else "SLURM_LOCALID"
    if variable not in environ:
        return None
    if GPUS in environ:
        visible = [name.strip() for name in environ[GPUS].split(",") if name.strip()]
    else:
        numbers = (path.name.removeprefix("nvidia") for path in devices.glob("nvidia[0-9]*"))
        visible = sorted((number for number in numbers if number.isdecimal()), key=int)
    return visible[_number(environ, variable) % len(visible)] if len(visible) > 1 else None


def _number(environ: Mapping[str, str], name: str) -> int:
    value = environ.get(name)
    if value is None:
        raise UsageError(f"--shard auto: {name} is not set, although its launcher's other variable is")
    if not (value.isascii() and value.isdecimal()) or len(value) > 9:
        raise UsageError(f"--shard auto: {name} is {value!r}; it must be a whole number of at least 0")
    return int(value)
