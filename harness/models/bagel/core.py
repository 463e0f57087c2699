"""The base of the BAGEL adapter: settings, the loaded checkpoint, token ids, batches."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError, did_you_mean
from selfreward_eval.harness.instruments.backends.processors import refuse_control_tokens
from selfreward_eval.harness.models.bagel.settings import (
    ANSWER_RESIZING,
    THINK_BEFORE_ANSWERING,
    parse_size,
    preset_with,
)
from selfreward_eval.harness.models.batches import Batch, batches

if TYPE_CHECKING:
    from selfreward_eval.harness.models.bagel.config import BagelConfig
    from selfreward_eval.harness.models.bagel.loading import Loaded
    from selfreward_eval.harness.models.bagel.settings import DrawingSettings

ROWS = 4
"""Pictures computed together in types narrower than float64; always exactly so many."""

EXACT_ROWS = 16
"""At most so many rows together in float64, where their number changes nothing: larger batches are slower,
because their states leave the processor's cache."""


class BagelCore:
    """The loaded checkpoint with its settings.

    :class:`selfreward_eval.harness.models.bagel.adapter.BagelModel` documents the arguments.
    """

    adapter = "bagel"
    world = "photographs"
    """Of the pictures that it draws; rewarders choose questions and instruments by it."""

    filled = True
    """Whether batches of fewer than ``rows`` are filled up in narrow types, so that a picture is the same in
    any batch. Training, whose batches never change, does without."""

    def __init__(
        self,
        weights: str,
        revision: str | None = None,
        base: str | None = None,
        file: str | None = None,
        preset: str = "inferencer",
        device: str = "auto",
        device_map: str | None = None,
        dtype: str = "auto",
        guidance: float | None = None,
        image_guidance: float | None = None,
        guidance_start: float | None = None,
        guidance_end: float | None = None,
        renorm: str | None = None,
        renorm_min: float | None = None,
        num_timesteps: int | None = None,
        timestep_shift: float | None = None,
        size: int | str | None = None,
        crop_borders: bool | None = None,
        think: bool | None = None,
        max_think_tokens: int | None = None,
        think_prompt: str | None = None,
        answer_resizing: str = "inferencer",
        think_answers: bool = False,
        think_answers_prompt: str = THINK_BEFORE_ANSWERING,
        rows: int = ROWS,
        max_new_tokens: int = 128,
        name: str | None = None,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in {"self", "__class__"}}
        self.drawing: DrawingSettings = preset_with(preset, given)
        self.size = parse_size(size)
        if answer_resizing not in ANSWER_RESIZING:
            hint = did_you_mean(answer_resizing, ANSWER_RESIZING)
            raise UsageError(f"unknown answer_resizing {answer_resizing!r}; {hint}")
        for limit, value in (("rows", rows), ("max_new_tokens", max_new_tokens)):
            if value < 1:
                raise UsageError(f"{limit} must be at least 1, got {value}")
        self.weights = weights
        self.name = name or weights.rstrip("/").split("/")[-1]
        self.rows = int(rows)
        self.max_new_tokens = int(max_new_tokens)
        self.answer_resizing = answer_resizing
        self.think_answers = think_answers
        self.think_answers_prompt = think_answers_prompt
        self._arguments = given

    @cached_property
    def loaded(self) -> Loaded:
        """The checkpoint, loaded on first use.

        Raises:
            UsageError: pictures of a size that it cannot draw are asked for.
        """
        from selfreward_eval.harness.models.bagel.loading import Source, load

        names = ("weights", "revision", "base", "file", "device", "device_map", "dtype")
        loaded = load(Source(**{name: self._arguments[name] for name in names}))
        if self.size is not None:
            try:
                loaded.config.grid(self.size)
            except ValueError as error:
                raise UsageError(f"size={self._arguments['size']} of {self.name}: {error}") from error
        return loaded

    @property
    def config(self) -> BagelConfig:
        """Sizes of the network; ``image_size`` is that of the pictures that are drawn."""
        config = self.loaded.config
        return config if self.size is None else replace(config, image_size=self.size)

    @property
    def latent_grid(self) -> tuple[int, int]:
        """(rows, columns) of the latent tokens of a drawn picture."""
        return self.config.grid()

    def identity(self) -> dict[str, Any]:
        """What can change a picture or an answer. Rows matter only where arithmetic is not exact."""
        loaded = self.loaded
        generation = {
            **self.drawing.to_json(),
            "size": list(self.config.image_size),
            "max_latent_size": loaded.config.max_latent_size,
            "dtype": str(loaded.dtype).removeprefix("torch."),
            "max_new_tokens": self.max_new_tokens,
            "answer_resizing": self.answer_resizing,
            "think_answers": self.think_answers,
        }
        if self.think_answers:
            generation["think_answers_prompt"] = self.think_answers_prompt
        if not self.is_exact:
            generation["rows"] = self.rows if self.filled else f"up to {self.rows}"
        found = {
            "adapter": self.adapter,
            "name": self.name,
            "weights": self.weights,
            "file": f"{loaded.file}.safetensors",
            "revision": loaded.revision,
            "generation": generation,
        }
        if loaded.base_revision is not None:
            found |= {"base": self._arguments["base"], "base_revision": loaded.base_revision}
        return found

    @property
    def is_exact(self) -> bool:
        """Whether it computes in float64, where a batch's shape changes no byte of a picture."""
        import torch

        return self.loaded.dtype == torch.float64

    @property
    def device(self) -> str:
        """Where it was asked to be loaded: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``."""
        return str(self._arguments["device"])

    @property
    def guidance(self) -> float:
        """Classifier-free guidance scale of the text that it draws with."""
        return self.drawing.guidance.text

    def text_ids(self, texts: Sequence[str], what: str) -> list[list[int]]:
        """Token ids of texts, without markers.

        Args:
            texts: plain text.
            what: each of them is, for messages, such as "the prompt".

        Raises:
            InputError: one holds a control token of the model.
        """
        tokenizer = self.loaded.tokenizer
        refuse_control_tokens(tokenizer, texts, what, self.name)
        if not texts:
            return []
        return [list(row) for row in tokenizer(list(texts), add_special_tokens=False)["input_ids"]]

    def marked(self, ids: Sequence[int]) -> list[int]:
        """A text segment: its ids between the markers."""
        markers = self.loaded.markers
        return [markers.bos, *ids, markers.eos]

    def grouped(self, same: Sequence[Hashable], lengths: Sequence[Hashable]) -> Iterator[Batch]:
        """Rows that are computed together.

        Args:
            same: of every row, what rows must have in common in any type, such as a picture's size.
            lengths: likewise in narrow types, where padding would change a row's numbers.
        """
        if self.is_exact:
            return batches(same, EXACT_ROWS, filled=False)
        return batches(list(zip(same, lengths, strict=True)), self.rows, filled=self.filled)

    def to_text(self, ids: Sequence[int]) -> str:
        """The text of token ids."""
        text = self.loaded.tokenizer.decode(list(ids), skip_special_tokens=True)
        return str(text).strip()
