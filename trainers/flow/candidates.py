"""A chunk of a round's candidates of a flow model: drawn, rewarded, and what a trainer needs beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from selfreward_eval.harness.instruments.backends.finite import NotFinite
from selfreward_eval.harness.records import Item, fingerprint
from selfreward_eval.harness.seeds import sample_seed
from selfreward_eval.rewarders.base import Reward, Rewarder, RewardSample
from selfreward_eval.trainers.chunks import save
from selfreward_eval.trainers.flow import draws
from selfreward_eval.trainers.flow.sampling import draw_ode, draw_with_window, parts
from selfreward_eval.trainers.flow.trainer import FlowTrainer
from selfreward_eval.trainers.pool import FlowDrawings
from selfreward_eval.trainers.reward_maps import reward_maps

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from selfreward_eval.harness.models.training import TrainsFlow

__all__ = ["FlowChunk", "flow_drawings", "noisy_versions"]

STARTS, STATES, SAMPLING, DRAWING, REFERENCE = "window", "path", "drawn", "velocity", "start"
"""Names in a chunk's file of the windows' first steps, the states of the windows, log-likelihoods under the
model that drew, its velocities, and those of the reference model."""


class FlowChunk:
    """Makes one chunk.

    Args:
        trainer: says what is needed.
        model: draws.
        reference: gives the reference model, which is the starting model; loaded only if asked for.
        items: the chunk's prompts.
        round_: of training.
        drawn: folder that keeps what the starting model draws, for other training runs; None for none.
        timed: stage -> a context that takes the time of it.
    """

    def __init__(
        self,
        trainer: FlowTrainer,
        model: TrainsFlow,
        reference: Callable[[], TrainsFlow],
        items: Sequence[Item],
        round_: int,
        drawn: Path | None,
        timed: Callable[[str], AbstractContextManager[None]] = lambda stage: nullcontext(),
    ) -> None:
        self.trainer, self.model, self.reference = trainer, model, reference
        self.items, self.round, self.drawn, self.timed = items, round_, drawn, timed
        self.seed = trainer.settings.seed
        candidates = [(item, k) for item in items for k in range(trainer.settings.candidates)]
        self.prompts = [item.text for item, _ in candidates]
        self.pictures = [(item.id, k) for item, k in candidates]
        self.seeds = [sample_seed(f"training-{round_}", item.id, k, self.seed) for item, k in candidates]
        self.candidates = candidates

    def make(self, rewarder: Rewarder) -> tuple[dict[str, torch.Tensor], list[Reward]]:
        """What the chunk's file holds, every tensor with a leading (P, n), and the rewards."""
        import torch

        trainer, model = self.trainer, self.model
        flat: dict[str, torch.Tensor] = {}
        if trainer.encodes:
            with self.timed("drawing"):
                images = self._pictures()
            with self.timed("encoding"):
                encoded = [model.encode(images[rows]).cpu() for rows in parts(len(images))]
                flat["latents"] = torch.cat(encoded)
        else:
            with self.timed("drawing"):
                flat["latents"] = self._latents() if trainer.window is None else self._window(flat)
            if not bool(torch.isfinite(flat["latents"]).all()):
                raise NotFinite("a drawn latent is NaN or infinite")
            with self.timed("decoding"):
                images = _decoded(model, flat["latents"])
        if trainer.keeps_pictures:
            flat["pictures"] = torch.from_numpy(np.stack([np.asarray(image) for image in images]))
        samples = [
            RewardSample(image, category=item.category, metadata=item.metadata)
            for (item, _), image in zip(self.candidates, images, strict=True)
        ]
        with self.timed("rewards"):
            rewards = rewarder.score(self.prompts, samples)
        values = [np.nan if reward.value is None else reward.value for reward in rewards]
        flat["values"] = torch.tensor(values, dtype=torch.float64)
        if trainer.info.uses == "map":
            flat["maps"] = torch.from_numpy(reward_maps(rewarder, rewards, model.latent_grid))
        if trainer.noisy_points:
            with self.timed("velocities"):
                self._velocities(flat)
        n = trainer.settings.candidates
        tensors = {name: tensor.view(len(self.items), n, *tensor.shape[1:]) for name, tensor in flat.items()}
        return tensors, rewards

    def _window(self, flat: dict[str, torch.Tensor]) -> torch.Tensor:
        """Latents drawn with random steps; their window, states and likelihoods go into ``flat``."""
        import torch

        trainer, model = self.trainer, self.model
        assert trainer.window is not None
        low, high = trainer.window.starts(len(model.times(trainer.points or None)) - 1)
        what = f"flow-window-{self.round}"
        starts = [draws.whole_number(low, high, what, item, 0, self.seed) for item, _ in self.pictures]
        path = draw_with_window(
            model,
            self.prompts,
            self.seeds,
            self.pictures,
            starts,
            trainer.window,
            trainer.points,
            round_=self.round,
            seed=self.seed,
        )
        flat[STARTS] = torch.tensor(starts)
        flat[STATES], flat[SAMPLING] = path.states.cpu(), path.logprobs.cpu()
        if "drawing" in trainer.anchored:
            with self.timed("start velocities"):
                flat[REFERENCE] = self._along(self.reference(), path.states, starts)
        return path.latents.cpu()

    def _along(self, model: TrainsFlow, states: torch.Tensor, starts: Sequence[int]) -> torch.Tensor:
        """``model``'s velocities before each random step, (B, w, L, C)."""
        import torch

        times = model.times(self.trainer.points or None).float()
        columns = []
        for j in range(states.shape[1] - 1):
            at = times[torch.tensor(starts) + j].to(states.device)
            columns.append(self._rows(model, states[:, j], at, guided=True))
        return torch.stack(columns, 1)

    def _velocities(self, flat: dict[str, torch.Tensor]) -> None:
        """Adds the velocities at the fixed noisy versions, (B, T, L, C)."""
        import torch

        trainer = self.trainer
        schedule = trainer_times(trainer, self.model)
        latents = flat["latents"]
        models = {DRAWING: self.model}
        if "drawing" in trainer.anchored and self.round > 0:
            models[REFERENCE] = self.reference()
        for name, model in models.items():
            columns = []
            for j in range(trainer.noisy_points):
                x, t, _ = noisy_versions(
                    trainer, schedule, self.round, self.pictures, [j] * len(latents), latents
                )
                device = model.compute_device
                columns.append(self._rows(model, x.to(device), t.to(device), guided=False))
            flat[name] = torch.stack(columns, 1)
        if "drawing" in trainer.anchored and self.round == 0:
            flat[REFERENCE] = flat[DRAWING].clone()

    def _rows(self, model: TrainsFlow, x: torch.Tensor, t: torch.Tensor, guided: bool) -> torch.Tensor:
        import torch

        out = [
            model.velocity(self.prompts[rows], x[rows], t[rows], guided=guided).cpu()
            for rows in parts(len(self.prompts))
        ]
        return torch.cat(out)

    def _pictures(self) -> list[Image]:
        """Pictures as the model draws them for an evaluation, or as an earlier training run kept them."""
        import torch

        def draw() -> torch.Tensor:
            images = [
                image
                for rows in parts(len(self.prompts))
                for image in self.model.generate(self.prompts[rows], self.seeds[rows])
            ]
            return torch.from_numpy(np.stack([np.asarray(image.convert("RGB")) for image in images]))

        return _images(self._kept("pictures", draw))

    def _latents(self) -> torch.Tensor:
        """Drawn latents, or those that an earlier training run kept."""
        points = self.trainer.points
        return self._kept(
            f"latents-{points}", lambda: draw_ode(self.model, self.prompts, self.seeds, points).cpu()
        )

    def _kept(self, what: str, draw: Callable[[], torch.Tensor]) -> torch.Tensor:
        from safetensors.torch import load_file

        if self.drawn is None or self.round > 0:
            return draw()
        decides = [what, self.model.identity(), self.prompts, self.seeds]
        path = self.drawn / f"{fingerprint(decides)[:32]}.safetensors"
        if not path.exists():
            self.drawn.mkdir(parents=True, exist_ok=True)
            save(path, {what: draw()}, {})
        return load_file(path)[what]


def trainer_times(trainer: FlowTrainer, model: TrainsFlow) -> list[float]:
    """The times of drawing, from 1 to 0."""
    return [float(t) for t in model.times(trainer.points or None)]


def noisy_versions(
    trainer: FlowTrainer,
    schedule: Sequence[float],
    round_: int,
    pictures: Sequence[tuple[str, int]],
    which: Sequence[int],
    latents: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Latents made noisy at one of each picture's fixed times: (B, L, C), times (B,) and noise (B, L, C).

    Times are those of drawing, one in each of ``noisy_points`` equal parts, without the first and the last.

    Args:
        trainer: its ``noisy_points`` and training seed count.
        schedule: times of drawing.
        round_: of training.
        pictures: (id of the prompt, number of the candidate) of each.
        which: of the noisy versions, from 0, for each.
        latents: (B, L, C).
    """
    import torch

    seed, parts_ = trainer.settings.seed, trainer.noisy_points
    places = [
        draws.strata(1, len(schedule) - 1, parts_, f"flow-times-{round_}", item, k, seed)[j]
        for (item, k), j in zip(pictures, which, strict=True)
    ]
    times = torch.tensor([schedule[place] for place in places], dtype=torch.float32, device=latents.device)
    noises = [
        draws.normal(latents.shape[1:], f"flow-version-{round_}-{j}", item, k, seed)
        for (item, k), j in zip(pictures, which, strict=True)
    ]
    noise = torch.stack(noises).to(latents.device)
    t = times[:, None, None]
    return (1 - t) * latents + t * noise, times, noise


def flow_drawings(items: Sequence[Item], tensors: Mapping[str, torch.Tensor]) -> FlowDrawings:
    """A round's candidates from the tensors of all its chunks."""
    maps, starts = tensors.get("maps"), tensors.get(STARTS)
    return FlowDrawings(
        tuple(items),
        tensors["latents"],
        tensors["values"].numpy(),
        None if maps is None else maps.numpy(),
        tensors.get("pictures"),
        None if starts is None else starts[:, 0],
        tensors.get(STATES),
        tensors.get(SAMPLING),
        tensors.get(DRAWING),
        tensors.get(REFERENCE),
    )


def _decoded(model: TrainsFlow, latents: torch.Tensor) -> list[Image]:
    device = model.compute_device
    return [image for rows in parts(len(latents)) for image in model.decode_latents(latents[rows].to(device))]


def _images(pixels: torch.Tensor) -> list[Image]:
    from PIL import Image

    return [Image.fromarray(picture) for picture in pixels.numpy()]
