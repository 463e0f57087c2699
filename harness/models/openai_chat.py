"""Answers by a chat endpoint: ``--model openai_chat --model-args base_url=http://127.0.0.1:8000/v1,model=...``.

For understanding tasks, LLaVA-Bench and lm-eval tasks that are answered in words. An endpoint gives no
likelihoods, so tasks that score options by them refuse it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.backends import openai_wire as wire
from selfreward_eval.harness.instruments.backends.conversations import picture_sha256
from selfreward_eval.harness.instruments.backends.openai_endpoint import (
    KEY,
    OPENAI,
    Endpoint,
    checked_base_url,
)
from selfreward_eval.harness.instruments.backends.openai_requests import Outcome, Requests
from selfreward_eval.harness.instruments.backends.retries import Budget
from selfreward_eval.harness.instruments.judging import Turn
from selfreward_eval.harness.models.base import CutAnswer, NotServed
from selfreward_eval.harness.models.served import served_entry, status_of
from selfreward_eval.harness.records import Status, fingerprint

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_STOPS = 4
"""Stop texts that the protocol takes; an answer is cut at the others here."""


class OpenAIChatModel:
    """Answers questions about pictures, and texts without one, by ``/chat/completions``.

    Args:
        model: as the endpoint calls it.
        base_url: up to and without ``/chat/completions``; no credentials in it.
        api_key_env: environment variable that holds the key; as for ``judge_openai``.
        system: a system message before every question; None sends none.
        temperature: None leaves it to the endpoint.
        seed: sent along; None sends none.
        max_tokens: longest answer.
        tokens_field: what the endpoint calls that limit (``max_completion_tokens`` for newer ones).
        extra: further fields of the request.
        revision: of the weights, where the endpoint does not tell them; recorded only.
        endpoint: what to call the endpoint in the identity; its address by default.
        concurrency: requests under way together.
        timeout: seconds for one whole request and answer.
        retries: repeated requests per question.
        backoff: seconds of the first wait between them; doubles each time.
        max_wait: a wait that the endpoint asks for is kept up to this many seconds.
        max_requests: budget of requests, over this object's life.
        name: how the run is called; the model's own name by default.
    """

    world = "photographs"

    def __init__(
        self,
        model: str,
        base_url: str = OPENAI,
        api_key_env: str | None = KEY,
        system: str | None = None,
        temperature: float | None = 0.0,
        seed: int | None = 0,
        max_tokens: int = 1024,
        tokens_field: str = "max_tokens",
        extra: Mapping[str, Any] | None = None,
        revision: str | None = None,
        endpoint: str | None = None,
        concurrency: int = 8,
        timeout: float = 120.0,
        retries: int = 5,
        backoff: float = 0.5,
        max_wait: float = 120.0,
        max_requests: int | None = None,
        name: str | None = None,
    ) -> None:
        if max_tokens < 1:
            raise UsageError(f"openai_chat: max_tokens must be at least 1, got {max_tokens}")
        self.model, self.revision, self.system = str(model), revision, system
        url = checked_base_url(base_url, "openai_chat")
        self.endpoint = endpoint or url
        self.requests = Requests(
            Endpoint(url, self.model, api_key_env, timeout, "openai_chat", "model"),
            concurrency=concurrency,
            retries=retries,
            backoff=backoff,
            max_wait=max_wait,
            budget=Budget(max_requests),
        )
        self.settings = {"temperature": temperature, "seed": seed}
        self.tokens_field, self.max_new_tokens = tokens_field, max_tokens
        self.extra = dict(extra or {})
        self.name = name or self.model.rstrip("/").split("/")[-1]
        self._kept: dict[str, str] = {}

    def identity(self) -> dict[str, Any]:
        """What an answer depends on, as far as an endpoint lets it be known; never the key."""
        return {
            "adapter": "openai_chat",
            "name": self.name,
            "weights": self.model,
            "revision": self.revision,
            "endpoint": self.endpoint,
            "served": served_entry(self.requests, self.model),
            "generation": {
                **self.settings,
                self.tokens_field: self.max_new_tokens,
                "system": self.system,
                "extra": dict(self.extra),
            },
        }

    def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[str]:
        """One answer per (picture, question); a :class:`CutAnswer` where it ended at the limit.

        Raises:
            NotServed: one has no answer. The others are kept until they are asked for again.
            InputError: the endpoint refuses everything, such as the key.
        """
        if len(images) != len(questions):
            raise ValueError(f"{len(images)} pictures but {len(questions)} questions")
        turns = [Turn("user", text, (image,)) for image, text in zip(images, questions, strict=True)]
        keys = [
            fingerprint([picture_sha256(image), text]) for image, text in zip(images, questions, strict=True)
        ]
        return self._answers(turns, keys, {self.tokens_field: self.max_new_tokens})

    def complete(self, contexts: Sequence[str], *, limit: int, until: Sequence[str] = ()) -> list[str]:
        """The answer to every text, at most ``limit`` tokens, cut before any of ``until``.

        Raises:
            NotServed: as for :meth:`answer`.
        """
        stops = [text for text in until if text]
        settings: dict[str, Any] = {self.tokens_field: limit}
        if stops:
            settings["stop"] = stops[:MOST_STOPS]
        turns = [Turn("user", text) for text in contexts]
        keys = [fingerprint([text, limit, stops]) for text in contexts]
        return [_cut_before(text, stops) for text in self._answers(turns, keys, settings)]

    def _answers(self, turns: Sequence[Turn], keys: Sequence[str], settings: Mapping[str, Any]) -> list[str]:
        asked = [k for k, key in enumerate(keys) if key not in self._kept]
        first = [Turn("system", self.system)] if self.system else []
        bodies = [
            {
                "model": self.model,
                "messages": wire.messages([*first, turns[k]]),
                **{name: value for name, value in self.settings.items() if value is not None},
                **settings,
                **self.extra,
            }
            for k in asked
        ]
        failed: list[NotServed] = []
        for k, outcome in zip(
            asked, self.requests.send(bodies, "/chat/completions", wire.read_answer), strict=True
        ):
            try:
                self._kept[keys[k]] = _text(outcome)
            except NotServed as reason:
                failed.append(reason)
        if failed:
            # Whoever asks again one by one pays for no answer twice.
            raise failed[0]
        answers = [self._kept[key] for key in keys]
        for key in keys:
            self._kept.pop(key, None)
        return answers


def _text(outcome: Outcome[wire.Completion]) -> str:
    """The answer's words; none at all is an answer as well.

    Raises:
        NotServed: it was refused, or did not arrive.
    """
    answer = outcome.value
    if answer is None:
        assert outcome.failure is not None
        raise NotServed(status_of(outcome.failure), outcome.failure.reason)
    if answer.refused:
        raise NotServed(Status.MODEL_REFUSED, answer.reason)
    text = (answer.text or "").strip()
    return CutAnswer(text) if answer.details.get("finish_reason") == "length" else text


def _cut_before(text: str, stops: Sequence[str]) -> str:
    """``text`` up to the first of ``stops``."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text
