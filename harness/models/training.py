"""What trainers ask of a model: Protocols, so that a trainer never reaches inside an adapter.

:class:`Trains` is common to all models that can be trained. How candidates are drawn and scored depends on
the kind of model: autoregressive ones have likelihoods (:class:`TrainsDrawing`, :class:`TrainsCaptioning`),
flow-matching ones have velocities (:class:`TrainsFlow`).
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import getattr_static
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image


class DrawnTokens(NamedTuple):
    """Pictures as tokens.

    Attributes:
        tokens: int64 (B, N), in raster order.
        logprobs: log-likelihood of every token in the distribution that it was sampled from, before
            ``top_k`` cuts it; float32 (B, N). 0 at temperature 0, where nothing is sampled.
    """

    tokens: torch.Tensor
    logprobs: torch.Tensor


class Trains(Protocol):
    """A model that can be trained, whatever its kind."""

    name: str
    """How its runs are called."""

    def identity(self) -> dict[str, Any]:
        """Name, revision and every setting that can change an output; JSON values."""
        ...

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image]:
        """One RGB picture per (prompt, seed); the same pair gives the same picture in any batch."""
        ...

    @property
    def guidance(self) -> float:
        """Classifier-free guidance scale that it draws with."""
        ...

    @property
    def device(self) -> str:
        """Where it is asked to be loaded: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``. Loads nothing."""
        ...

    @property
    def compute_device(self) -> torch.device:
        """Where it is loaded."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """What its weights are loaded in; training needs float32."""
        ...

    @property
    def network(self) -> torch.nn.Module:
        """The whole network; every parameter that training may change is part of it."""
        ...

    @property
    def transformer(self) -> torch.nn.Module:
        """The part of :attr:`network` whose linear layers LoRA wraps and whose layers gradient
        checkpointing recomputes."""
        ...

    def trainable(self) -> list[tuple[str, torch.nn.Parameter]]:
        """Parameters of :attr:`network` that a trainer may change, by their names in it."""
        ...

    def variant(
        self, *, weights: str | None = None, name: str | None = None, guidance: float | None = None
    ) -> Trains:
        """A copy for evaluation, loaded anew, with these settings in place of the present ones."""
        ...

    def training_copy(self, *, guidance: float | None, temperature: float, rows: int) -> Trains:
        """A copy to train, loaded anew in float32.

        Args:
            guidance: of the candidates' drawing; None for the model's own.
            temperature: likewise.
            rows: at most so many pictures are drawn together.
        """
        ...

    def save(self, folder: Path) -> None:
        """Writes the whole model into ``folder`` in its hub layout, whole or not at all."""
        ...


class TrainsDrawing(Trains, Protocol):
    """Draws pictures as tokens, whose likelihoods can be trained: autoregressive models."""

    @property
    def top_k(self) -> int:
        """Codes that are sampled from at each place; 0 for all. Likelihoods are those of all codes."""
        ...

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> DrawnTokens:
        """Candidates with their sampling likelihoods."""
        ...

    def decode(self, tokens: torch.Tensor) -> list[Image]:
        """RGB pictures of picture tokens (B, N)."""
        ...

    def drawing_logprobs(self, prompts: Sequence[str], tokens: torch.Tensor) -> torch.Tensor:
        """log pi(picture tokens | prompt) of the distribution that :meth:`draw` samples from.

        With gradients: float32 (B, N), natural logarithms.
        """
        ...


class TrainsCaptioning(Trains, Protocol):
    """Writes captions, whose likelihoods can be trained."""

    def draw_captions(
        self, images: Sequence[Image], question: str, seeds: Sequence[int], *, temperature: float = 1.0
    ) -> list[str]:
        """One sampled caption per (picture, seed)."""
        ...

    def caption_logprobs(
        self, images: Sequence[Image], question: str, captions: Sequence[str]
    ) -> list[torch.Tensor]:
        """log pi(caption, end token | picture, question) per token, with gradients: float32 (T_i,) each."""
        ...


class TrainsFlow(Trains, Protocol):
    """Draws pictures by flow matching: from noise at time 1 to latents at time 0 along a velocity.

    x_t = (1 - t) x0 + t noise, and the velocity is noise - x0. All pictures of a model have one size, so
    latents are (B, L, C) in packed layout: L = rows * columns tokens in raster order, C numbers each.
    """

    @property
    def latent_grid(self) -> tuple[int, int]:
        """(rows, columns) of the latent tokens."""
        ...

    def encode(self, images: Sequence[Image], seeds: Sequence[int] | None = None) -> torch.Tensor:
        """Latents of pictures, without gradients: float32 (B, L, C).

        Args:
            images: RGB pictures of the size that the model draws.
            seeds: of the autoencoder's sample, one a picture; None for its mean.
        """
        ...

    def decode_latents(self, latents: torch.Tensor) -> list[Image]:
        """RGB pictures of latents (B, L, C), without gradients."""
        ...

    def noise(self, seeds: Sequence[int]) -> torch.Tensor:
        """What drawing with each seed starts from: standard normal, float32 (B, L, C)."""
        ...

    def times(self, points: int | None = None) -> torch.Tensor:
        """Times that drawing stops at, from 1 to 0, after the shift: float64 (points,).

        ``points`` times make ``points - 1`` steps; None for the model's own number.
        """
        ...

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
            guided: with the classifier-free guidance that :meth:`generate` uses at that time.
        """
        ...


class Shapes(Protocol):
    """A flow-matching model on the meta device: nothing is allocated or computed.

    A model whose training can be foreseen without its weights offers ``shapes()``, which gives this.
    """

    dtype: torch.dtype

    @property
    def network(self) -> torch.nn.Module:
        """As in :class:`Trains`."""
        ...

    @property
    def transformer(self) -> torch.nn.Module:
        """As in :class:`Trains`."""
        ...

    def trainable(self) -> list[tuple[str, torch.nn.Parameter]]:
        """As in :class:`Trains`."""
        ...

    def with_layers(self, count: int) -> Shapes:
        """The same with so many layers of the transformer, which are all alike."""
        ...

    def beside(self) -> int:
        """Bytes of what lies beside the network and is never trained."""
        ...

    def velocity(self, rows: int, prompt_tokens: int) -> torch.Tensor:
        """Velocities of ``rows`` noisy pictures after prompts of so many tokens, with gradients."""
        ...

    def encode(self, rows: int) -> torch.Tensor:
        """Latents of ``rows`` pictures, without gradients."""
        ...


class TrainsLikelihoods(TrainsDrawing, TrainsCaptioning, Protocol):
    """Both; what the losses of this package are written for. A trainer of one side uses only its part."""

    def variant(
        self, *, weights: str | None = None, name: str | None = None, guidance: float | None = None
    ) -> TrainsLikelihoods:
        """As in :class:`Trains`."""
        ...

    def training_copy(self, *, guidance: float | None, temperature: float, rows: int) -> TrainsLikelihoods:
        """As in :class:`Trains`."""
        ...


def lacking(model: object, protocol: type) -> list[str]:
    """Names of ``protocol``'s members that ``model`` does not have, sorted; nothing is loaded to find out.

    A member that a class sets to None counts as lacking.

    >>> lacking("a string", TrainsCaptioning)[:2]
    ['caption_logprobs', 'compute_device']
    """
    members = {
        name
        for part in protocol.__mro__
        if getattr(part, "_is_protocol", False)
        for name in (*vars(part), *vars(part).get("__annotations__", {}))
        if not name.startswith("_")
    }
    return sorted(name for name in members if getattr_static(model, name, None) is None)
