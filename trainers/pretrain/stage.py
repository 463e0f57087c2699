"""One stage of pretraining: a loop over steps that can be killed and resumed.

Batches are a pure function of (seed, step), so nothing about the data needs
saving; a checkpoint holds weights, optimizer and step. Snapshots of the
weights are kept for good, the resume file is replaced in place.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.trainers.pretrain.parallel import Ranks

if TYPE_CHECKING:
    import torch

ALONE = Ranks(0, 1)


@dataclass
class Stage:
    """What a stage is and where it keeps its files.

    Attributes:
        name: folder name under ``root``.
        root: where checkpoints and the log go.
        steps: length of the learning rate's schedule.
        peak: highest learning rate.
        warmup: fraction of the steps spent warming up.
        save_every: steps between resume files.
        keep: steps at which a snapshot of the weights is kept.
        stop: where the stage ends, before the rate's schedule does; None for its end.
    """

    name: str
    root: Path
    steps: int
    peak: float
    warmup: float = 0.05
    save_every: int = 250
    keep: tuple[int, ...] = field(default_factory=tuple)
    stop: int | None = None

    @property
    def last(self) -> int:
        """Number of steps taken in all."""
        return self.steps if self.stop is None else min(self.stop, self.steps)

    @property
    def folder(self) -> Path:
        return self.root / self.name

    def rate(self, step: int) -> float:
        """Learning rate at ``step``: linear warm-up, then a cosine to a fiftieth of the peak."""
        warm = max(1, int(self.steps * self.warmup))
        if step < warm:
            return self.peak * (step + 1) / warm
        progress = (step - warm) / max(1, self.steps - warm)
        return self.peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def save_tensors(path: Path, state: Any) -> None:
    """Writes a torch file so that a reader sees the old one or the new one, never half of it."""
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    torch.save(state, temporary)
    os.replace(temporary, path)


def train(
    stage: Stage,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    step_losses: Callable[[int], dict[str, torch.Tensor]],
    *,
    extra: dict[str, torch.Tensor] | None = None,
    after_step: Callable[[int, dict[str, torch.Tensor]], None] | None = None,
    clip: float = 1.0,
    progress: Callable[[int, dict[str, float]], None] | None = None,
    ranks: Ranks = ALONE,
) -> None:
    """Runs ``stage`` to its end, from its resume file where there is one.

    Args:
        stage: steps, rates and files.
        model: its whole state dict is saved; the optimizer decides what trains.
        optimizer: built by the caller over the parameters of this stage.
        step_losses: step -> named losses; ``loss`` is differentiated.
        extra: further tensors saved and restored in place (the codebook's statistics).
        after_step: called with the step and its losses once the weights have moved.
        clip: greatest gradient norm.
        progress: called after every step with the step and its scalar losses.
        ranks: the processes that share each batch; only the first one writes.

    Raises:
        FloatingPointError: the loss stopped being finite; the last resume file is intact.
    """
    import torch

    resume = stage.folder / "resume.pt"
    start = 0
    if resume.exists():
        state = torch.load(resume, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        for name, tensor in (extra or {}).items():
            tensor.copy_(state["extra"][name])
        start = int(state["step"])
    stage.folder.mkdir(parents=True, exist_ok=True)
    trainable = [p for group in optimizer.param_groups for p in group["params"]]
    began = time.monotonic()
    with open(stage.folder / "log.jsonl", "a", encoding="utf-8") as log:
        for step in range(start, stage.last):
            for group in optimizer.param_groups:
                group["lr"] = stage.rate(step)
            terms = step_losses(step)
            optimizer.zero_grad(set_to_none=True)
            terms["loss"].backward()
            ranks.average(trainable)
            norm = torch.nn.utils.clip_grad_norm_(trainable, clip)
            scalars = {k: float(v.detach()) for k, v in terms.items() if v.ndim == 0}
            if not math.isfinite(scalars["loss"]) or not math.isfinite(float(norm)):
                raise FloatingPointError(f"{stage.name}: the loss is no longer finite at step {step}")
            optimizer.step()
            if after_step is not None:
                with torch.no_grad():
                    after_step(step, terms)
            done = step + 1
            if progress is not None:
                progress(done, scalars)
            if not ranks.writes:
                continue
            if done % 50 == 0:
                row = {"step": done, "seconds": round(time.monotonic() - began, 1), **scalars}
                log.write(json.dumps(row) + "\n")
                log.flush()
            if done in stage.keep:
                save_tensors(stage.folder / f"step{done}.pt", model.state_dict())
            if done % stage.save_every == 0 or done == stage.last:
                save_tensors(
                    resume,
                    {
                        "step": done,
                        "model": model.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "extra": dict(extra or {}),
                    },
                )
