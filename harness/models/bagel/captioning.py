"""Captions that are sampled and learnt: see
:class:`selfreward_eval.harness.models.training.TrainsCaptioning`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from selfreward_eval.harness.instruments.backends.finite import check_computed
from selfreward_eval.harness.models.bagel.understanding import UnderstandingMethods, joined

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image


class CaptioningMethods(UnderstandingMethods):
    """What a BAGEL model offers to trainers of captions. Captions are answers without reasoning before."""

    def draw_captions(
        self, images: Sequence[Image], question: str, seeds: Sequence[int], *, temperature: float = 1.0
    ) -> list[str]:
        """One sampled answer per (picture, seed), cut at ``max_new_tokens`` tokens.

        Each seed has a generator of its own on the CPU, and a token takes one number from it.
        """
        import torch

        from selfreward_eval.harness.models.bagel.contexts import read_text
        from selfreward_eval.harness.models.bagel.writing import write

        if len(images) != len(seeds):
            raise ValueError(f"{len(images)} pictures but {len(seeds)} seeds")
        if not images:
            return []
        network, markers = self.loaded.network, self.loaded.markers
        asked = self.marked(self.text_ids([question], "the question")[0])
        seen, number = self._seen(images)
        contexts = self._picture_contexts(seen)
        out = [""] * len(images)
        for group in self.grouped([seen[k].grid for k in number], [0] * len(images)):
            # Rows that fill a batch up repeat others, each with a generator of its own.
            generators = [torch.Generator().manual_seed(seeds[k] % (1 << 63)) for k in group.rows]
            with torch.inference_mode():
                context = joined([contexts[number[k]] for k in group.rows])
                context, _ = read_text(network, context, [asked] * len(group.rows))
                written = write(
                    network,
                    context,
                    markers,
                    self.max_new_tokens,
                    drops=self.is_exact,
                    temperature=temperature,
                    generators=generators,
                )
            for k, (tokens, _) in zip(group.rows[: group.real], written, strict=False):
                out[k] = self.to_text(tokens)
        return out

    def caption_logprobs(
        self, images: Sequence[Image], question: str, captions: Sequence[str]
    ) -> list[torch.Tensor]:
        """log pi(caption, end | picture, question) per token, the end token included: float32 tensors (T_i,).

        The end belongs to it here, unlike in a reward: a caption that is trained without its end never stops.
        Gradients flow where they are enabled.
        """
        import torch

        gradients = torch.is_grad_enabled()
        found = self._text_logprobs(images, captions, question, gradients, ended=True)
        if not gradients:
            check_computed(found, "a log-probability of a caption")
        return found
