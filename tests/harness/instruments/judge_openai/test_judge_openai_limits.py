"""What holds a judge back: rate limits, budgets, refusals of everything, and servers that go away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.judge_openai import OpenAIJudge
from selfreward_eval.harness.instruments.judging import Conversation, Reply, Turn
from selfreward_eval.harness.records import Status
from selfreward_eval.harness.testing.scripted_endpoint import (
    Response,
    ResponseRule,
    ScriptedEndpoint,
    last_turn_text,
)

Serve = Callable[[ResponseRule], ScriptedEndpoint]
Make = Callable[..., OpenAIJudge]
Say = Callable[..., list[Conversation]]


def one(judge: Make, endpoint: ScriptedEndpoint, **settings: Any) -> Reply:
    (reply,) = judge(endpoint, **settings).replies([[Turn("user", "hello")]])
    return reply


def test_a_rate_limit_is_waited_out_by_everybody(serve: Serve, judge: Make, said: Say) -> None:
    limited = Response(status=429, headers={"Retry-After": "0.4"})
    endpoint = serve(
        lambda request, before: limited if last_turn_text(request) == "a" and before == 0 else Response()
    )
    replies = judge(endpoint, concurrency=1).replies(said("a", "b"))
    assert [reply.status for reply in replies] == [Status.SUCCESS] * 2
    assert min(endpoint.times[1:]) - endpoint.times[0] >= 0.39


def test_others_wait_too_when_the_account_is_limited(serve: Serve, judge: Make, said: Say) -> None:
    limited = Response(status=429, headers={"Retry-After": "1.2"})
    endpoint = serve(
        lambda request, before: (
            limited
            if last_turn_text(request) == "a" and before == 0
            else Response(seconds=0.6 * (last_turn_text(request) == "b"))
        )
    )
    judge(endpoint, concurrency=2).replies(said("a", "b", "c"))
    third = next(k for k, request in enumerate(endpoint.requests) if last_turn_text(request) == "c")
    assert endpoint.times[third] - endpoint.times[0] >= 1.1


def test_a_wait_that_is_too_long_ends_the_conversation(serve: Serve, judge: Make) -> None:
    endpoint = serve(lambda *_: Response(status=429, headers={"Retry-After": "3600"}))
    reply = one(judge, endpoint)
    assert "asks to wait 3600 s" in reply.reason
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("wait", ["Wed, 01 Jan 99999 00:00:00 GMT", "1e400", "9" * 5000, "1e300"])
def test_an_absurd_wait_costs_one_reply_at_most(serve: Serve, judge: Make, said: Say, wait: str) -> None:
    limited = Response(status=503, headers={"Retry-After": wait})
    endpoint = serve(lambda request, _: limited if last_turn_text(request) == "bad" else Response("8 7"))
    good, bad = judge(endpoint, retries=1).replies(said("a", "bad"))
    assert good.text == "8 7"
    assert bad.status is Status.JUDGE_TRANSPORT_ERROR
    assert len(bad.reason) < 200


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        (Response(status=401), "does not accept the key"),
        (Response(status=404), "no such model or path"),
        (
            Response(status=302, headers={"Location": "http://127.0.0.1:9/"}),
            "sends requests elsewhere",
        ),
        (Response(status=429, code="insufficient_quota"), "no quota left"),
    ],
)
def test_what_is_the_same_for_all_stops_with_one_error(
    serve: Serve, trouble: Response, message: str, judge: Make, said: Say
) -> None:
    endpoint = serve(lambda *_: trouble)
    with pytest.raises(InputError, match=message) as caught:
        judge(endpoint).replies(said("a", "b", "c"))
    assert "\n" not in str(caught.value)


def test_if_everything_is_forbidden_it_stops(serve: Serve, judge: Make, said: Say) -> None:
    with pytest.raises(InputError, match="forbids every request"):
        judge(serve(lambda *_: Response(status=403))).replies(said("a", "b"))


def test_a_server_that_is_gone_costs_replies_and_comes_back(serve: Serve, judge: Make, said: Say) -> None:
    endpoint = serve(lambda *_: Response("8 7"))
    asking = judge(endpoint, retries=1)
    endpoint.stop()
    assert [reply.status for reply in asking.replies(said("a", "b"))] == [Status.JUDGE_TRANSPORT_ERROR] * 2
    with ScriptedEndpoint(lambda *_: Response("8 7"), port=endpoint.port):
        assert [reply.text for reply in asking.replies(said("a", "b"))] == ["8 7", "8 7"]


def test_budgets(serve: Serve, judge: Make, said: Say) -> None:
    endpoint = serve(lambda *_: Response())
    replies = judge(endpoint, max_requests=2, concurrency=1).replies(said("a", "b", "c", "d"))
    assert [reply.text for reply in replies] == ["fine", "fine", None, None]
    assert replies[3].reason == "the budget of 2 requests is spent"
    assert len(endpoint.requests) == 2


def test_the_budget_of_tokens_counts_what_the_endpoint_says(serve: Serve, judge: Make, said: Say) -> None:
    replies = judge(serve(lambda *_: Response()), max_tokens_spent=20, concurrency=1).replies(said(*"abcd"))
    assert [reply.text for reply in replies] == ["fine", "fine", None, None]


def test_without_a_count_the_longest_reply_is_charged(serve: Serve, judge: Make, said: Say) -> None:
    endpoint = serve(lambda *_: Response(usage=False))
    replies = judge(endpoint, max_tokens=30, max_tokens_spent=30, concurrency=1).replies(said(*"ab"))
    assert [reply.text for reply in replies] == ["fine", None]


def test_the_budget_of_retries_is_shared(serve: Serve, judge: Make, said: Say) -> None:
    endpoint = serve(lambda *_: Response(status=500))
    replies = judge(endpoint, retries=5, max_retries_spent=3, concurrency=1).replies(said(*"abc"))
    assert len(endpoint.requests) == 3 + 3
    assert replies[2].reason == "the budget of 3 retries is spent"


def test_it_works_where_an_event_loop_is_running(serve: Serve, judge: Make, said: Say) -> None:
    asking = judge(serve(lambda *_: Response("8 7")))

    async def notebook() -> Reply:
        return asking.replies(said("a"))[0]

    assert asyncio.run(notebook()).text == "8 7"


def test_nothing_to_ask(serve: Serve, judge: Make) -> None:
    endpoint = serve(lambda *_: Response())
    assert judge(endpoint).replies([]) == []
    assert endpoint.requests == []
