"""A real HTTP server on this machine, and a judge that does not wait long for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from selfreward_eval.harness.instruments.judge_openai import OpenAIJudge
from selfreward_eval.harness.instruments.judging import Conversation, Turn
from selfreward_eval.harness.testing.scripted_endpoint import ResponseRule, ScriptedEndpoint


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[ResponseRule], ScriptedEndpoint]]:
    """``serve(rule)``: a running endpoint; stopped when the test ends."""
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "OPENAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    running: list[ScriptedEndpoint] = []

    def start(rule: ResponseRule) -> ScriptedEndpoint:
        running.append(ScriptedEndpoint(rule))
        return running[-1]

    yield start
    for endpoint in running:
        endpoint.stop()


@pytest.fixture
def judge() -> Callable[..., OpenAIJudge]:
    """``judge(endpoint, **settings)``."""

    def make(endpoint: ScriptedEndpoint, **settings: Any) -> OpenAIJudge:
        return OpenAIJudge("m", endpoint.url, **{"backoff": 0.001, "timeout": 30.0, **settings})

    return make


@pytest.fixture
def said() -> Callable[..., list[Conversation]]:
    """``said(*words)``: one conversation of one turn per word."""
    return lambda *words: [[Turn("user", text)] for text in words]
