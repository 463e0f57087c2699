"""What training needs of a BAGEL model: latents, velocities with gradients, checkpoints in the hub's layout.

See :class:`selfreward_eval.harness.models.training.TrainsFlow`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.models.bagel.config import FILES
from selfreward_eval.harness.models.bagel.core import BagelCore

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from selfreward_eval.harness.models.bagel.shapes import BagelShapes

FROZEN = ("vit_model.", "connector.", "vit_pos_embed.", "latent_pos_embed.")
"""Parts that no trainer changes: the tables are fixed, and SRUM's released script leaves the tower and its
connector out altogether (``visual_und False``). The autoencoder is apart from the network."""

ENCODED_TOGETHER = 8


class TrainingMethods(BagelCore):
    """What a BAGEL model offers to trainers."""

    @property
    def compute_device(self) -> torch.device:
        """Where it is loaded."""
        return self.loaded.device

    @property
    def dtype(self) -> torch.dtype:
        """What its network is loaded in."""
        return self.loaded.dtype

    @property
    def network(self) -> torch.nn.Module:
        """Everything but the autoencoder, which no training changes."""
        return self.loaded.network

    @property
    def transformer(self) -> torch.nn.Module:
        """The layers of both kinds, which drawing and answering share."""
        return self.loaded.network.transformer

    def trainable(self) -> list[tuple[str, torch.nn.Parameter]]:
        """Parameters that a trainer may change, by name; all others stay as they were loaded."""
        named = self.loaded.network.named_parameters()
        return [(name, parameter) for name, parameter in named if not name.startswith(FROZEN)]

    def shapes(self) -> BagelShapes:
        """The network without weights, from the configuration files alone.

        Raises:
            UsageError: a size that it cannot draw.
        """
        from selfreward_eval.harness.models.bagel.shapes import shapes_of

        try:
            return shapes_of(self.weights, self._arguments["revision"], self.size, FROZEN)
        except ValueError as error:
            raise UsageError(f"size={self._arguments['size']} of {self.name}: {error}") from error

    def encode(self, images: Sequence[Image], seeds: Sequence[int] | None = None) -> torch.Tensor:
        """Latents of pictures, without gradients: float32 (B, L, C).

        Args:
            images: RGB pictures of the size that the model draws.
            seeds: of the autoencoder's sample, one a picture; None for its mean.

        Raises:
            InputError: a picture of another size.
        """
        import torch

        from selfreward_eval.harness.models.bagel.pictures import on_white, to_tensor
        from selfreward_eval.harness.models.bagel.tables import pack_latents

        config = self.config
        height, width = config.image_size
        for image in images:
            if image.size != (width, height):
                raise InputError(
                    f"a picture of {image.height} x {image.width} pixels (height x width) is to be encoded, "
                    f"but {self.name} draws {height} x {width}; resize it, or set size"
                )
        if not images:
            return torch.empty(0, self.latent_grid[0] * self.latent_grid[1], config.token_width)
        rows = []
        with torch.no_grad():
            for start in range(0, len(images), ENCODED_TOGETHER):
                part = images[start : start + ENCODED_TOGETHER]
                pixels = torch.stack([to_tensor(on_white(image)) for image in part])
                generators = None
                if seeds is not None:
                    generators = [
                        torch.Generator().manual_seed(seed % (1 << 63))
                        for seed in seeds[start : start + ENCODED_TOGETHER]
                    ]
                pixels = pixels.to(self.loaded.device, self._picture_type())
                rows.append(self.loaded.autoencoder.encode(pixels, generators))
        return pack_latents(torch.cat(rows), config.latent_patch_size).float()

    def decode_latents(self, latents: torch.Tensor) -> list[Image]:
        """RGB pictures of latents (B, L, C), each decoded alone so that shapes never vary."""
        return [self._decoded(row[None], self.latent_grid) for row in latents.detach()]

    def noise(self, seeds: Sequence[int]) -> torch.Tensor:
        """What drawing with each seed starts from: standard normal, float32 (B, L, C)."""
        from selfreward_eval.harness.models.bagel.drawing import noise

        return noise(seeds, self.latent_grid, self.config.token_width)

    def times(self, points: int | None = None) -> torch.Tensor:
        """Times that drawing stops at, from 1 to 0, after the shift: float64 (points,)."""
        from selfreward_eval.harness.models.bagel.guidance import times

        return times(points or self.drawing.num_timesteps, self.drawing.timestep_shift)

    def velocity(
        self,
        prompts: Sequence[str | None],
        latents: torch.Tensor,
        times: torch.Tensor,
        *,
        guided: bool = False,
    ) -> torch.Tensor:
        """The velocity, with gradients where they are enabled: float32 (B, L, C).

        Args:
            prompts: None leaves the text segment out, as text dropout does.
            latents: noisy ones, (B, L, C).
            times: of every picture, (B,), each in [0, 1].
            guided: with the guidance that drawing uses at that time; without a plan.
        """
        import torch

        from selfreward_eval.harness.models.bagel.guidance import guided as combined
        from selfreward_eval.harness.models.bagel.sequences import velocities

        network, markers, grid = self.loaded.network, self.loaded.markers, self.latent_grid
        written = iter(self.text_ids([prompt for prompt in prompts if prompt is not None], "the prompt"))
        ids = [None if prompt is None else next(written) for prompt in prompts]
        whole = velocities(network, markers, ids, latents, times, grid)
        guidance = self.drawing.guidance
        on = guidance.on(times).to(whole.device)
        if guided and guidance.text > 1 and bool(on.any()):
            nothing: list[None] = [None] * len(ids)
            pushed = combined(
                guidance,
                whole,
                lambda: velocities(network, markers, nothing, latents, times, grid),
                lambda: whole,
            )
            whole = torch.where(on[:, None, None], pushed, whole)
        return whole.float()

    def save(self, folder: Path, dtype: str = "float32") -> None:
        """The checkpoint in the hub's layout, written beside ``folder`` and renamed into place.

        Args:
            folder: appears whole or not at all.
            dtype: of the network's tensors in the file.
        """
        from selfreward_eval.harness.models.bagel.saving import save_checkpoint

        loaded = self.loaded
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        save_checkpoint(part, loaded.network, loaded.autoencoder, self.config, dtype=dtype)
        for file in FILES:
            if (loaded.folder / file).is_file():
                # What other readers of the layout need from them stays.
                kept = json.loads((loaded.folder / file).read_text(encoding="utf-8"))
                own = json.loads((part / file).read_text(encoding="utf-8"))
                (part / file).write_text(json.dumps({**kept, **own}, indent=2) + "\n", encoding="utf-8")
        loaded.tokenizer.save_pretrained(part)
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)

    def _decoded(self, latents: torch.Tensor, grid: tuple[int, int]) -> Image:
        """The picture of latents (1, L, C)."""
        import torch

        from selfreward_eval.harness.models.bagel.pictures import from_pixels
        from selfreward_eval.harness.models.bagel.tables import unpack_latents

        unpacked = unpack_latents(latents, grid, self.config.latent_patch_size)
        with torch.inference_mode():
            decoded = self.loaded.autoencoder.decode(unpacked.to(self.loaded.device, self._picture_type()))
        return from_pixels(decoded[0])

    def _picture_type(self) -> torch.dtype:
        """What the autoencoder computes in."""
        return self.loaded.autoencoder.encoder.conv_in.weight.dtype
