"""One request to an OpenAI-compatible endpoint: a reply, or a failure with or without a repetition.

The key lives in the environment and in the request; it is taken out of
everything that comes back.
"""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import quote, urlsplit

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.instruments.backends import openai_wire as wire
from selfreward_eval.harness.instruments.backends.retries import retry_after

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")

Reader: TypeAlias = Callable[[bytes, wire.Clean], T]
"""(body of a 200 answer, what takes the key out of a text) -> what it says.

Raises MalformedAnswer where that cannot be read.
"""

OPENAI = "https://api.openai.com/v1"
KEY = "OPENAI_API_KEY"

TEMPORARY = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
"""HTTP statuses of failures that may not happen again a little later."""

LARGEST_ANSWER = 16 << 20
"""Bytes; an answer that goes on beyond this is not read to its end."""

SHORTEST_KEY = 8
"""Characters. Keys of at least this length are taken out of answers; a shorter one could be any word."""


@dataclass(frozen=True)
class Failure:
    """A request that brought no reply.

    Attributes:
        reason: why, on one line.
        again: whether the same request may succeed later.
        wait: ``Retry-After`` of the endpoint in seconds, or None.
        limited: whether the wait holds for the whole account, not for this conversation alone (429).
        denied: the endpoint forbids it (403).
        refused: the endpoint declines what was asked, by its content policy.
        answered: whether the endpoint answered at all, so that the request itself is at fault.
    """

    reason: str
    again: bool = False
    wait: float | None = None
    limited: bool = False
    denied: bool = False
    refused: bool = False
    answered: bool = False


@dataclass(frozen=True)
class Endpoint:
    """The address of an endpoint and how it is asked.

    Attributes:
        url: up to and without ``/chat/completions`` and the like.
        model: as it is called there; for messages.
        key_variable: environment variable of the key, or None.
        timeout: seconds for one whole request and answer.
        asked_by: the registry name of what asks, for messages.
        asked_as: what the endpoint is to it, for messages.
        largest: bytes; an answer that goes on beyond this is not read to its end.
    """

    url: str
    model: str
    key_variable: str | None
    timeout: float
    asked_by: str = "judge_openai"
    asked_as: str = "judge"
    largest: int | None = None

    def key(self) -> str | None:
        """The key, if there is one. Its value is in no message.

        Raises:
            UsageError: it is needed and absent, or cannot be a key.
        """
        if self.key_variable is None:
            return None
        key = os.environ.get(self.key_variable, "").strip()
        if not key:
            if self.key_variable == KEY and self.url != OPENAI:
                return None
            raise UsageError(
                f"{self.asked_by} needs a key for {self.url}: set the environment variable "
                f"{self.key_variable}, or name another one as api_key_env"
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise UsageError(f"the environment variable {self.key_variable} holds odd characters, so no key")
        return key

    async def send(
        self,
        client: httpx2.AsyncClient,
        body: Mapping[str, Any] | None,
        key: str | None,
        path: str,
        read: Reader[T],
    ) -> T | Failure:
        """Sends one request.

        Args:
            client: the connections.
            body: of a POST; None sends a GET.
            key: sent along, or None.
            path: below :attr:`url`, with a slash.
            read: makes something of a 200 answer.

        Raises:
            InputError: every other conversation would be refused as well.
        """
        import asyncio

        import httpx2

        try:
            async with asyncio.timeout(self.timeout):
                status, headers, content = await self._ask(client, body, key, path)
        except TimeoutError:
            return Failure(f"no whole answer within {self.timeout:g} s", again=True)
        except httpx2.HTTPError as error:
            what = without_key(f"{type(error).__name__}: {error}", key)
            return Failure(f"the connection failed ({wire.shortened(what)})", again=True)
        if len(content) > self._largest:
            return Failure(f"an answer of more than {self._largest} bytes", answered=True)
        if status != 200:
            return self._refused(status, headers, content, key)
        try:
            return read(content, partial(without_key, key=key))
        except wire.MalformedAnswer as error:
            return Failure(str(error), again=True)

    @property
    def _largest(self) -> int:
        return LARGEST_ANSWER if self.largest is None else self.largest

    async def _ask(
        self, client: httpx2.AsyncClient, body: Mapping[str, Any] | None, key: str | None, path: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body; of an endless body only a little more than the limit."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        content = bytearray()
        method, sent = ("GET", {}) if body is None else ("POST", {"json": dict(body)})
        async with client.stream(method, f"{self.url}{path}", headers=headers, **sent) as response:
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > self._largest:
                    break
            return response.status_code, response.headers, bytes(content)

    def _refused(self, status: int, headers: Mapping[str, str], content: bytes, key: str | None) -> Failure:
        """What an HTTP error means."""
        code, message = wire.error_words(content, partial(without_key, key=key))
        answer = f"HTTP {status}" + (f": {message}" if message else "")
        if status == 401:
            variable = self.key_variable or "a key as api_key_env"
            raise self.stopped(f"does not accept the key ({answer})", f"correct {variable}")
        if status == 404:
            raise self.stopped(f"has no such model or path ({answer})", "correct model or base_url")
        if 300 <= status < 400:
            raise self.stopped(f"sends requests elsewhere ({answer})", "give its new address as base_url")
        if code == "insufficient_quota":
            raise self.stopped(f"has no quota left ({answer})", "raise the account's limit and run again")
        if status not in TEMPORARY:
            refused = wire.is_refusal(code, message)
            return Failure(answer, denied=status == 403 and not refused, refused=refused, answered=True)
        return Failure(
            answer, again=True, wait=retry_after(headers.get("retry-after")), limited=status == 429
        )

    def stopped(self, what: str, way_out: str) -> InputError:
        """The error that ends a run: the endpoint refuses every conversation."""
        return InputError(f"the {self.asked_as} {self.model!r} at {self.url} {what}; {way_out}")


def checked_base_url(base_url: str, asked_by: str = "judge_openai") -> str:
    """``base_url`` without a closing slash.

    Args:
        base_url: as the user wrote it.
        asked_by: the registry name of what asks, for messages.

    Raises:
        UsageError: it is no address, or holds credentials: they would end in records. It is not repeated.
    """
    parts = urlsplit(str(base_url))
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise UsageError(
            f"{asked_by}: base_url holds credentials, a query or a fragment; give the bare address, and the "
            "key in the environment variable that api_key_env names"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{asked_by}: base_url {base_url!r} is no http(s) address")
    return str(base_url).rstrip("/")


def without_key(text: str, key: str | None) -> str:
    """``text`` with the key taken out, however an endpoint may have spelt it: plain, or escaped for a URL,
    for JSON or for HTML.
    """
    if not key or len(key) < SHORTEST_KEY:
        return text
    spellings = {key, quote(key, safe=""), json.dumps(key)[1:-1], html.escape(key), repr(key)[1:-1]}
    for spelling in sorted(spellings, key=len, reverse=True):
        text = text.replace(spelling, "[key]")
    return text
