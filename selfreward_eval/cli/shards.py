"""What ``run --shard`` and ``--phase`` take and print."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from selfreward_eval.harness.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from selfreward_eval.harness.runs.run import Finished, Phase, Shard

PHASES = ("all", "draw", "measure")


def chosen_shard(text: str | None) -> Shard | None:
    """The shard that ``--shard`` names, or None. With ``auto`` this process takes its own GPU as well.

    Raises:
        UsageError: no shard of that name.
    """
    if text is None:
        return None
    from selfreward_eval.harness.runs.launchers import GPUS, own_gpu
    from selfreward_eval.harness.runs.shards import AUTO, parse_shard

    gpu = own_gpu(os.environ) if text == AUTO else None
    if gpu is not None:
        os.environ[GPUS] = gpu  # PyTorch reads it when it first looks for a GPU.
    return parse_shard(text, os.environ)


def chosen_phase(text: str) -> Phase:
    """The phase that ``--phase`` names.

    Raises:
        UsageError: there is none of that name.
    """
    if text not in PHASES:
        raise UsageError(f"--phase is {text!r}; {did_you_mean(text, PHASES)}")
    return cast("Phase", text)


def print_unfinished(finished: Finished, phase: Phase, *, as_json: bool) -> None:
    """Prints what a process did on a run that is not finished yet, and what is left."""
    import json

    if as_json:
        summary = {
            "folder": str(finished.folder),
            "results": None,
            "samples_reused": finished.reused,
            "pictures_drawn": finished.drawn,
            "samples_left": finished.left,
        }
        print(json.dumps(summary, indent=2))
        return
    print(f"drawn    {finished.drawn}, there before {finished.reused}")
    if not finished.left:
        print("left     none; another shard is at work, the last one to end writes the results")
    elif phase == "draw":
        print(f"left     {finished.left} samples are not recorded; --phase measure measures what is drawn")
    else:
        print(f"left     {finished.left} samples are not recorded; the last shard to end writes the results")
    print(f"folder   {finished.folder}")
