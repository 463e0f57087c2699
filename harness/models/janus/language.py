"""Text after text: the language side of a Janus model, without a picture and without its chat template.

What a text-only task of lm-eval asks for. Contexts and continuations are
tokenised together and split where the context's own tokens end, as lm-eval's
base class for language models does (``TemplateLM``, 0.4.13), so that a word and
the blank before it stay one token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from harness.models.janus.loading import Loaded


class LanguageSide:
    """What :class:`~harness.models.janus.adapter.JanusModel` does with text alone."""

    if TYPE_CHECKING:

        @property
        def loaded(self) -> Loaded: ...

        def _groups(self, ids: Sequence[Sequence[int]]) -> Iterator[Any]: ...

        def _token(self, which: str) -> int: ...

    def complete(self, contexts: Sequence[str], *, limit: int, until: Sequence[str] = ()) -> list[str]:
        """The greedy continuation of every context: at most ``limit`` tokens, cut before any of ``until``."""
        import torch

        from harness.models.lm_eval_requests import cut

        loaded = self.loaded
        rows = [self._ids(context) for context in contexts]
        out = [""] * len(rows)
        for group in self._groups(rows):
            ids = torch.tensor([rows[k] for k in group.rows], device=loaded.device)
            with torch.inference_mode():
                made = loaded.model.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    do_sample=False,
                    max_new_tokens=limit,
                    pad_token_id=self._token("pad"),
                    eos_token_id=self._token("eos"),
                )
            said = loaded.processor.tokenizer.batch_decode(made[:, ids.shape[1] :], skip_special_tokens=True)
            for k, text in zip(group.rows[: group.real], said, strict=False):
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
                logits = self.loaded.model(input_ids=ids, use_cache=False).logits[:, :-1].float()
            scores = logits.log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
            likeliest = logits.argmax(-1) == ids[:, 1:]
            for place, k in enumerate(group.rows[: group.real]):
                start = pairs[k][1] - 1
                out[k] = (scores[place, start:].clone(), bool(likeliest[place, start:].all()))
        return [found for found in out if found is not None]

    def _ids(self, text: str) -> list[int]:
        """Token ids after the begin token."""
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
