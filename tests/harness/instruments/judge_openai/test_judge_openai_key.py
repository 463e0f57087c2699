"""The key is sent, and appears nowhere else."""

from __future__ import annotations

import html
import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.instruments.backends.openai_endpoint import without_key
from selfreward_eval.harness.instruments.judge_openai import OpenAIJudge
from selfreward_eval.harness.instruments.judging import Conversation, Reply, Turn
from selfreward_eval.harness.testing.scripted_endpoint import (
    Response,
    ResponseRule,
    ScriptedEndpoint,
    last_turn_text,
)

SECRET = "sk-very-secret-0123456789"
Serve = Callable[[ResponseRule], ScriptedEndpoint]
Make = Callable[..., OpenAIJudge]
Say = Callable[..., list[Conversation]]


def one(judge: Make, endpoint: ScriptedEndpoint, **settings: Any) -> Reply:
    (reply,) = judge(endpoint, **settings).replies([[Turn("user", "hello")]])
    return reply


def test_the_key_is_sent_and_appears_nowhere_else(
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    judge: Make,
    said: Say,
) -> None:
    monkeypatch.setenv("MY_KEY", SECRET + "\n")
    caplog.set_level(logging.DEBUG)
    echo = {
        "reply": Response(f"I was sent {SECRET}"),
        "refusal": Response("", message={"refusal": f"not for {SECRET}"}),
        "error": Response(status=400, error=f"bad key {SECRET}"),
        "server": Response(status=500, error=SECRET),
    }
    endpoint = serve(lambda request, _: echo[last_turn_text(request)])
    asking = judge(endpoint, api_key_env="MY_KEY", retries=1)
    replies = asking.replies(said(*echo))
    assert {header["Authorization"] for header in endpoint.headers} == {f"Bearer {SECRET}"}
    assert replies[0].text == "I was sent [key]"
    printed = capfd.readouterr()
    seen = [repr(replies), repr(asking), str(vars(asking)), json.dumps(asking.identity())]
    assert not any(SECRET in text for text in [*seen, caplog.text, printed.out, printed.err])


def test_an_error_that_echoes_the_key_does_not_show_it(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, judge: Make, said: Say
) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    endpoint = serve(lambda *_: Response(status=401, error=f"Incorrect API key: {SECRET}"))
    with pytest.raises(InputError, match="correct MY_KEY") as caught:
        judge(endpoint, api_key_env="MY_KEY").replies(said("a"))
    assert SECRET not in str(caught.value)


def test_a_server_of_ones_own_needs_no_key(serve: Serve, judge: Make, said: Say) -> None:
    endpoint = serve(lambda *_: Response())
    judge(endpoint).replies(said("a"))
    assert "Authorization" not in endpoint.headers[0]


def test_a_short_key_is_no_secret_worth_spoiling_a_reply_for(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, judge: Make
) -> None:
    monkeypatch.setenv("MY_KEY", "EMPTY")
    assert (
        one(judge, serve(lambda *_: Response("the plate is EMPTY")), api_key_env="MY_KEY").text
        == "the plate is EMPTY"
    )


@pytest.mark.parametrize("value", [None, "", "two words", "schlüssel-schlüssel"])
def test_a_named_key_must_be_there_and_be_one(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, value: str | None, judge: Make, said: Say
) -> None:
    endpoint = serve(lambda *_: Response())
    monkeypatch.delenv("MY_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("MY_KEY", value)
    with pytest.raises(UsageError, match="MY_KEY") as caught:
        judge(endpoint, api_key_env="MY_KEY").replies(said("a"))
    assert not value or value not in str(caught.value)


def test_openai_itself_insists_on_a_key(monkeypatch: pytest.MonkeyPatch, said: Say) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        OpenAIJudge("m").replies(said("a"))


@pytest.mark.parametrize(
    "address", [f"https://user:{SECRET}@host/v1", f"https://host/v1?key={SECRET}", f"https://host/#{SECRET}"]
)
def test_credentials_in_the_address_are_refused_unseen(address: str) -> None:
    with pytest.raises(UsageError, match="api_key_env") as caught:
        OpenAIJudge("m", address)
    assert SECRET not in str(caught.value)


def test_a_key_that_comes_back_escaped_is_taken_out_too() -> None:
    key = "sk-'secret'/0123+&"
    echoes = [key, quote(key, safe=""), html.escape(key), json.dumps(key), repr(key)]
    assert [without_key(f"bad key {echo}", key).strip("\"'") for echo in echoes[:3]] == ["bad key [key]"] * 3
    assert not any("secret" in without_key(echo, key) for echo in echoes)
