"""What training needs of a Janus model: likelihoods with gradients in one padded batch, captions drawn
with a seed each, and checkpoints in the hub's layout.

Rows are padded on the right: under a causal mask no real token sees what follows it, so padding changes
neither a likelihood nor a gradient beyond the rounding of another shape.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.backends.finite import watched
from selfreward_eval.harness.models.janus.core import JanusCore
from selfreward_eval.harness.models.janus.decode import Sampling, choose, pictures, unconditional, uniforms
from selfreward_eval.harness.models.janus.decoding_together import LARGEST
from selfreward_eval.harness.models.janus.likelihood import text_logprobs
from selfreward_eval.harness.models.janus.picture_likelihood import drawing_logprobs

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

FROZEN = ("model.vision_model.", "model.vqmodel.")
"""Parts that no trainer changes: the picture codec defines what a token means, and the understanding
encoder is frozen in SRUM's released script too (``--freeze_vit --freeze_vae``)."""

DECODED_TOGETHER, SMALL_TOGETHER = 4, 16
"""Candidates decoded at once: large ones, which need much memory, and small ones, which cost calls."""


class TrainingMethods(JanusCore):
    """What a Janus model offers to trainers; see :mod:`selfreward_eval.harness.models.training`."""

    @property
    def compute_device(self) -> torch.device:
        """Where it is loaded."""
        return self.loaded.device

    @property
    def dtype(self) -> torch.dtype:
        """What its language model is loaded in."""
        return self.loaded.dtype

    @property
    def top_k(self) -> int:
        """Codes that are sampled from at each place; 0 for all."""
        return self.sampling.top_k

    @property
    def network(self) -> torch.nn.Module:
        """The ``JanusForConditionalGeneration``."""
        network: torch.nn.Module = self.loaded.model
        return network

    @property
    def transformer(self) -> torch.nn.Module:
        """The language model, which drawing and captioning share."""
        transformer: torch.nn.Module = self.loaded.model.model.language_model
        return transformer

    def trainable(self) -> list[tuple[str, torch.nn.Parameter]]:
        """Parameters that a trainer may change, by name; all others stay as they were loaded."""
        named = self.loaded.model.named_parameters()
        return [(name, parameter) for name, parameter in named if not name.startswith(FROZEN)]

    def drawing_logprobs(self, prompts: Sequence[str], tokens: torch.Tensor) -> torch.Tensor:
        """log pi(picture tokens | prompt) per token, of the distribution that draws: float32 (B, N).

        With gradients. Guidance and temperature are part of it. A guided token is drawn from
        softmax((u + g * (c - u)) / T), with c and u the logits given the prompt and given none; it is this
        distribution that is evaluated, so it is this one whose likelihood is trained, through c and u both.
        At guidance 1 that is the conditional distribution, and u is not computed. ``top_k`` is left out.

        Args:
            prompts: one per row.
            tokens: picture tokens, int64 (B, N).

        Raises:
            UsageError: temperature 0, which defines no distribution to train.
        """
        if not self.sampling.temperature:
            raise UsageError(
                "temperature 0 defines no distribution, so there is no likelihood to train; set it above 0"
            )
        ids = self.prompt_ids(prompts)
        guided = self.sampling.guidance != 1.0
        return drawing_logprobs(
            self.loaded.model,
            ids,
            [self._unconditional(row) for row in ids] if guided else None,
            tokens.to(self.loaded.device),
            self.sampling,
            self._token("pad"),
        )

    def _unconditional(self, ids: Sequence[int]) -> list[int]:
        """The unconditional prompt of classifier-free guidance."""
        import torch

        row: list[int] = unconditional(torch.tensor(ids), self._kept, self._token("pad")).tolist()
        return row

    def decode(self, tokens: torch.Tensor) -> list[Image]:
        """RGB pictures of picture tokens (B, N), some at a time: the same call, the same pixels."""
        from PIL import Image as PillowImage

        side = self.loaded.model.config.vision_config.image_size
        together = SMALL_TOGETHER if side <= LARGEST else DECODED_TOGETHER
        decoded = pictures(self.loaded.model, tokens, together)
        return [PillowImage.fromarray(pixels.numpy()) for pixels in decoded]

    def caption_logprobs(
        self, images: Sequence[Image], question: str, captions: Sequence[str]
    ) -> list[torch.Tensor]:
        """log pi(caption, end | picture, question) per token, the end token included: float32 tensors (T_i,).

        The end belongs to it here, unlike in a reward: a caption that is trained without its end never stops.
        """
        prefixes = self._question_ids([question] * len(images))
        ended = [[*row, self._token("eos")] for row in self._scored_ids(captions)]
        return text_logprobs(self.loaded.model, prefixes, ended, self._vision_input(images))

    def draw_captions(
        self,
        images: Sequence[Image],
        question: str,
        seeds: Sequence[int],
        *,
        temperature: float = 1.0,
        max_tokens: int = 64,
    ) -> list[str]:
        """One sampled answer per (picture, seed), each from its own numbers; cut at ``max_tokens`` tokens."""
        import torch

        if not images:
            return []
        tokenizer, sampling = self.loaded.processor.tokenizer, Sampling(1.0, temperature)
        ids = self._question_ids([question] * len(images))
        pixels = self._vision_input(images)
        noise = uniforms(seeds, max_tokens)
        out = [""] * len(images)
        for group in self._groups(ids):
            rows = torch.tensor([ids[k] for k in group.rows], device=pixels.device)
            drawn = self._continue(rows, pixels[group.rows], noise[group.rows], sampling)
            texts = tokenizer.batch_decode(drawn, skip_special_tokens=True)
            for k, text in zip(group.rows[: group.real], texts, strict=False):
                out[k] = text.strip()
        return out

    def _continue(
        self, rows: torch.Tensor, pixels: torch.Tensor, noise: torch.Tensor, sampling: Sampling
    ) -> list[list[int]]:
        """Token ids after prompts of one length (B, L), each up to its end token."""
        import torch

        model, end = self.loaded.model, self._token("eos")
        with torch.inference_mode(), watched(model, "a logit of the caption"):
            out = model(input_ids=rows, pixel_values=pixels, use_cache=True)
            drawn: list[torch.Tensor] = []
            ended = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
            for step in range(noise.shape[1]):
                token = choose(out.logits[:, -1], sampling, noise[:, step])
                token = torch.where(ended, end, token)
                drawn.append(token)
                ended = ended | (token == end)
                if bool(ended.all()):
                    break
                out = model(input_ids=token[:, None], past_key_values=out.past_key_values, use_cache=True)
        return [row[: row.index(end)] if end in row else row for row in torch.stack(drawn, dim=1).tolist()]

    def save(self, folder: Path, dtype: str = "float32") -> None:
        """The checkpoint in the hub's layout, written beside ``folder`` and renamed into place."""
        import torch

        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        model = self.loaded.model
        state = {
            name: tensor.detach().to(getattr(torch, dtype) if tensor.is_floating_point() else tensor.dtype)
            for name, tensor in model.state_dict().items()
        }
        model.save_pretrained(part, state_dict=state, safe_serialization=True)
        self.loaded.processor.save_pretrained(part)
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
