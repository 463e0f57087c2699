"""Trains in forked processes: killed by SIGKILL and resumed, and two at a time. Prints one JSON object.

Run as ``python forked_fits.py FOLDER``. A script of its own, because it forks, which a process that has
computed gradients must not; its children begin with everything imported and the model loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from selfreward_eval.harness.models.janus.adapter import JanusModel
from selfreward_eval.trainers import checkpoints, whole_weights
from selfreward_eval.trainers.base import Trainer
from selfreward_eval.trainers.fitting import fit
from selfreward_eval.trainers.methods.rejection import Rejection
from selfreward_eval.trainers.processes import processes

conftest: Any = import_module("conftest")
"""The one beside this file; there are others."""

ADAPTERS: dict[str, Any] = {"lora_rank": 2, "rounds": 2, "steps": 4, "save_every": 3}
"""Checkpoints of two files each at steps 3, 4, 6 and 8."""

SHARED: dict[str, Callable[[], Trainer]] = {
    "weights": lambda: conftest.Plain(batch_size=4, accumulation=2, ema=0.5, steps=3),
    "adapters": lambda: conftest.Plain(batch_size=4, lora_rank=2, checkpointing=True, steps=3),
    "one side": lambda: Rejection(batch_size=4, steps=3, warmup=0, learning_rate=1e-3, precision="no"),
}


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def nth(count: int, function: Callable[..., Any], instead: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, but ``instead`` at its ``count``-th call."""
    calls = iter(range(1, 10**6))
    return lambda *given: (instead if next(calls) == count else function)(*given)


class DieAt(conftest.KillAt):
    """A progress display that ends the process as soon as so many steps were reported."""

    def advance(self, name: str, count: int) -> None:
        self.left -= count
        if self.left == 0:
            die()


def half_a_file(tensors: Any, path: Path) -> None:
    whole = safetensors.torch.save(tensors)
    path.write_bytes(whole[: len(whole) // 2])
    die()


def between_steps() -> Any:
    return DieAt(5)


def inside_a_checkpoint() -> None:
    safetensors.torch.save_file = nth(6, safetensors.torch.save_file, half_a_file)


def before_a_checkpoint_is_renamed() -> None:
    checkpoints.settle = nth(3, checkpoints.settle, die)


def while_the_weights_are_written() -> None:
    whole_weights.settle = die  # type: ignore[assignment]


DEATHS = (between_steps, inside_a_checkpoint, before_a_checkpoint_is_renamed, while_the_weights_are_written)


def forked(work: Callable[[], Any]) -> int:
    """The process id of a child that does ``work``."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def ended(child: int) -> int:
    """How a child ended: its exit status, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def digest(folder: Path) -> str:
    """Of the weights in ``folder``."""
    return hashlib.sha256((folder / "weights" / "model.safetensors").read_bytes()).hexdigest()


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def killed_and_resumed(model: Any, folder: Path, death: Callable[[], Any]) -> dict[str, Any]:
    def first() -> None:
        progress = death()
        fit(model, conftest.Plain(**ADAPTERS), conftest.collect, folder, progress=progress)

    status = ended(forked(first))
    left = sorted(one.name for one in (folder / "checkpoints").iterdir())
    again = ended(forked(lambda: fit(model, conftest.Plain(**ADAPTERS), conftest.collect, folder)))
    return {
        "status": status,
        "left": left,
        "again": again,
        "weights": digest(folder),
        "steps": [line["step"] for line in lines(folder)],
    }


def two_at_once(model: Any, folder: Path, trainer: Trainer) -> list[int]:
    """What launchers set in the environment, and two processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def work(rank: int) -> None:
        told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        os.environ.update({name: str(value) for name, value in (told | address).items()})
        here = processes("cpu")
        assert (here.rank, here.count) == (rank, 2)
        fit(model, trainer, conftest.collect, folder)
        here.wait()

    children = [forked(partial(work, rank)) for rank in range(2)]
    return [ended(child) for child in children]


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    conftest.save_small(folder / "model")
    model = JanusModel(str(folder / "model"), device="cpu", dtype="float32")
    assert model.loaded is not None
    found: dict[str, Any] = {}
    unbroken = folder / "unbroken"
    ended(forked(lambda: fit(model, conftest.Plain(**ADAPTERS), conftest.collect, unbroken)))
    found["unbroken"] = digest(unbroken)
    found["killed"] = {
        death.__name__: killed_and_resumed(model, folder / death.__name__, death) for death in DEATHS
    }
    found["shared"] = {}
    for kind, build in SHARED.items():
        alone, both = folder / f"{kind}-alone", folder / f"{kind}-both"
        status = [ended(forked(partial(fit, model, build(), conftest.collect, alone)))]
        status += two_at_once(model, both, build())
        apart = [safetensors.torch.load_file(one / "weights" / "model.safetensors") for one in (alone, both)]
        found["shared"][kind] = {
            "status": status,
            "alone": lines(alone),
            "both": lines(both),
            "apart": max(float((apart[0][name] - one).abs().max()) for name, one in apart[1].items()),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
