"""The adapter: ``--model janus --model-args weights=deepseek-community/Janus-Pro-1B``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.models.janus.decode import Drawn, Sampling, draw_tokens, pictures
from selfreward_eval.harness.models.janus.language import LanguageSide
from selfreward_eval.harness.models.janus.loading import Loaded, load
from selfreward_eval.harness.models.janus.training import TrainingSide

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

GUIDANCE = 5.0
"""Janus's published classifier-free guidance scale."""

ROWS = 8
"""Pictures computed together in types narrower than float64; always exactly so many."""

DEFAULT_QUESTION = "Describe the image."


class JanusModel(LanguageSide, TrainingSide):
    """A unified model of the Janus family.

    Args:
        weights: folder in the hub's layout, or hub name.
        revision: the hub's branch, tag or commit.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        dtype: ``auto``, ``float64``, ``float32``, ``bfloat16`` or ``float16``.
        guidance: classifier-free guidance scale when drawing.
        temperature: when drawing; 0 takes the likeliest token.
        top_k: when drawing; 0 samples from all codes, as the reference implementation.
        rows: pictures computed together in narrow types; part of the result, so part of the identity.
        max_new_tokens: longest answer.
        name: how the run is called; the weights' own name by default.
    """

    world = "photographs"
    """Of the pictures that it draws; rewarders choose questions and instruments by it."""

    filled = True
    """Whether batches of fewer than ``rows`` are filled up in narrow types, so that a picture is the same in
    any batch. Training, whose batches never change, does without: what fills them is computed for nothing."""

    def __init__(
        self,
        weights: str,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        guidance: float = GUIDANCE,
        temperature: float = 1.0,
        top_k: int = 0,
        rows: int = ROWS,
        max_new_tokens: int = 128,
        name: str | None = None,
    ) -> None:
        if temperature < 0:
            raise UsageError(f"temperature must be 0 or more, got {temperature}")
        if top_k < 0:
            raise UsageError(f"top_k must be 0 (all codes) or more, got {top_k}")
        if rows < 1:
            raise UsageError(f"rows must be at least 1, got {rows}")
        self.weights = weights
        self.name = name or weights.rstrip("/").split("/")[-1]
        self.sampling = Sampling(float(guidance), float(temperature), int(top_k))
        self.rows = int(rows)
        self.max_new_tokens = int(max_new_tokens)
        self._wanted = (weights, revision, device, dtype)

    @cached_property
    def loaded(self) -> Loaded:
        """The checkpoint, loaded on first use."""
        return load(*self._wanted)

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

    # Drawing

    def prompt_ids(self, prompts: Sequence[str]) -> list[list[int]]:
        """Token ids of drawing prompts in the chat template, ending with the begin-of-image token."""
        processor = self.loaded.processor
        texts = [
            self._chat([{"type": "text", "text": prompt}]) + processor.image_start_token for prompt in prompts
        ]
        return self._tokenised(texts)

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image]:
        """One RGB picture per (prompt, seed); the same pair gives the same picture in any batch."""
        from PIL import Image as PillowImage

        if not prompts:
            return []
        tokens = self.generate_tokens(prompts, seeds)
        return [PillowImage.fromarray(pixels.numpy()) for pixels in pictures(self.loaded.model, tokens)]

    def generate_tokens(self, prompts: Sequence[str], seeds: Sequence[int]) -> torch.Tensor:
        """Picture tokens, int64 (B, N), for :meth:`generate` and for training on one's own pictures."""
        return self.draw(prompts, seeds).tokens

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Drawn:
        """The same with the likelihoods that the tokens were drawn with."""
        import torch

        if len(prompts) != len(seeds):
            raise ValueError(f"{len(prompts)} prompts but {len(seeds)} seeds")
        model, device = self.loaded.model, self.loaded.device
        out: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        ids = self.prompt_ids(prompts)
        for group in self._groups(ids):
            tensor = torch.tensor([ids[k] for k in group.rows], device=device)
            drawn = draw_tokens(
                model,
                tensor,
                [seeds[k] for k in group.rows],
                self.sampling,
                keep=self._kept,
                pad=self._token("pad"),
            )
            for k, row in zip(group.rows[: group.real], zip(*drawn, strict=True), strict=False):
                out[k] = row
        tokens, logprobs = zip(*(out[k] for k in range(len(prompts))), strict=True)
        return Drawn(torch.stack(tokens), torch.stack(logprobs))

    def _groups(self, ids: Sequence[Sequence[int]]) -> Iterator[_Group]:
        """Rows of one length together; in narrow types ``rows``, if ``filled`` the last again and again."""
        by_length: dict[int, list[int]] = defaultdict(list)
        for k, row in enumerate(ids):
            by_length[len(row)].append(k)
        for members in by_length.values():
            if self._exact:
                yield _Group(members, len(members))
                continue
            for start in range(0, len(members), self.rows):
                part = members[start : start + self.rows]
                lacking = self.rows - len(part) if self.filled else 0
                yield _Group(part + [part[-1]] * lacking, len(part))

    # Understanding

    def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[str]:
        """One greedy answer per (picture, question)."""
        import torch

        if len(images) != len(questions):
            raise ValueError(f"{len(images)} pictures but {len(questions)} questions")
        if not images:
            return []
        loaded = self.loaded
        pixels = self._vision_input(images)
        ids = self._question_ids(questions)
        out = [""] * len(images)
        for group in self._groups(ids):
            with torch.inference_mode():
                made = loaded.model.generate(
                    torch.tensor([ids[k] for k in group.rows], device=loaded.device),
                    attention_mask=torch.ones(len(group.rows), len(ids[group.rows[0]]), device=loaded.device),
                    pixel_values=pixels[group.rows],
                    do_sample=False,
                    max_new_tokens=self.max_new_tokens,
                    pad_token_id=self._token("pad"),
                    eos_token_id=self._token("eos"),
                )
            length = len(ids[group.rows[0]])
            texts = loaded.processor.tokenizer.batch_decode(made[:, length:], skip_special_tokens=True)
            for k, text in zip(group.rows[: group.real], texts, strict=False):
                out[k] = text.strip()
        return out

    def text_logprobs(
        self,
        images: Sequence[Image],
        texts: Sequence[str],
        *,
        question: str | None = None,
        gradients: bool = False,
    ) -> list[torch.Tensor]:
        """log pi(text | picture, question) per token: float32 tensors (T_i,); no end token is counted."""
        import torch

        from selfreward_eval.harness.models.janus.likelihood import text_logprobs

        if len(images) != len(texts):
            raise ValueError(f"{len(images)} pictures but {len(texts)} texts")
        if not images:
            return []
        prefixes = self._question_ids([question or DEFAULT_QUESTION] * len(images))
        tokenizer = self.loaded.processor.tokenizer
        spoken = [self._lead + text for text in texts]
        scored = tokenizer(spoken, add_special_tokens=False)["input_ids"]
        with torch.set_grad_enabled(gradients):
            return text_logprobs(self.loaded.model, prefixes, scored, self._vision_input(images))

    def image_logprobs(
        self, texts: Sequence[str], images: Sequence[Image], *, gradients: bool = False
    ) -> torch.Tensor:
        """log pi(picture tokens | text) per token of re-encoded pictures: float32 (B, N)."""
        return self.token_logprobs(texts, self.encode(images), gradients=gradients)

    def token_logprobs(
        self, texts: Sequence[str], tokens: torch.Tensor, *, gradients: bool = False
    ) -> torch.Tensor:
        """log pi(picture tokens | text) per token: float32 (B, N)."""
        import torch

        from selfreward_eval.harness.models.janus.likelihood import token_logprobs

        ids = self.prompt_ids(texts)
        out: list[torch.Tensor | None] = [None] * len(texts)
        with torch.set_grad_enabled(gradients):
            for group in self._groups(ids):
                tensor = torch.tensor([ids[k] for k in group.rows], device=self.loaded.device)
                scores = token_logprobs(self.loaded.model, tensor, tokens[group.rows].to(self.loaded.device))
                for k, row in zip(group.rows[: group.real], scores, strict=False):
                    out[k] = row
        return torch.stack([row for row in out if row is not None])

    def encode(self, images: Sequence[Image]) -> torch.Tensor:
        """Picture tokens by the model's own codec: int64 (B, N)."""
        import torch

        from selfreward_eval.harness.models.janus.likelihood import encode

        with torch.inference_mode():
            rows = [encode(self.loaded.model, row[None]) for row in self._vision_input(images)]
        # Copied outside: autograd refuses to keep a tensor that was made in inference mode.
        return torch.cat([row.clone() for row in rows])

    # Plumbing

    def _chat(self, content: list[dict[str, str]]) -> str:
        conversation = [{"role": "user", "content": content}]
        return str(self.loaded.processor.apply_chat_template(conversation, add_generation_prompt=True))

    def _question_ids(self, questions: Sequence[str]) -> list[list[int]]:
        processor = self.loaded.processor
        picture = processor.replace_image_token({}, 0)
        texts = [
            self._chat([{"type": "image"}, {"type": "text", "text": question}]).replace(
                processor.image_token, picture
            )
            for question in questions
        ]
        return self._tokenised(texts)

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


class _Group:
    """Rows computed together; the first ``real`` of them are wanted, the rest fill the shape."""

    def __init__(self, rows: list[int], real: int) -> None:
        self.rows = rows
        self.real = real
