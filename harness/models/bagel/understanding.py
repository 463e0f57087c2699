"""Answers about pictures, and the likelihoods of texts about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from selfreward_eval.harness.instruments.backends.finite import check_computed
from selfreward_eval.harness.models.bagel.core import BagelCore
from selfreward_eval.harness.models.base import CutAnswer

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from selfreward_eval.harness.models.bagel.contexts import Context

DEFAULT_QUESTION = "Describe the image."
"""Of likelihoods without a question; Janus's adapter has the same, so that rewards mean the same."""

END_OF_THOUGHT = "</think>"


class Seen(NamedTuple):
    """A picture as the tower takes it.

    Attributes:
        patches: float32 (P, 588).
        grid: rows and columns of the patches.
    """

    patches: torch.Tensor
    grid: tuple[int, int]


class UnderstandingMethods(BagelCore):
    """What a BAGEL model says about pictures."""

    def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[str]:
        """One greedy answer per (picture, question); with ``think_answers`` what follows the reasoning.

        A picture that comes several times is encoded once.
        """
        import torch

        from selfreward_eval.harness.models.bagel.contexts import read_text
        from selfreward_eval.harness.models.bagel.writing import write

        if len(images) != len(questions):
            raise ValueError(f"{len(images)} pictures but {len(questions)} questions")
        if not images:
            return []
        network, markers = self.loaded.network, self.loaded.markers
        ids = self.text_ids(questions, "the question")
        seen, number = self._seen(images)
        contexts = self._picture_contexts(seen)
        grids = [seen[k].grid for k in number]
        out = [""] * len(images)
        for group in self.grouped(grids, [len(row) for row in ids]):
            with torch.inference_mode():
                context = joined([contexts[number[k]] for k in group.rows])
                context, _ = read_text(network, context, [self.marked(ids[k]) for k in group.rows])
                written = write(network, context, markers, self.max_new_tokens, drops=self.is_exact)
            for k, (tokens, ended) in zip(group.rows[: group.real], written, strict=False):
                text = self.to_text(tokens)
                if self.think_answers:
                    text = text.rpartition(END_OF_THOUGHT)[2].strip()
                out[k] = text if ended else CutAnswer(text)
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
        found = self._text_logprobs(images, texts, question or DEFAULT_QUESTION, gradients, ended=False)
        if not gradients:
            # With gradients it is the trainer's to stop, which names the loss and the step.
            check_computed(found, "a log-probability of a text about a picture")
        return found

    def _text_logprobs(
        self, images: Sequence[Image], texts: Sequence[str], question: str, gradients: bool, *, ended: bool
    ) -> list[torch.Tensor]:
        """Per-token log-probabilities in one forward pass; ``ended`` counts the end token, too."""
        import torch

        from selfreward_eval.harness.models.bagel.sequences import word_logits

        if len(images) != len(texts):
            raise ValueError(f"{len(images)} pictures but {len(texts)} texts")
        if not images:
            return []
        markers = self.loaded.markers
        asked = self.marked(self.text_ids([question], "the question")[0])
        rows = self.text_ids(texts, "the text")
        targets = [[*row, markers.eos] if ended else row for row in rows]
        seen, number = self._seen(images)
        grids = [seen[k].grid for k in number]
        out: dict[int, torch.Tensor] = {}
        with torch.set_grad_enabled(gradients):
            for group in self.grouped(grids, [len(row) for row in targets]):
                patches = torch.stack([seen[number[k]].patches for k in group.rows])
                written = [[asked, [markers.bos, *targets[k][:-1]]] for k in group.rows]
                logits = word_logits(self.loaded.network, markers, patches, grids[group.rows[0]], written)
                scores = logits[:, len(asked) :].log_softmax(-1)
                for place, k in enumerate(group.rows[: group.real]):
                    target = torch.tensor(targets[k], dtype=torch.long, device=scores.device)
                    out[k] = scores[place, : len(target)].gather(-1, target[:, None])[:, 0].float()
        return [out[k] for k in range(len(images))]

    def option_logprobs(
        self, images: Sequence[Image], questions: Sequence[str], options: Sequence[Sequence[str]]
    ) -> list[list[torch.Tensor]]:
        """log pi(option | picture, question) per token, for every option of every (picture, question).

        The same values as :meth:`text_logprobs` gives, at a fraction of its cost: a picture that comes
        several times is encoded once, and its question is read once for all its options.

        Returns:
            For every (picture, question) one float32 tensor (T,) per option; no end token is counted.
        """
        import torch

        from selfreward_eval.harness.models.bagel.contexts import read_text

        if not len(images) == len(questions) == len(options):
            raise ValueError(f"{len(images)} pictures, {len(questions)} questions, {len(options)} lists")
        if not images:
            return []
        network, markers = self.loaded.network, self.loaded.markers
        asked = [self.marked(row) for row in self.text_ids(questions, "the question")]
        listed = list(dict.fromkeys(option for row in options for option in row))
        ids = dict(zip(listed, self.text_ids(listed, "the text"), strict=True))
        seen, number = self._seen(images)
        contexts = self._picture_contexts(seen)
        grids = [seen[k].grid for k in number]
        out: list[list[torch.Tensor]] = [[torch.empty(0)] * len(row) for row in options]
        widths = [tuple(sorted({len(ids[option]) for option in row})) for row in options]
        with torch.inference_mode():
            for group in self.grouped(grids, [*zip(map(len, asked), map(len, options), widths, strict=True)]):
                context = joined([contexts[number[k]] for k in group.rows])
                context, _ = read_text(network, context, [asked[k] for k in group.rows])
                pairs = [(place, n) for place, k in enumerate(group.rows) for n in range(len(options[k]))]
                targets = [ids[options[group.rows[place]][n]] for place, n in pairs]
                if not pairs:
                    continue
                after = context.select([place for place, _ in pairs])
                _, hidden = read_text(network, after, [[markers.bos, *row[:-1]] for row in targets])
                scores = network.logits_of(hidden).log_softmax(-1)
                for row, ((place, n), target) in enumerate(zip(pairs, targets, strict=True)):
                    if place < group.real:
                        wanted = torch.tensor(target, dtype=torch.long, device=scores.device)
                        found = scores[row, : len(wanted)].gather(-1, wanted[:, None])[:, 0]
                        out[group.rows[place]][n] = found.float()
        check_computed([scores for row in out for scores in row], "a log-probability of an option")
        return out

    def _seen(self, images: Sequence[Image]) -> tuple[list[Seen], list[int]]:
        """Every picture once, and for every image the number of its picture."""
        distinct = {id(image): image for image in images}
        number = {key: k for k, key in enumerate(distinct)}
        return [self.look(image) for image in distinct.values()], [number[id(image)] for image in images]

    def look(self, image: Image, *, after_autoencoder: bool | None = None) -> Seen:
        """A picture as the tower takes it.

        Args:
            image: of any size.
            after_autoencoder: whether it is first resized as for the autoencoder; None for the setting.
        """
        from selfreward_eval.harness.models.bagel.pictures import on_white, resized, to_tensor
        from selfreward_eval.harness.models.bagel.settings import answer_limits
        from selfreward_eval.harness.models.bagel.tables import pack_patches

        config = self.config
        picture = on_white(image)
        if after_autoencoder is None:
            after_autoencoder = self.answer_resizing == "inferencer"
        if after_autoencoder:
            picture = resized(picture, config.vae_resizing)
        picture = resized(picture, answer_limits(self.answer_resizing, config.vit_resizing))
        side = config.vision.patch_size
        patches = pack_patches(to_tensor(picture)[None], side)[0]
        return Seen(patches, (picture.height // side, picture.width // side))

    def _picture_contexts(self, seen: Sequence[Seen]) -> list[Context]:
        """What is read before a question, one row for every picture: it, and before it the sentence that asks
        for reasoning."""
        import torch

        from selfreward_eval.harness.models.bagel.contexts import empty, read_patches, read_text

        network, markers = self.loaded.network, self.loaded.markers
        out: dict[int, Context] = {}
        for group in self.grouped([picture.grid for picture in seen], [0] * len(seen)):
            with torch.inference_mode():
                context = empty(network, len(group.rows))
                if self.think_answers:
                    ids = self.text_ids([self.think_answers_prompt], "think_answers_prompt")[0]
                    context, _ = read_text(network, context, [self.marked(ids)] * len(group.rows))
                patches = torch.stack([seen[k].patches for k in group.rows])
                tokens = network.patch_tokens(patches, seen[group.rows[0]].grid)
                context, _ = read_patches(network, context, markers, tokens)
                for place, k in enumerate(group.rows[: group.real]):
                    out[k] = context.select([place])
        return [out[k] for k in range(len(seen))]


def joined(contexts: Sequence[Context]) -> Context:
    """Contexts of one row each and of one length as one context; none of them is padded."""
    import torch

    from selfreward_eval.harness.models.bagel.contexts import Context as Whole

    layers = [context.past or () for context in contexts]
    past = tuple(
        (torch.cat([key for key, _ in layer]), torch.cat([value for _, value in layer]))
        for layer in zip(*layers, strict=True)
    )
    return Whole(past, None, torch.cat([context.positions for context in contexts]))
