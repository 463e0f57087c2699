"""Trains a small BAGEL in forked processes that share its weights out. Prints one JSON object.

Run as ``python sharded_fits.py FOLDER``: a script of its own, because it forks.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed
import torch.distributed.checkpoint
import torch.distributed.fsdp
from PIL import Image
from safetensors.torch import load_file
from support.bagel import write_checkpoint

from selfreward_eval.harness.models.bagel.adapter import BagelModel
from selfreward_eval.harness.records import Item
from selfreward_eval.trainers.fitting import fit
from selfreward_eval.trainers.methods.rejection_flow import RejectionFlow
from selfreward_eval.trainers.pool import FlowDrawings, Pool
from selfreward_eval.trainers.processes import processes
from selfreward_eval.trainers.sharding import ASKED

SETTINGS: dict[str, Any] = {
    "steps": 4,
    "batch_size": 4,
    "save_every": 2,
    "learning_rate": 1e-3,
    "warmup": 0,
    "ema": 0.5,
    "checkpointing": True,
}
KINDS: dict[str, dict[str, Any]] = {
    "weights": {},
    "adapters": {"lora_rank": 2},
    "bf16": {"precision": "bf16", "accumulation": 2},
}


class DieAt:
    """Ends the process as soon as so many steps were reported, in the first one; the other one waits."""

    def __init__(self, step: int) -> None:
        self.left = step

    def start(self, name: str, total: int, done: int) -> None:
        self.left -= done

    def advance(self, name: str, count: int) -> None:
        self.left -= count
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def collect(round_: int, model: Any, moved: bool = False) -> Pool:
    """Pictures that the model draws, whose rewards differ; drawn in every process."""
    prompts = ["a red star", "a blue ring", "two green hearts", "a cross"]
    images = model.generate(prompts[:2], [1, 2])
    assert all(isinstance(image, Image.Image) for image in images)
    rng = np.random.default_rng(0)
    latents = torch.from_numpy(rng.standard_normal((4, 2, 24, 16), dtype=np.float32))
    items = tuple(Item(id=str(k), text=text, category="one") for k, text in enumerate(prompts))
    return Pool(round_, flow=FlowDrawings(items, latents, rng.random((4, 2))))


def forked(work: Callable[[], Any]) -> int:
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
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fitted(source: Path, folder: Path, changes: dict[str, Any], progress: Any = None) -> None:
    model = BagelModel(str(source), device="cpu", num_timesteps=3)
    model = model.training_copy(guidance=1.5, temperature=1.0, rows=2)
    fit(model, RejectionFlow(**{**SETTINGS, **changes}), collect, folder, progress=progress)


def together(
    count: int, port: int, source: Path, folder: Path, changes: dict[str, Any], progress: Any = None
) -> list[int]:
    def work(rank: int) -> None:
        told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, ASKED: "true", "FSDP_VERSION": 2}
        os.environ.update({name: str(value) for name, value in (told | address).items()})
        assert processes("cpu").count == count
        fitted(source, folder, changes, progress)

    children = [forked(partial(work, rank)) for rank in range(count)]
    if progress is None:
        return [ended(child) for child in children]
    first = ended(children[0])
    os.kill(children[1], signal.SIGKILL)
    return [first, ended(children[1])]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "weights" / "ema.safetensors")


def apart(first: Path, second: Path) -> float:
    one, other = weights(first), weights(second)
    return max(float((one[name] - value).abs().max()) for name, value in other.items())


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    source = write_checkpoint(folder / "model")
    found: dict[str, Any] = {}
    for kind, changes in KINDS.items():
        alone, both = folder / f"{kind}-alone", folder / f"{kind}-both"
        status = [ended(forked(partial(fitted, source, alone, changes)))]
        status += together(2, free_port(), source, both, changes)
        found[kind] = {"status": status}
        if not any(status):
            found[kind] |= {
                "apart": apart(alone, both),
                "alone": lines(alone),
                "both": lines(both),
                "moved": float(
                    max(
                        (weights(alone)[n] - v).abs().max()
                        for n, v in load_file(source / "ema.safetensors").items()
                    )
                ),
                "files": sorted(
                    p.relative_to(both / "checkpoints").as_posix()
                    for p in (both / "checkpoints").rglob("*")
                    if p.is_file()
                ),
            }
    for resumed in (1, 2):
        broken = folder / f"resumed-{resumed}"
        status = together(2, free_port(), source, broken, {}, DieAt(3))
        if resumed == 1:
            status.append(ended(forked(partial(fitted, source, broken, {}))))
        else:
            status += together(2, free_port(), source, broken, {})
        found[f"resumed by {resumed}"] = {"status": status}
        if status[2] == 0:
            found[f"resumed by {resumed}"]["apart"] = apart(folder / "weights-both", broken)
    # Begun by one process that is killed, and resumed by two.
    broken = folder / "begun-alone"
    status = [ended(forked(lambda: fitted(source, broken, {}, DieAt(3))))]
    status += together(2, free_port(), source, broken, {})
    found["begun by 1"] = {"status": status}
    if status[1] == 0:
        found["begun by 1"]["apart"] = apart(folder / "weights-both", broken)
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
