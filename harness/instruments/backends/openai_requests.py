"""Many requests to one endpoint, some at once, each with its own retries: what everything that asks shares.

>>> requests = Requests(Endpoint("http://127.0.0.1:8000/v1", "m", None, 60.0))
>>> requests.send([], "/chat/completions", read_answer)
[]
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.backends.openai_endpoint import Endpoint, Failure, Reader
from selfreward_eval.harness.instruments.backends.openai_wire import read_answer as read_answer
from selfreward_eval.harness.instruments.backends.retries import Backoff, Budget

if TYPE_CHECKING:
    import asyncio

    import httpx2

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What became of one request.

    Attributes:
        value: what the answer says, or None.
        failure: why there is none, or None.
        attempts: requests that were sent for it.
    """

    value: T | None
    failure: Failure | None
    attempts: int


@dataclass
class _Call(Generic[T]):
    """One :meth:`Requests.send`: its connections, and what its requests share.

    Attributes:
        client: the connections.
        key: sent along, or None.
        path: below the endpoint's address.
        read: makes something of an answer.
        places: limits the requests under way together.
        not_before: time of the event loop before which no request is sent, by ``Retry-After``.
        denials: reasons of the requests that were answered with 403.
    """

    client: httpx2.AsyncClient
    key: str | None
    path: str
    read: Reader[T]
    places: asyncio.Semaphore
    not_before: float = 0.0
    denials: list[str] = field(default_factory=list)


class Requests:
    """Sends requests to one endpoint.

    Args:
        api: the endpoint.
        concurrency: requests under way together.
        retries: repeated requests per request.
        backoff: seconds of the first wait between them; doubles each time.
        max_wait: a wait that the endpoint asks for (``Retry-After``) is kept up to this many seconds;
            a longer one ends the request.
        budget: of requests, tokens and retries over the life of this object; none by default.

    Raises:
        UsageError: a number that is too small.
    """

    def __init__(
        self,
        api: Endpoint,
        *,
        concurrency: int = 8,
        retries: int = 5,
        backoff: float = 0.5,
        max_wait: float = 120.0,
        budget: Budget | None = None,
    ) -> None:
        numbers = {"timeout": api.timeout > 0, "retries": retries >= 0, "backoff": backoff >= 0}
        numbers |= {"concurrency": concurrency >= 1, "max_wait": max_wait >= 0}
        if wrong := [name for name, fine in numbers.items() if not fine]:
            raise UsageError(f"{api.asked_by}: {wrong[0]} is too small; give a larger number")
        self.api, self.concurrency, self.retries = api, concurrency, retries
        self.backoff, self.max_wait = Backoff(backoff), max_wait
        self.budget = budget or Budget()
        self._heard = False

    def send(
        self,
        bodies: Sequence[Mapping[str, Any] | None],
        path: str,
        read: Reader[T],
        tokens: Callable[[T], int] = lambda _: 0,
    ) -> list[Outcome[T]]:
        """One outcome per request, aligned.

        Args:
            bodies: of the requests; None for a GET.
            path: below the endpoint's address, with a slash.
            read: makes something of a 200 answer; MalformedAnswer where it cannot, which is tried again.
            tokens: what an answer cost, for the budget.

        Raises:
            InputError: the endpoint refuses everything (the key, the model's name, the account's
                quota, the address), so there are no answers at all.
            UsageError: the key is needed and not in the environment, or cannot be a key.
        """
        if not bodies:
            return []
        return _run_to_end(self._all(bodies, path, read, tokens, self.api.key()))

    async def _all(
        self,
        bodies: Sequence[Mapping[str, Any] | None],
        path: str,
        read: Reader[T],
        tokens: Callable[[T], int],
        key: str | None,
    ) -> list[Outcome[T]]:
        """All requests, on shared connections."""
        import asyncio

        import httpx2

        # Endpoint.send limits the whole request; httpx's timeouts start anew with every chunk.
        limits = httpx2.Limits(max_connections=self.concurrency)
        async with httpx2.AsyncClient(timeout=None, limits=limits) as client:
            call = _Call(client, key, path, read, asyncio.Semaphore(self.concurrency))
            jobs = [asyncio.create_task(self._one(call, k, body, tokens)) for k, body in enumerate(bodies)]
            try:
                outcomes = await asyncio.gather(*jobs)
            finally:
                for job in jobs:
                    job.cancel()
                await asyncio.gather(*jobs, return_exceptions=True)
        if len(call.denials) == len(bodies) and not self._heard:
            raise self.api.stopped(
                f"forbids every request ({call.denials[0]})", "use a key that may ask this model"
            )
        return outcomes

    async def _one(
        self, call: _Call[T], number: int, body: Mapping[str, Any] | None, tokens: Callable[[T], int]
    ) -> Outcome[T]:
        """One request with its retries: an answer, or the reason why there is none."""
        import asyncio

        async with call.places:
            for attempt in range(self.retries + 1):
                await _wait_for_rate_limit(call)
                if forbidden := self.budget.claim(again=attempt > 0):
                    return _failed(Failure(forbidden), attempt)
                outcome = await self.api.send(call.client, body, call.key, call.path, call.read)
                if not isinstance(outcome, Failure):
                    self._heard = True
                    self.budget.charge(tokens(outcome))
                    return Outcome(outcome, None, attempt + 1)
                if ending := self._ending(call, outcome, last=attempt == self.retries):
                    return _failed(ending, attempt + 1)
                await asyncio.sleep(max(outcome.wait or 0.0, self.backoff.wait(number, attempt)))
        raise AssertionError("the last attempt ends the loop")

    def _ending(self, call: _Call[T], failure: Failure, last: bool) -> Failure | None:
        """Why the request ends with ``failure``; None if it is to be tried again."""
        import asyncio

        if failure.denied:
            call.denials.append(failure.reason)
        if last or not failure.again:
            return failure
        if failure.wait is not None and failure.wait > self.max_wait:
            return replace(
                failure,
                reason=f"{failure.reason}; the endpoint asks to wait {failure.wait:.10g} s, longer than "
                f"max_wait {self.max_wait:g} s",
            )
        if failure.limited and failure.wait is not None:
            # A rate limit is the account's: the other requests wait as well.
            call.not_before = max(call.not_before, asyncio.get_running_loop().time() + failure.wait)
        return None


def _failed(failure: Failure, attempts: int) -> Outcome[Any]:
    after = f" (after {attempts} attempts)" if attempts > 1 else ""
    return Outcome(None, replace(failure, reason=failure.reason + after), attempts)


async def _wait_for_rate_limit(call: _Call[Any]) -> None:
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
