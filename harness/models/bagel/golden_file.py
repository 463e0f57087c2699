"""A file of recorded numbers with the network that it describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.models.bagel.golden_rules import build, config_of, wave

if TYPE_CHECKING:
    import torch

    from selfreward_eval.harness.models.bagel.autoencoder import FluxAutoencoder
    from selfreward_eval.harness.models.bagel.config import BagelConfig
    from selfreward_eval.harness.models.bagel.contexts import Context, Markers
    from selfreward_eval.harness.models.bagel.network import Bagel

__all__ = ["Recorded"]


@dataclass(frozen=True)
class Recorded:
    """A recorded file with the network that it describes.

    Attributes:
        document: the file's content.
    """

    document: Mapping[str, Any]

    @cached_property
    def config(self) -> BagelConfig:
        """Its sizes."""
        return config_of(self.document)

    @cached_property
    def _modules(self) -> tuple[Bagel, FluxAutoencoder]:
        return build(self.config)

    @property
    def network(self) -> Bagel:
        """With weights by rule."""
        return self._modules[0]

    @property
    def autoencoder(self) -> FluxAutoencoder:
        """Likewise."""
        return self._modules[1]

    @cached_property
    def markers(self) -> Markers:
        """Ids of the markers."""
        from selfreward_eval.harness.models.bagel.contexts import Markers

        ids = self.document["new_token_ids"]
        names = ("bos_token_id", "eos_token_id", "start_of_image", "end_of_image")
        return Markers(*(ids[name] for name in names))

    @cached_property
    def prompt_context(self) -> Context:
        """After the prompt."""
        from selfreward_eval.harness.models.bagel.contexts import empty

        return self.text(empty(self.network, 1), self.document["text_context"]["prompt_ids"])[0]

    @property
    def noise(self) -> torch.Tensor:
        """What drawing starts from, (1, L, C)."""
        return wave(self.document["gen"]["init_noise_rule"])[None]

    def text(self, context: Context, ids: list[int]) -> tuple[Context, torch.Tensor]:
        """A text segment between its markers."""
        from selfreward_eval.harness.models.bagel.contexts import read_text

        return read_text(self.network, context, [[self.markers.bos, *ids, self.markers.eos]])

    def patches(self, rule: str) -> tuple[torch.Tensor, tuple[int, int]]:
        """A picture by rule as patches (1, P, 588), and their grid."""
        from selfreward_eval.harness.models.bagel.tables import pack_patches

        picture, side = wave(rule), self.config.vision.patch_size
        grid = (picture.shape[1] // side, picture.shape[2] // side)
        return pack_patches(picture[None], side), grid

    def latents(self, rule: str) -> tuple[torch.Tensor, tuple[int, int]]:
        """The mean latents of a picture by rule, packed (1, L, C), and their grid."""
        from selfreward_eval.harness.models.bagel.tables import pack_latents

        picture = wave(rule)
        encoded = self.autoencoder.encode(picture[None])
        grid = self.config.grid((picture.shape[1], picture.shape[2]))
        return pack_latents(encoded, self.config.latent_patch_size), grid
