"""The adapter: ``--model janus --model-args weights=deepseek-community/Janus-Pro-1B``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from selfreward_eval.harness.instruments.backends.finite import check_computed, watched
from selfreward_eval.harness.models.base import CutAnswer
from selfreward_eval.harness.models.batches import each_once
from selfreward_eval.harness.models.janus.answering import Questions, QuickCopy, answer_tokens, is_plain
from selfreward_eval.harness.models.janus.core import WIDTH
from selfreward_eval.harness.models.janus.decode import draw_tokens, pictures
from selfreward_eval.harness.models.janus.language import LanguageMethods
from selfreward_eval.harness.models.janus.likelihood import text_logprobs
from selfreward_eval.harness.models.janus.picture_likelihood import encode, token_logprobs
from selfreward_eval.harness.models.janus.training import TrainingMethods
from selfreward_eval.harness.models.precision import EXACT_BELOW
from selfreward_eval.harness.models.training import DrawnTokens

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

DEFAULT_QUESTION = "Describe the image."


class JanusModel(LanguageMethods, TrainingMethods):
    """A unified model of the Janus family.

    Args:
        weights: folder in the hub's layout, or hub name.
        revision: the hub's branch, tag or commit.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        dtype: ``auto``, ``float64``, ``float32``, ``bfloat16`` or ``float16``.
        guidance: classifier-free guidance scale when drawing.
        temperature: when drawing; 0 takes the likeliest token.
        top_k: when drawing; 0 samples from all codes, as the reference implementation.
        rows: pictures computed together in narrow types; part of the result, so part of the identity. By
            default 8, and drawn on a GPU as many as its memory and the checkpoint's size allow, up to 64.
        max_new_tokens: longest answer.
        name: how the run is called; the weights' own name by default.
    """

    def variant(
        self,
        *,
        weights: str | None = None,
        name: str | None = None,
        dtype: str | None = None,
        guidance: float | None = None,
        temperature: float | None = None,
        rows: int | None = None,
        filled: bool = True,
    ) -> JanusModel:
        """An adapter like this one, loaded anew, with these arguments in place."""
        own_weights, revision, device, own_dtype = self._load_arguments
        made = JanusModel(
            weights or own_weights,
            revision if weights is None else None,
            device,
            dtype or own_dtype,
            self.sampling.guidance if guidance is None else guidance,
            self.sampling.temperature if temperature is None else temperature,
            self.sampling.top_k,
            rows or self._asked_rows,
            self.max_new_tokens,
            name or self.name,
        )
        made.world = self.world
        made.filled = filled
        return made

    def training_copy(self, *, guidance: float | None, temperature: float, rows: int) -> JanusModel:
        """A copy to train, in float32; batches of its candidates are not filled up to ``rows``."""
        return self.variant(
            dtype="float32", guidance=guidance, temperature=temperature, rows=rows, filled=False
        )

    # Drawing

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image]:
        """One RGB picture per (prompt, seed); the same pair gives the same picture in any batch."""
        from PIL import Image as PillowImage

        if not prompts:
            return []
        tokens = self.generate_tokens(prompts, seeds)
        decoded = pictures(self.loaded.model, tokens, decode=self._decoding)
        return [PillowImage.fromarray(pixels.numpy()) for pixels in decoded]

    def generate_tokens(self, prompts: Sequence[str], seeds: Sequence[int]) -> torch.Tensor:
        """Picture tokens, int64 (B, N), for :meth:`generate` and for training on one's own pictures."""
        return self._draw(prompts, seeds, likelihoods=False).tokens

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> DrawnTokens:
        """The same with the likelihoods that the tokens were drawn with."""
        return self._draw(prompts, seeds, likelihoods=True)

    def _draw(self, prompts: Sequence[str], seeds: Sequence[int], *, likelihoods: bool) -> DrawnTokens:
        import torch

        if len(prompts) != len(seeds):
            raise ValueError(f"{len(prompts)} prompts but {len(seeds)} seeds")
        out: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        ids = self.prompt_ids(prompts)
        for group in self._drawn_together(ids):
            drawn = draw_tokens(
                self.loaded.model,
                [ids[k] for k in group.rows],
                [seeds[k] for k in group.rows],
                self.sampling,
                keep=self._kept,
                pad=self._token("pad"),
                likelihoods=likelihoods,
                together=self._exact or not self.filled,
                multiple=1 if self._exact or not self.filled else WIDTH,
            )
            for k, row in zip(group.rows[: group.real], zip(*drawn, strict=True), strict=False):
                out[k] = row
        tokens, logprobs = zip(*(out[k] for k in range(len(prompts))), strict=True)
        return DrawnTokens(torch.stack(tokens), torch.stack(logprobs))

    # Understanding

    def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[str]:
        """One greedy answer per (picture, question)."""
        import torch

        if len(images) != len(questions):
            raise ValueError(f"{len(images)} pictures but {len(questions)} questions")
        if not images:
            return []
        loaded = self.loaded
        if self._exact and is_plain(loaded.model):
            return self._answer_exactly(images, questions)
        pixels = self._vision_input(images)
        ids = self._question_ids(questions)
        out = [""] * len(images)
        for group in self._groups(ids):
            with torch.inference_mode(), watched(loaded.model, "a logit of the answer"):
                generated = loaded.model.generate(
                    torch.tensor([ids[k] for k in group.rows], device=loaded.device),
                    attention_mask=torch.ones(len(group.rows), len(ids[group.rows[0]]), device=loaded.device),
                    pixel_values=pixels[group.rows],
                    do_sample=False,
                    max_new_tokens=self.max_new_tokens,
                    pad_token_id=self._token("pad"),
                    eos_token_id=self._token("eos"),
                )
            length = len(ids[group.rows[0]])
            made = generated[:, length:].tolist()
            for k, text in zip(group.rows[: group.real], self._said(made), strict=False):
                out[k] = text
        return out

    def _answer_exactly(self, images: Sequence[Image], questions: Sequence[str]) -> list[str]:
        """As float64 answers; see :mod:`selfreward_eval.harness.models.janus.answering`."""
        distinct, numbers = each_once(images)
        asked = Questions(self._question_ids(questions), numbers, self._vision_input(distinct))
        model, eos = self.loaded.model, self._token("eos")
        return self._said(answer_tokens(model, self._quick, asked, self.max_new_tokens, eos))

    @cached_property
    def _quick(self) -> QuickCopy | None:
        small = sum(p.numel() for p in self.loaded.model.parameters()) < EXACT_BELOW
        return QuickCopy() if small else None

    def _said(self, answers: list[list[int]]) -> list[str]:
        """Answers as texts; one without an end token was cut."""
        texts = self.loaded.processor.tokenizer.batch_decode(answers, skip_special_tokens=True)
        return [
            text.strip() if self._token("eos") in tokens else CutAnswer(text.strip())
            for text, tokens in zip(texts, answers, strict=True)
        ]

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

        if len(images) != len(texts):
            raise ValueError(f"{len(images)} pictures but {len(texts)} texts")
        if not images:
            return []
        prefixes = self._question_ids([question or DEFAULT_QUESTION] * len(images))
        scored = self._scored_ids(texts)
        with torch.set_grad_enabled(gradients):
            found = text_logprobs(self.loaded.model, prefixes, scored, self._vision_input(images))
        if not gradients:
            # With gradients it is the trainer's to stop, which names the loss and the step.
            check_computed(found, "a log-probability of a text about a picture")
        return found

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

        ids = self.prompt_ids(texts)
        out: list[torch.Tensor | None] = [None] * len(texts)
        with torch.set_grad_enabled(gradients):
            for group in self._groups(ids):
                tensor = torch.tensor([ids[k] for k in group.rows], device=self.loaded.device)
                scores = token_logprobs(self.loaded.model, tensor, tokens[group.rows].to(self.loaded.device))
                for k, row in zip(group.rows[: group.real], scores, strict=False):
                    out[k] = row
        found = torch.stack([row for row in out if row is not None])
        if not gradients:
            check_computed(found, "a log-probability of a picture token")
        return found

    def encode(self, images: Sequence[Image]) -> torch.Tensor:
        """Picture tokens by the model's own codec: int64 (B, N)."""
        import torch

        with torch.inference_mode():
            rows = [encode(self.loaded.model, row[None]) for row in self._vision_input(images)]
        # Copied outside: autograd refuses to keep a tensor that was made in inference mode.
        return torch.cat([row.clone() for row in rows])
