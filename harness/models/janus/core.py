"""The base of the Janus adapter: the loaded checkpoint, the chat template, token ids, batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.backends.processors import refuse_control_tokens
from selfreward_eval.harness.models.batches import Batch, batches
from selfreward_eval.harness.models.janus.decode import Sampling
from selfreward_eval.harness.models.janus.decoding_together import LARGEST, DecodingTogether
from selfreward_eval.harness.models.janus.loading import Loaded, load
from selfreward_eval.harness.models.janus.rows import FEWEST, rows_for

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

GUIDANCE = 5.0
"""Janus's published classifier-free guidance scale."""

WIDTH = 16
"""Prompts that are drawn for in narrow types are padded to a multiple of so many tokens. Prompts of similar
length fill a batch then, and its shape depends on none of the others."""

EXACT_ROWS = 64
"""Pictures drawn together in float64, at most. It is a speed choice only, and no part of an identity."""


class JanusCore:
    """The loaded checkpoint with its settings.

    :class:`selfreward_eval.harness.models.janus.adapter.JanusModel` documents the arguments.
    """

    world = "photographs"
    """Of the pictures that it draws; rewarders choose questions and instruments by it."""

    filled = True
    """Whether batches of fewer than ``rows`` are filled up in narrow types, so that a picture is the same in
    any batch. Training, whose batches never change, does without: filled rows are computed for nothing."""

    def __init__(
        self,
        weights: str,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        guidance: float = GUIDANCE,
        temperature: float = 1.0,
        top_k: int = 0,
        rows: int | None = None,
        max_new_tokens: int = 128,
        name: str | None = None,
    ) -> None:
        if not guidance >= 0:
            raise UsageError(f"guidance must be 0 or more (1 draws without it), got {guidance}")
        if temperature < 0:
            raise UsageError(f"temperature must be 0 or more, got {temperature}")
        if top_k < 0:
            raise UsageError(f"top_k must be 0 (all codes) or more, got {top_k}")
        if rows is not None and rows < 1:
            raise UsageError(f"rows must be at least 1, got {rows}")
        self.weights = weights
        self.name = name or weights.rstrip("/").split("/")[-1]
        self.sampling = Sampling(float(guidance), float(temperature), int(top_k))
        self._asked_rows = None if rows is None else int(rows)
        self.max_new_tokens = int(max_new_tokens)
        self._load_arguments = (weights, revision, device, dtype)

    @cached_property
    def loaded(self) -> Loaded:
        """The checkpoint, loaded on first use."""
        return load(*self._load_arguments)

    @cached_property
    def rows(self) -> int:
        """Pictures drawn together in types narrower than float64; always exactly so many."""
        if self._asked_rows is not None:
            return self._asked_rows
        loaded = self.loaded
        return rows_for(loaded.model, loaded.device, guided=self.sampling.guidance != 1.0)

    @cached_property
    def _decoding(self) -> DecodingTogether | None:
        """Decodes several pictures at once with the pixels of one; None where that does not pay."""
        loaded = self.loaded
        small = loaded.model.config.vision_config.image_size <= LARGEST
        return DecodingTogether(loaded.model) if small and loaded.device.type == "cpu" else None

    def identity(self) -> dict[str, Any]:
        """What can change a picture or an answer. Rows matter only where arithmetic is not exact."""
        dtype = str(self.loaded.dtype).removeprefix("torch.")
        generation: dict[str, Any] = {
            "guidance": self.sampling.guidance,
            "temperature": self.sampling.temperature,
            "top_k": self.sampling.top_k,
            "dtype": dtype,
            "max_new_tokens": self.max_new_tokens,
        }
        if not self._exact:
            generation["rows"] = self.rows if self.filled else f"up to {self.rows}"
            if self.filled:
                generation["padded_to"] = WIDTH
        return {
            "adapter": "janus",
            "name": self.name,
            "weights": self.weights,
            "revision": self.loaded.revision,
            "generation": generation,
        }

    @property
    def _exact(self) -> bool:
        import torch

        return self.loaded.dtype == torch.float64

    @property
    def device(self) -> str:
        """Where it was asked to be loaded: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``."""
        return self._load_arguments[2]

    @property
    def guidance(self) -> float:
        """Classifier-free guidance scale that it draws with."""
        return self.sampling.guidance

    def prompt_ids(self, prompts: Sequence[str]) -> list[list[int]]:
        """Token ids of drawing prompts in the chat template, ending with the begin-of-image token.

        Raises:
            InputError: a prompt holds a control token of the model.
        """
        self._refuse_control(prompts, "the prompt")
        processor = self.loaded.processor
        texts = [
            self._chat([{"type": "text", "text": prompt}]) + processor.image_start_token for prompt in prompts
        ]
        return self._tokenised(texts)

    def _groups(self, ids: Sequence[Sequence[int]]) -> Iterator[Batch]:
        """Rows of one length together. In narrow types some of them; if ``filled``, the last row is repeated
        until there are so many."""
        lengths = [len(row) for row in ids]
        if self._exact:
            return batches(lengths, None, filled=False)
        # Filling up costs little where a token is drawn, and much where whole pictures are read.
        return batches(lengths, self._asked_rows or FEWEST, filled=self.filled)

    def _drawn_together(self, ids: Sequence[Sequence[int]]) -> Iterator[Batch]:
        """As :meth:`_groups`; of any lengths together where the batch may change a picture's rounding."""
        if not self._exact and self.filled:
            widths = [-(-len(row) // WIDTH) for row in ids]
            yield from batches(widths, self.rows, filled=True)
            return
        rows = EXACT_ROWS if self._exact else self.rows
        # Of similar length: padding is computed, too.
        order = sorted(range(len(ids)), key=lambda k: len(ids[k]))
        for start in range(0, len(order), rows):
            part = order[start : start + rows]
            yield Batch(part, len(part))

    def _chat(self, content: list[dict[str, str]]) -> str:
        conversation = [{"role": "user", "content": content}]
        return str(self.loaded.processor.apply_chat_template(conversation, add_generation_prompt=True))

    def _refuse_control(self, texts: Sequence[str], what: str) -> None:
        """Refuses texts that hold a control token, such as that of a picture or of the end."""
        processor = self.loaded.processor
        refuse_control_tokens(processor.tokenizer, texts, what, self.name, str(processor.chat_template))

    def _scored_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of texts in the assistant's turn, without an end.

        Raises:
            InputError: a text holds a control token of the model.
        """
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return []
        self._refuse_control(distinct, "the text")
        written = [self._lead + text for text in distinct]
        rows = self.loaded.processor.tokenizer(written, add_special_tokens=False)["input_ids"]
        ids = dict(zip(distinct, rows, strict=True))
        return [ids[text] for text in texts]

    def _question_ids(self, questions: Sequence[str]) -> list[list[int]]:
        """Token ids of questions about one picture each, up to the assistant's turn.

        Raises:
            InputError: a question holds a control token of the model.
        """
        # The same question is asked about many pictures.
        distinct = list(dict.fromkeys(questions))
        self._refuse_control(distinct, "the question")
        processor = self.loaded.processor
        picture = processor.replace_image_token({}, 0)
        texts = [
            self._chat([{"type": "image"}, {"type": "text", "text": question}]).replace(
                processor.image_token, picture
            )
            for question in distinct
        ]
        ids = dict(zip(distinct, self._tokenised(texts), strict=True))
        return [ids[question] for question in questions]

    def _tokenised(self, texts: list[str]) -> list[list[int]]:
        return [list(row) for row in self.loaded.processor.tokenizer(texts)["input_ids"]] if texts else []

    @cached_property
    def _lead(self) -> str:
        """What the chat template writes between the assistant's mark and its words: a space, in Janus's own.

        A byte-level tokenizer knows "a" and " a" as different words, and only the second follows a mark.
        """
        asked = [{"type": "text", "text": "question"}]
        words = [{"type": "text", "text": "answer"}]
        before = self._chat(asked)
        conversation = [{"role": "user", "content": asked}, {"role": "assistant", "content": words}]
        whole = str(self.loaded.processor.apply_chat_template(conversation))
        reply = whole.removeprefix(before)
        return reply[: reply.index("answer")] if whole.startswith(before) and "answer" in reply else ""

    def _vision_input(self, images: Sequence[Image]) -> torch.Tensor:
        """Pictures as the vision encoder takes them: (B, 3, H, W) in the model's dtype."""
        processed = self.loaded.processor.image_processor(
            [image.convert("RGB") for image in images], return_tensors="pt"
        )
        pixels: torch.Tensor = processed["pixel_values"]
        return pixels.to(self.loaded.device, self.loaded.dtype)

    @cached_property
    def _kept(self) -> tuple[int, int]:
        """What guidance leaves of a prompt that it blanks: begin of text and begin of image."""
        return self._token("bos"), self._token("boi")

    def _token(self, which: str) -> int:
        tokenizer = self.loaded.processor.tokenizer
        token = tokenizer.boi_token if which == "boi" else getattr(tokenizer, f"{which}_token")
        return int(tokenizer.convert_tokens_to_ids(token))
