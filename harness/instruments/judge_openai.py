"""A judge behind an OpenAI-compatible chat endpoint: a cloud service, vLLM, ``transformers serve``, others.

>>> judge = OpenAIJudge("my-model", "http://127.0.0.1:8000/v1", api_key_env=None)
>>> judge.identity()["endpoint"]
'http://127.0.0.1:8000/v1'

The key is read from the environment when a request is made, and kept nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.backends import openai_wire as wire
from selfreward_eval.harness.instruments.backends.openai_endpoint import (
    KEY,
    OPENAI,
    Endpoint,
    checked_base_url,
)
from selfreward_eval.harness.instruments.backends.openai_requests import Outcome, Requests
from selfreward_eval.harness.instruments.backends.retries import Budget
from selfreward_eval.harness.instruments.judging import Conversation, Reply
from selfreward_eval.harness.records import Status


class OpenAIJudge:
    """Asks a chat endpoint; many conversations at once, each with its own retries.

    Args:
        model: as the endpoint calls it.
        base_url: up to and without ``/chat/completions``; no credentials in it.
        api_key_env: environment variable that holds the key; None sends none. It may be
            unset for any other server: only OpenAI's own address, or a variable named here, requires it.
        temperature: None leaves it to the endpoint.
        seed: sent along; None sends none. Endpoints promise little for it.
        max_tokens: longest reply; None leaves it to the endpoint.
        tokens_field: what the endpoint calls that limit (``max_completion_tokens`` for newer ones).
        repeat: number of this judge among several that are asked the same, from 0; added to the seed.
        extra: further fields of the request, such as ``{"top_p": 0.9}``.
        revision: of the model, where its name does not say; recorded only.
        endpoint: what to call the endpoint in the identity; its address by default. For a server whose
            address changes from day to day.
        concurrency: requests under way together.
        timeout: seconds for one whole request and answer.
        retries: repeated requests per conversation.
        backoff: seconds of the first wait between them; doubles each time.
        max_wait: a wait that the endpoint asks for (``Retry-After``) is kept up to this many seconds;
            a longer one ends the conversation.
        max_requests: budget of requests, over the instrument's life.
        max_tokens_spent: budget of tokens, as the endpoint counts them.
        max_retries_spent: budget of repeated requests over all conversations.
    """

    def __init__(
        self,
        model: str,
        base_url: str = OPENAI,
        api_key_env: str | None = KEY,
        temperature: float | None = 0.0,
        seed: int | None = 0,
        max_tokens: int | None = 1024,
        tokens_field: str = "max_tokens",
        repeat: int = 0,
        extra: Mapping[str, Any] | None = None,
        revision: str | None = None,
        endpoint: str | None = None,
        concurrency: int = 8,
        timeout: float = 120.0,
        retries: int = 5,
        backoff: float = 0.5,
        max_wait: float = 120.0,
        max_requests: int | None = None,
        max_tokens_spent: int | None = None,
        max_retries_spent: int | None = None,
    ) -> None:
        if repeat < 0:
            raise UsageError("judge_openai: repeat is too small; give a larger number")
        self.model, self.revision, self.repeat = str(model), revision, repeat
        self.api = Endpoint(checked_base_url(base_url), self.model, api_key_env, timeout)
        self.endpoint = endpoint or self.api.url
        self.settings = {"temperature": temperature, "seed": seed, tokens_field: max_tokens}
        self.extra = dict(extra or {})
        self.requests = Requests(
            self.api,
            concurrency=concurrency,
            retries=retries,
            backoff=backoff,
            max_wait=max_wait,
            budget=Budget(max_requests, max_tokens_spent, max_retries_spent),
        )
        self._longest_reply = max_tokens or 0

    def __repr__(self) -> str:
        return f"OpenAIJudge({self.model!r}, {self.api.url!r})"

    def identity(self) -> dict[str, Any]:
        """What a reply depends on; never the key."""
        return {
            "name": "judge_openai",
            "model": self.model,
            "revision": self.revision,
            "endpoint": self.endpoint,
            **self.settings,
            "repeat": self.repeat,
            "extra": dict(self.extra),
        }

    def replies(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """One reply per conversation, aligned; one that fails has a status and a reason.

        Raises:
            InputError: the endpoint refuses everything (the key, the model's name, the account's
                quota, the address), so there are no replies at all.
            UsageError: the key is needed and not in the environment, or cannot be a key.
        """
        bodies = [self._body(conversation) for conversation in conversations]
        longest = self._longest_reply
        outcomes = self.requests.send(
            bodies,
            "/chat/completions",
            wire.read_answer,
            # Tokens of an answer, or those of the longest reply if not given.
            lambda answer: longest if answer.tokens is None else answer.tokens,
        )
        return [_reply(outcome) for outcome in outcomes]

    def _body(self, conversation: Conversation) -> dict[str, Any]:
        """The request; settings that are None are left out."""
        settings: dict[str, Any] = dict(self.settings)
        if settings["seed"] is not None:
            settings["seed"] = int(settings["seed"]) + self.repeat
        sent = {name: value for name, value in settings.items() if value is not None}
        return {"model": self.model, "messages": wire.messages(conversation), **sent, **self.extra}


def _reply(outcome: Outcome[wire.Completion]) -> Reply:
    """A completion as a reply, or a failure as a status."""
    answer, attempts = outcome.value, {"attempts": outcome.attempts}
    if answer is None:
        reason = outcome.failure.reason if outcome.failure is not None else ""
        return Reply(None, Status.JUDGE_TRANSPORT_ERROR, reason, attempts)
    if answer.text is None:
        return Reply(None, Status.JUDGE_TRANSPORT_ERROR, answer.reason, {**answer.details, **attempts})
    return Reply(answer.text, details={**answer.details, **attempts})
