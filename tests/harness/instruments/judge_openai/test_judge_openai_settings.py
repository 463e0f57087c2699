"""Settings, and which of them are part of the judge's identity."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.judge_openai import OpenAIJudge
from selfreward_eval.harness.instruments.judging import Conversation, Reply, Turn
from selfreward_eval.harness.testing.scripted_endpoint import Response, ResponseRule, ScriptedEndpoint

Serve = Callable[[ResponseRule], ScriptedEndpoint]
Make = Callable[..., OpenAIJudge]
Say = Callable[..., list[Conversation]]


def one(judge: Make, endpoint: ScriptedEndpoint, **settings: Any) -> Reply:
    (reply,) = judge(endpoint, **settings).replies([[Turn("user", "hello")]])
    return reply


@pytest.mark.parametrize("address", ["host/v1", "ftp://host", "https://"])
def test_an_address_must_be_one(address: str) -> None:
    with pytest.raises(UsageError, match="no http"):
        OpenAIJudge("m", address)


@pytest.mark.parametrize("settings", [{"timeout": 0}, {"retries": -1}, {"concurrency": 0}, {"repeat": -1}])
def test_impossible_settings_are_refused_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(settings))):
        OpenAIJudge("m", "http://127.0.0.1:1/v1", **settings)


def test_identity_is_what_can_change_a_reply() -> None:
    def identity(**settings: Any) -> dict[str, Any]:
        return OpenAIJudge("m", "http://127.0.0.1:1/v1", **settings).identity()

    same = identity(concurrency=2, timeout=1, retries=0, max_requests=3)
    assert same == identity()
    others: list[dict[str, Any]] = [{"temperature": 1.0}, {"seed": 1}, {"max_tokens": 5}, {"repeat": 1}]
    for other in [*others, {"extra": {"top_p": 1}}, {"revision": "x"}]:
        assert identity(**other) != same


def test_a_server_whose_address_changes_can_be_named() -> None:
    first = OpenAIJudge("m", "http://127.0.0.1:1/v1", endpoint="our vLLM")
    assert first.identity() == OpenAIJudge("m", "http://127.0.0.1:2/v1", endpoint="our vLLM").identity()


def test_an_endless_answer_is_not_read_to_its_end(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, judge: Make
) -> None:
    monkeypatch.setattr("selfreward_eval.harness.instruments.backends.openai_endpoint.LARGEST_ANSWER", 1000)
    assert "more than 1000 bytes" in one(judge, serve(lambda *_: Response("word " * 10_000))).reason


def test_the_port_is_closed_when_the_endpoint_stops(serve: Serve) -> None:
    endpoint = serve(lambda *_: Response())
    endpoint.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", endpoint.port), timeout=1)
