"""Shards from the environment variables of launchers, as each of them sets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.runs.launchers import own_gpu
from selfreward_eval.harness.runs.shards import Shard, parse_shard

TORCHRUN = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "16"}
SLURM = {"SLURM_PROCID": "2", "SLURM_NTASKS": "8", "SLURM_LOCALID": "2"}
ARRAY = {
    "SLURM_PROCID": "0", "SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "4",
    "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_STEP": "2",
}  # fmt: skip
POD = {"JOB_COMPLETION_INDEX": "5", "SELFREWARD_SHARDS": "6"}


@pytest.mark.parametrize(
    ("environ", "shard"),
    [
        (TORCHRUN, Shard(3, 16)),
        (SLURM, Shard(2, 8)),
        (SLURM | {"SLURM_STEP_NUM_TASKS": "4"}, Shard(2, 4)),
        (ARRAY, Shard(3, 4)),
        (ARRAY | {"SLURM_PROCID": "1", "SLURM_NTASKS": "2"}, Shard(7, 8)),
        (POD, Shard(5, 6)),
        # torchrun inside a Slurm step: every process of torchrun is a shard.
        (SLURM | TORCHRUN, Shard(3, 16)),
        # `accelerate launch` of one process.
        ({"ACCELERATE_MIXED_PRECISION": "no"}, Shard(0, 1)),
    ],
)
def test_a_launcher_s_variables_name_the_shard(environ: dict[str, str], shard: Shard) -> None:
    assert parse_shard("auto", environ) == shard


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, "no variables of torchrun"),
        ({"RANK": "0"}, "WORLD_SIZE is not set"),
        ({"RANK": "x", "WORLD_SIZE": "2"}, "RANK is 'x'"),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "there is no shard 2/2"),
        ({"JOB_COMPLETION_INDEX": "0"}, "SELFREWARD_SHARDS"),
        (ARRAY | {"SLURM_ARRAY_TASK_ID": "6"}, "not evenly spaced"),
        (ARRAY | {"SLURM_ARRAY_TASK_ID": "99"}, "not evenly spaced"),
    ],
)
def test_what_is_missing_is_named(environ: dict[str, str], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        parse_shard("auto", environ)


@pytest.mark.parametrize(
    ("environ", "gpus", "own"),
    [
        (TORCHRUN, 4, "1"),
        (TORCHRUN | {"LOCAL_RANK": "5"}, 4, "1"),
        (TORCHRUN | {"CUDA_VISIBLE_DEVICES": "6,7"}, 8, "7"),
        (SLURM, 4, "2"),
        # Slurm has given the task its own GPU already.
        (SLURM | {"CUDA_VISIBLE_DEVICES": "0"}, 4, None),
        (TORCHRUN, 1, None),
        (TORCHRUN, 0, None),
        (POD, 4, None),
    ],
)
def test_processes_of_one_machine_share_its_gpus(
    tmp_path: Path, environ: dict[str, str], gpus: int, own: str | None
) -> None:
    for name in ["nvidiactl", "nvidia-uvm", *(f"nvidia{number}" for number in range(gpus))]:
        (tmp_path / name).touch()
    assert own_gpu(environ, tmp_path) == own
