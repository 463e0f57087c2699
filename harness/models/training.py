"""What trainers ask of a model: Protocols, so that a trainer never reaches inside an adapter.

:class:`Trains` is common to all models that can be trained. How candidates are drawn and scored depends on
the kind of model: autoregressive ones have likelihoods (:class:`TrainsDrawing`, :class:`TrainsCaptioning`).
A flow-matching model has velocities instead; a Protocol for those can stand beside :class:`TrainsDrawing`
and extend :class:`Trains` in the same way.
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
