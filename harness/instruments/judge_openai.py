"""A judge behind an OpenAI-compatible chat endpoint: a cloud service, vLLM, ``transformers serve``, others.

>>> judge = OpenAIJudge("my-model", "http://127.0.0.1:8000/v1", api_key_env=None)
>>> judge.identity()["endpoint"]
'http://127.0.0.1:8000/v1'

The key is read from the environment when a request is made, and kept nowhere.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.backends import openai_wire as wire
from selfreward_eval.harness.instruments.backends.openai_endpoint import (
    KEY,
    OPENAI,
    Endpoint,
    Failure,
    checked_base_url,
)
from selfreward_eval.harness.instruments.backends.retries import Backoff, Budget
from selfreward_eval.harness.instruments.judging import Conversation, Reply
from selfreward_eval.harness.records import Status

if TYPE_CHECKING:
    import asyncio

    import httpx2

T = TypeVar("T")


@dataclass
class _Call:
    """One :meth:`OpenAIJudge.replies`: its connections, and what its conversations share.

    Attributes:
        client: the connections.
        key: sent along, or None.
        places: limits the requests under way together.
        not_before: time of the event loop before which no request is sent, by ``Retry-After``.
        denials: reasons of the requests that were answered with 403.
    """

    client: httpx2.AsyncClient
    key: str | None
    places: asyncio.Semaphore
    not_before: float = 0.0
    denials: list[str] = field(default_factory=list)


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
        numbers = {"timeout": timeout > 0, "retries": retries >= 0, "backoff": backoff >= 0}
        numbers |= {"concurrency": concurrency >= 1, "max_wait": max_wait >= 0, "repeat": repeat >= 0}
        if wrong := [name for name, fine in numbers.items() if not fine]:
            raise UsageError(f"judge_openai: {wrong[0]} is too small; give a larger number")
        self.model, self.revision, self.repeat = str(model), revision, repeat
        self.api = Endpoint(checked_base_url(base_url), self.model, api_key_env, timeout)
        self.endpoint = endpoint or self.api.url
        self.settings = {"temperature": temperature, "seed": seed, tokens_field: max_tokens}
        self.extra = dict(extra or {})
        self.concurrency, self.retries = concurrency, retries
        self.backoff, self.max_wait = Backoff(backoff), max_wait
        self.budget = Budget(max_requests, max_tokens_spent, max_retries_spent)
        self._longest_reply = max_tokens or 0
        self._heard = False

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
        if not conversations:
            return []
        return _run_to_end(self._all(list(conversations), self.api.key()))

    async def _all(self, conversations: list[Conversation], key: str | None) -> list[Reply]:
        """All conversations, on shared connections."""
        import asyncio

        import httpx2

        # Endpoint.send limits the whole request; httpx's timeouts start anew with every chunk.
        limits = httpx2.Limits(max_connections=self.concurrency)
        async with httpx2.AsyncClient(timeout=None, limits=limits) as client:
            call = _Call(client, key, asyncio.Semaphore(self.concurrency))
            jobs = [
                asyncio.create_task(self._one(call, k, conversation))
                for k, conversation in enumerate(conversations)
            ]
            try:
                replies = await asyncio.gather(*jobs)
            finally:
                for job in jobs:
                    job.cancel()
                await asyncio.gather(*jobs, return_exceptions=True)
        if len(call.denials) == len(conversations) and not self._heard:
            raise self.api.stopped(
                f"forbids every request ({call.denials[0]})", "use a key that may ask this model"
            )
        return replies

    async def _one(self, call: _Call, number: int, conversation: Conversation) -> Reply:
        """One conversation with its retries: a reply, or the reason why there is none."""
        import asyncio

        async with call.places:
            body = self._body(conversation)
            for attempt in range(self.retries + 1):
                await _wait_for_rate_limit(call)
                if forbidden := self.budget.claim(again=attempt > 0):
                    return _none(forbidden, attempt)
                outcome = await self.api.send(call.client, body, call.key)
                if isinstance(outcome, wire.Completion):
                    return self._reply(outcome, attempt + 1)
                if ending := self._ending(call, outcome, last=attempt == self.retries):
                    return _none(ending, attempt + 1)
                await asyncio.sleep(max(outcome.wait or 0.0, self.backoff.wait(number, attempt)))
        raise AssertionError("the last attempt ends the loop")

    def _ending(self, call: _Call, failure: Failure, last: bool) -> str | None:
        """Why the conversation ends with ``failure``; None if it is to be tried again."""
        import asyncio

        if failure.denied:
            call.denials.append(failure.reason)
        if last or not failure.again:
            return failure.reason
        if failure.wait is not None and failure.wait > self.max_wait:
            return (
                f"{failure.reason}; the endpoint asks to wait {failure.wait:.10g} s, longer than max_wait "
                f"{self.max_wait:g} s"
            )
        if failure.limited and failure.wait is not None:
            # A rate limit is the account's: the other conversations wait as well.
            call.not_before = max(call.not_before, asyncio.get_running_loop().time() + failure.wait)
        return None

    def _reply(self, answer: wire.Completion, attempts: int) -> Reply:
        """A completion as a reply. Its tokens are charged, or those of the longest reply if not given."""
        self._heard = True
        self.budget.charge(self._longest_reply if answer.tokens is None else answer.tokens)
        details = {**answer.details, "attempts": attempts}
        if answer.text is None:
            return Reply(None, Status.JUDGE_TRANSPORT_ERROR, answer.reason, details)
        return Reply(answer.text, details=details)

    def _body(self, conversation: Conversation) -> dict[str, Any]:
        """The request; settings that are None are left out."""
        settings: dict[str, Any] = dict(self.settings)
        if settings["seed"] is not None:
            settings["seed"] = int(settings["seed"]) + self.repeat
        sent = {name: value for name, value in settings.items() if value is not None}
        return {"model": self.model, "messages": wire.messages(conversation), **sent, **self.extra}


def _none(reason: str, attempts: int) -> Reply:
    after = f" (after {attempts} attempts)" if attempts > 1 else ""
    return Reply(None, Status.JUDGE_TRANSPORT_ERROR, reason + after, {"attempts": attempts})


async def _wait_for_rate_limit(call: _Call) -> None:
    """Waits until the endpoint's rate limit allows the next request."""
    import asyncio

    loop = asyncio.get_running_loop()
    while (left := call.not_before - loop.time()) > 0:
        await asyncio.sleep(left)


def _run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Runs ``work`` to its end, also where an event loop is running already, as in a notebook."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
