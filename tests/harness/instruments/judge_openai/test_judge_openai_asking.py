"""Asking an endpoint that misbehaves: what is asked again, and what a failure costs."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.instruments.judge_openai import OpenAIJudge
from selfreward_eval.harness.instruments.judging import Conversation, Judge, Reply, Turn
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


def patience(trouble: Response) -> float:
    """Seconds to wait for an answer: little only where it comes late on purpose."""
    return 1.5 if trouble.seconds else 30.0


def one(judge: Make, endpoint: ScriptedEndpoint, **settings: Any) -> Reply:
    (reply,) = judge(endpoint, **settings).replies([[Turn("user", "hello")]])
    return reply


def test_it_is_a_judge(serve: Serve, judge: Make) -> None:
    assert isinstance(judge(serve(lambda *_: Response())), Judge)


def test_replies_are_aligned_whatever_order_they_come_in(serve: Serve, judge: Make, said: Say) -> None:
    words = [str(k) for k in range(12)]
    endpoint = serve(
        lambda request, _: Response(
            f"re {last_turn_text(request)}", seconds=0.05 * (int(last_turn_text(request)) % 3)
        )
    )
    assert [reply.text for reply in judge(endpoint).replies(said(*words))] == [f"re {word}" for word in words]


def test_a_reply_says_who_served_it_and_what_it_cost(serve: Serve, judge: Make) -> None:
    reply = one(judge, serve(lambda *_: Response("8 7\nfine", finish="length")))
    assert (reply.text, reply.status) == ("8 7\nfine", Status.SUCCESS)
    assert reply.details == {
        "finish_reason": "length",
        "model": "served-model",
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        "attempts": 1,
    }


def test_what_is_sent(serve: Serve, judge: Make) -> None:
    endpoint = serve(lambda *_: Response())
    picture = Image.new("RGB", (3, 2), (255, 0, 0))
    talk = [Turn("system", "be fair"), Turn("user", "look", (picture,)), Turn("assistant", "red")]
    judge(endpoint, seed=4, repeat=2, extra={"top_p": 0.5}).replies([[*talk, Turn("user", "score")]])
    (request,) = endpoint.requests
    assert {key: request[key] for key in ("model", "temperature", "seed", "max_tokens", "top_p")} == {
        "model": "m",
        "temperature": 0.0,
        "seed": 6,
        "max_tokens": 1024,
        "top_p": 0.5,
    }
    system, user, assistant, last = request["messages"]
    assert (system, assistant, last["content"]) == (
        {"role": "system", "content": "be fair"},
        {"role": "assistant", "content": "red"},
        "score",
    )
    shown, words = user["content"]
    kind, _, data = shown["image_url"]["url"].partition(",")
    assert (kind, words) == ("data:image/png;base64", {"type": "text", "text": "look"})
    assert Image.open(io.BytesIO(base64.b64decode(data))).getpixel((1, 1)) == (255, 0, 0)


def test_settings_that_are_none_are_not_sent(serve: Serve, judge: Make, said: Say) -> None:
    endpoint = serve(lambda *_: Response())
    judge(endpoint, temperature=None, seed=None, max_tokens=None).replies(said("hello"))
    assert endpoint.requests[0].keys() == {"model", "messages"}


def test_a_newer_name_for_the_longest_reply(serve: Serve, judge: Make, said: Say) -> None:
    endpoint = serve(lambda *_: Response())
    judge(endpoint, max_tokens=9, tokens_field="max_completion_tokens").replies(said("hello"))
    assert endpoint.requests[0]["max_completion_tokens"] == 9
    assert "max_tokens" not in endpoint.requests[0]


def test_as_many_requests_at_once_as_allowed_and_never_more(serve: Serve, judge: Make, said: Say) -> None:
    together = threading.Barrier(3, timeout=30)

    def rule(request: dict[str, Any], before: int) -> Response:
        together.wait()
        return Response()

    endpoint = serve(rule)
    assert all(reply.text for reply in judge(endpoint, concurrency=3).replies(said(*"abcdefghi")))
    assert endpoint.most == 3


FAILS_ONCE = {
    "429": Response(status=429),
    "500": Response(status=500),
    "503 with a wait": Response(status=503, headers={"Retry-After": "0"}),
    "connection reset": Response(reset=True),
    "half a reply": Response("a long reply " * 20, half=True),
    "not JSON": Response(body=b"<html>gateway</html>"),
    "JSON cut off": Response(body=b'{"choices": [{"message": {"content": "8'),
    "JSON of something else": Response(body=b'{"choices": []}'),
    "too slow": Response(seconds=4.0),
}


@pytest.mark.parametrize("trouble", FAILS_ONCE.values(), ids=FAILS_ONCE.keys())
def test_what_may_pass_is_asked_again(serve: Serve, trouble: Response, judge: Make) -> None:
    reply = one(
        judge,
        serve(lambda _, before: trouble if before == 0 else Response("8 7")),
        timeout=patience(trouble),
    )
    assert (reply.text, reply.details["attempts"]) == ("8 7", 2)


@pytest.mark.parametrize("trouble", FAILS_ONCE.values(), ids=FAILS_ONCE.keys())
def test_what_does_not_pass_costs_one_reply_and_no_other(
    serve: Serve, trouble: Response, judge: Make, said: Say
) -> None:
    endpoint = serve(lambda request, _: trouble if last_turn_text(request) == "bad" else Response("8 7"))
    good, bad, also_good = judge(endpoint, retries=1, timeout=patience(trouble)).replies(
        said("a", "bad", "c")
    )
    assert (good.text, also_good.text) == ("8 7", "8 7")
    assert (bad.text, bad.status) == (None, Status.JUDGE_TRANSPORT_ERROR)
    assert bad.reason.endswith("(after 2 attempts)")


REFUSALS = {
    "content filter": Response("", finish="content_filter"),
    "a refusal": Response("", message={"content": None, "refusal": "I will not"}),
    "empty": Response(""),
    "bad request": Response(status=400, error="too long"),
    "forbidden": Response(status=403),
}


@pytest.mark.parametrize("trouble", REFUSALS.values(), ids=REFUSALS.keys())
def test_what_will_not_pass_is_not_asked_again(
    serve: Serve, trouble: Response, judge: Make, said: Say
) -> None:
    endpoint = serve(lambda request, _: trouble if last_turn_text(request) == "bad" else Response("8 7"))
    good, bad = judge(endpoint).replies(said("a", "bad"))
    assert good.text == "8 7"
    assert (bad.text, bad.status, bad.details["attempts"]) == (None, Status.JUDGE_TRANSPORT_ERROR, 1)
    assert bad.reason
