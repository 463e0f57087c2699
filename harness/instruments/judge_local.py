"""A judge on this machine: a chat model of transformers, text-only or vision-language, answering greedily."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.attempts import attempt_each
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.backends.batching import batches
from selfreward_eval.harness.instruments.backends.chat_models import (
    ChatModel,
    encoded,
    forged_token,
    load_chat_model,
)
from selfreward_eval.harness.instruments.backends.devices import check_settings
from selfreward_eval.harness.instruments.backends.finite import watched
from selfreward_eval.harness.instruments.backends.weights import Weights, first_line
from selfreward_eval.harness.instruments.judging import Conversation, Reply
from selfreward_eval.harness.instruments.verdicts import opening_mark, thought_mark
from selfreward_eval.harness.records import Status

if TYPE_CHECKING:
    import torch


class LocalJudge:
    """Writes replies with a chat model.

    Args:
        weights: folder or hub name of a model that ``AutoModelForImageTextToText`` or
            ``AutoModelForCausalLM`` knows, with a chat template, in safetensors.
        max_new_tokens: longest reply.
        device: where to compute; a GPU if there is one.
        dtype: of weights and activations.
        batch_size: conversations computed together. Shorter ones are padded on the left, which their
            replies do not depend on; in half precision sums are rounded differently in other batches, and a
            near tie between two tokens can go either way, so there the size is part of the identity.
        revision: of the hub repository.

    Nothing is loaded before the first :meth:`identity` or reply. A repetition penalty of the model's own
    generation settings is kept, its sampling is not.
    """

    def __init__(
        self,
        weights: str,
        max_new_tokens: int = 1024,
        device: str | None = None,
        dtype: str = "bfloat16",
        batch_size: int = 4,
        revision: str | None = None,
    ) -> None:
        check_settings("judge_local", dtype, batch_size)
        if max_new_tokens < 1:
            raise UsageError(f"judge_local needs max_new_tokens of at least 1, got {max_new_tokens}")
        self.weights, self.revision, self.max_new_tokens = weights, revision, max_new_tokens
        self.device, self.dtype, self.batch_size = device, dtype, batch_size
        self._weights = Weights(weights, revision, reads_text=True)
        self._model: ChatModel | None = None
        self._identity: dict[str, Any] | None = None

    def identity(self) -> dict[str, Any]:
        """What a reply depends on. Weights are known by their content, not by their name.

        Raises:
            CheckpointError: the weights cannot be had.
        """
        if self._identity is None:
            self._identity = {
                "name": "judge_local",
                "model": self._weights.shown,
                "revision": self.revision,
                "sha256": self._weights.sha256,
                "dtype": self.dtype,
                "max_new_tokens": self.max_new_tokens,
            }
            if self.dtype != "float32":
                self._identity["batch_size"] = self.batch_size
        return dict(self._identity)

    def replies(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """One reply per conversation, aligned; one that the model cannot compute has a status and a reason.

        Raises:
            UsageError: a text model is shown pictures, or the chat template does not take the turns.
            CheckpointError: the weights do not load, or have no chat template.
        """
        if not conversations:
            return []
        model = self._loaded()
        if not model.takes_pictures and any(turn.images for turns in conversations for turn in turns):
            raise UsageError(
                f"the judge {self.weights} reads text only and is shown pictures; name a vision-language one"
            )
        replies: list[Reply] = []
        for batch in batches(conversations, self.batch_size):
            replies += self._together(model, batch)
        return replies

    def _together(self, model: ChatModel, conversations: Sequence[Conversation]) -> list[Reply]:
        """One reply per conversation, aligned, computed in one batch where that is possible."""
        forged = [forged_token(model.tokenizer, conversation) for conversation in conversations]
        if any(forged):
            # Then none is computed beside another.
            return [
                _refused(token) if token else self._attempted(model, [conversation])[0]
                for token, conversation in zip(forged, conversations, strict=True)
            ]
        return self._attempted(model, conversations)

    def _attempted(self, model: ChatModel, conversations: Sequence[Conversation]) -> list[Reply]:
        """Whatever a network raises over one conversation (too long, out of memory) costs that one only."""
        return attempt_each(lambda members: self._answer(model, members), conversations, _failed)

    def _answer(self, model: ChatModel, conversations: Sequence[Conversation]) -> list[Reply]:
        import torch

        inputs = encoded(model, conversations).to(model.network.device)
        # No reply may depend on its neighbours' lengths: a repetition penalty would see the padding.
        rows, real = inputs["input_ids"], inputs["attention_mask"].bool()
        first = rows.gather(1, real.int().argmax(dim=1, keepdim=True))
        inputs["input_ids"] = torch.where(real, rows, first)
        for name, value in inputs.items():
            if value.is_floating_point():
                inputs[name] = value.to(model.network.dtype)
        with torch.inference_mode(), watched(model.network, "a logit of the reply"):
            generated = model.network.generate(
                **inputs,
                max_new_tokens=self.max_new_tokens,
                do_sample=False,
                num_beams=1,
                pad_token_id=model.tokenizer.pad_token_id,
            )
        return [
            self._reply(model, row[rows.shape[1] :], _opened_thought(model, row[: rows.shape[1]].tolist()))
            for row in generated
        ]

    def _reply(self, model: ChatModel, row: torch.Tensor, opened: str) -> Reply:
        """The text of one row of new tokens, (T,), after the mark of a thought that the prompt opened."""
        tokens = row.tolist()
        end = next((k for k, token in enumerate(tokens) if token in model.end_tokens), None)
        kept = tokens if end is None else tokens[:end]
        text = opened + _decoded(model, kept)
        details = {"finish_reason": "length" if end is None else "stop", "tokens": len(kept)}
        if text == opened:
            return Reply(None, Status.JUDGE_TRANSPORT_ERROR, "the reply is empty", details)
        return Reply(text, details=details)

    def _loaded(self) -> ChatModel:
        """Network and processor, loaded once."""
        if self._model is None:
            self._model = load_chat_model(self._weights.folder, self.dtype, self.device)
        return self._model


def _decoded(model: ChatModel, tokens: list[int]) -> str:
    """The text of a reply's tokens without control tokens, but with the marks around thoughts.

    Some tokenizers count those marks as control tokens. Without them nobody could tell a thought from a
    verdict.
    """
    special = zip(model.tokenizer.all_special_ids, model.tokenizer.all_special_tokens, strict=False)
    marks = {number: token for number, token in special if thought_mark(str(token))}
    pieces: list[str] = []
    start = 0
    for k, token in enumerate([*tokens, None]):
        if token is None or token in marks:
            piece = model.tokenizer.decode(
                tokens[start:k], skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
            pieces += [str(piece), "" if token is None else str(marks[token])]
            start = k + 1
    return "".join(pieces)


def _opened_thought(model: ChatModel, prompt: Sequence[int]) -> str:
    """The mark with which the chat template began a thought at the end of the prompt; empty if it did not."""
    tail = model.tokenizer.decode(
        list(prompt[-16:]), skip_special_tokens=False, clean_up_tokenization_spaces=False
    )
    mark = opening_mark(str(tail))
    return f"{mark}\n" if mark else ""


def _refused(token: str) -> Reply:
    reason = f"the conversation holds {token}, which this version of transformers cannot write as text"
    return Reply(None, Status.JUDGE_TRANSPORT_ERROR, reason)


def _failed(conversation: Conversation, error: Exception) -> Reply:
    reason = f"the model failed: {type(error).__name__}: {first_line(error)}"
    return Reply(None, Status.JUDGE_TRANSPORT_ERROR, reason)
