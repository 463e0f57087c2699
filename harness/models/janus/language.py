"""Text continuations of a Janus model, and the likelihoods of answer options.

A text-only task of lm-eval asks for continuations without a picture and without the chat template.
Contexts and continuations are tokenised together and split where the context's own tokens end, as
lm-eval's base class for language models does (``TemplateLM``, 0.4.13), so that a word and the blank
before it stay one token. Options are possible answers to a question about a picture; a rewarder scores
many of them at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from selfreward_eval.harness.instruments.backends.finite import check_computed, watched
from selfreward_eval.harness.models.janus.core import JanusCore
from selfreward_eval.harness.models.janus.likelihood import completion_scores, option_logprobs
from selfreward_eval.harness.models.lm_eval_requests import cut

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image


class LanguageMethods(JanusCore):
    """Text continuations and their likelihoods, and likelihoods of answer options."""

    def complete(self, contexts: Sequence[str], *, limit: int, until: Sequence[str] = ()) -> list[str]:
        """The greedy continuation of every context: at most ``limit`` tokens, cut before any of ``until``."""
        import torch

        loaded = self.loaded
        rows = [self._ids(context) for context in contexts]
        out = [""] * len(rows)
        for group in self._groups(rows):
            ids = torch.tensor([rows[k] for k in group.rows], device=loaded.device)
            with torch.inference_mode(), watched(loaded.model, "a logit of the continuation"):
                made = loaded.model.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    do_sample=False,
                    max_new_tokens=limit,
                    pad_token_id=self._token("pad"),
                    eos_token_id=self._token("eos"),
                )
            texts = loaded.processor.tokenizer.batch_decode(made[:, ids.shape[1] :], skip_special_tokens=True)
            for k, text in zip(group.rows[: group.real], texts, strict=False):
                out[k] = cut(text, until)
        return out

    def completion_logprobs(
        self, contexts: Sequence[str], texts: Sequence[str]
    ) -> list[tuple[torch.Tensor, bool]]:
        """log pi(text | context) per token, float32 (T_i,), and whether each token is the likeliest.

        Raises:
            ValueError: a text that adds no token to its context.
        """
        import torch

        pairs = [self._pair(context, text) for context, text in zip(contexts, texts, strict=True)]
        rows = [ids for ids, _ in pairs]
        out: list[tuple[torch.Tensor, bool] | None] = [None] * len(rows)
        for group in self._groups(rows):
            ids = torch.tensor([rows[k] for k in group.rows], device=self.loaded.device)
            with torch.inference_mode():
                scores, likeliest = completion_scores(self.loaded.model, ids)
            for place, k in enumerate(group.rows[: group.real]):
                start = pairs[k][1] - 1
                check_computed(scores[place, start:], f"a log-probability of {texts[k]!r}")
                out[k] = (scores[place, start:].clone(), bool(likeliest[place, start:].all()))
        return [scored for scored in out if scored is not None]

    def option_logprobs(
        self, images: Sequence[Image], questions: Sequence[str], options: Sequence[Sequence[str]]
    ) -> list[list[torch.Tensor]]:
        """log pi(option | picture, question) per token, for every option of every (picture, question).

        The same values as ``text_logprobs`` gives, at a fraction of its cost: a picture that comes
        several times is encoded once, and its question is read once for all its options.

        Returns:
            For every (picture, question) one float32 tensor (T,) per option; no end token is counted.
        """
        import torch

        if not len(images) == len(questions) == len(options):
            raise ValueError(f"{len(images)} pictures, {len(questions)} questions, {len(options)} lists")
        if not images:
            return []
        distinct = {id(image): image for image in images}
        number = {key: k for k, key in enumerate(distinct)}
        option_texts = list(dict.fromkeys(option for row in options for option in row))
        ids = dict(zip(option_texts, self._scored_ids(option_texts), strict=True))
        with torch.inference_mode():
            found = option_logprobs(
                self.loaded.model,
                self._question_ids(questions),
                [[ids[option] for option in row] for row in options],
                self._vision_input(list(distinct.values())),
                [number[id(image)] for image in images],
            )
        check_computed([scores for row in found for scores in row], "a log-probability of an option")
        return found

    def _ids(self, text: str) -> list[int]:
        """Token ids after the begin token.

        Raises:
            InputError: the text holds a control token of the model.
        """
        self._refuse_control([text], "the text")
        tokenizer = self.loaded.processor.tokenizer
        return [self._token("bos"), *tokenizer(text, add_special_tokens=False)["input_ids"]]

    def _pair(self, context: str, text: str) -> tuple[list[int], int]:
        """Token ids of both together, and where ``text`` begins in them."""
        # Blanks at the end of a context belong to the word that follows.
        kept = context.rstrip()
        whole = self._ids(context + text)
        start = len(self._ids(kept)) if kept else 1
        if start >= len(whole):
            raise ValueError(f"{text!r} adds no token to its context")
        return whole, start
