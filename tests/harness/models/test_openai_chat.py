"""Answers of a chat endpoint: what is sent, what an answer is, and what is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.errors import MissingCapability, UsageError
from selfreward_eval.harness.models.base import CutAnswer, NotServed, capabilities, require
from selfreward_eval.harness.models.openai_chat import OpenAIChatModel
from selfreward_eval.harness.records import Status
from selfreward_eval.harness.testing.scripted_endpoint import (
    Response,
    ResponseRule,
    ScriptedEndpoint,
    last_turn_text,
)

Serve = Callable[[ResponseRule], ScriptedEndpoint]
PICTURE = Image.new("RGB", (8, 8), (200, 30, 30))


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
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


def chat(server: ScriptedEndpoint, **settings: Any) -> OpenAIChatModel:
    return OpenAIChatModel("m", server.url, **{"backoff": 0.001, "timeout": 30.0, **settings})


def test_a_question_goes_along_with_its_picture(serve: Serve) -> None:
    endpoint = serve(lambda request, before: Response(f"about {last_turn_text(request)} "))
    assert chat(endpoint, system="Be brief.").answer([PICTURE, PICTURE], ["colour?", "shape?"]) == [
        "about colour?",
        "about shape?",
    ]
    system, user = endpoint.requests[0]["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    assert user["content"][0]["image_url"]["url"].startswith("data:image/png;base64,")
    assert (endpoint.requests[0]["temperature"], endpoint.requests[0]["max_tokens"]) == (0.0, 1024)


def test_an_answer_at_its_limit_is_a_cut_one_and_an_empty_one_is_an_answer(serve: Serve) -> None:
    replies = {"long": Response("so on and", finish="length"), "none": Response("")}
    endpoint = serve(lambda request, before: replies[last_turn_text(request)])
    cut, empty = chat(endpoint).answer([PICTURE] * 2, ["long", "none"])
    assert isinstance(cut, CutAnswer)
    assert (empty, isinstance(empty, CutAnswer)) == ("", False)


@pytest.mark.parametrize(
    ("response", "status"),
    [
        (Response(message={"refusal": "I cannot"}), Status.MODEL_REFUSED),
        (Response(finish="content_filter"), Status.MODEL_REFUSED),
        (Response(status=400, code="content_policy_violation"), Status.MODEL_REFUSED),
        (Response(status=422, error="too many pictures"), Status.GENERATION_ERROR),
        (Response(status=503), Status.MODEL_TRANSPORT_ERROR),
        (Response(half=True), Status.MODEL_TRANSPORT_ERROR),
    ],
)
def test_what_is_no_answer_has_a_status(serve: Serve, response: Response, status: Status) -> None:
    endpoint = serve(lambda request, before: response)
    with pytest.raises(NotServed) as caught:
        chat(endpoint, retries=0).answer([PICTURE], ["colour?"])
    assert caught.value.status is status


def test_answers_beside_a_failed_one_are_not_paid_for_twice(serve: Serve) -> None:
    """A batch that failed is asked again one by one."""
    endpoint = serve(lambda request, before: Response(status=400 if last_turn_text(request) == "b" else 200))
    model = chat(endpoint)
    with pytest.raises(NotServed):
        model.answer([PICTURE] * 3, ["a", "b", "c"])
    assert model.answer([PICTURE], ["a"]) == ["fine"]
    assert model.answer([PICTURE], ["c"]) == ["fine"]
    assert len(endpoint.requests) == 3
    model.answer([PICTURE], ["a"])
    assert len(endpoint.requests) == 4, "an answer is kept for one call only"


def test_a_text_is_continued_and_cut_at_every_stop(serve: Serve) -> None:
    endpoint = serve(lambda request, before: Response("42\nQ: next; STOP"))
    stops = ["a1", "a2", "a3", "a4", ";"]
    assert chat(endpoint).complete(["2 * 21 ="], limit=9, until=stops) == ["42\nQ: next"]
    (request,) = endpoint.requests
    assert (request["max_tokens"], request["stop"]) == (9, stops[:4])


def test_likelihoods_are_refused_by_name(serve: Serve) -> None:
    model = chat(serve(lambda request, before: Response()))
    assert capabilities(model) == ["answer", "complete"]
    with pytest.raises(MissingCapability, match="m offers: answer, complete"):
        require(model, "text_logprobs", "task 'x'")


def test_the_identity_has_what_decides_an_answer(serve: Serve) -> None:
    endpoint = serve(lambda request, before: Response())
    about = chat(endpoint, endpoint="ours", extra={"top_p": 0.5}).identity()
    assert (about["weights"], about["endpoint"], about["served"]) == ("m", "ours", None)
    assert about["generation"] == {
        "temperature": 0.0, "seed": 0, "max_tokens": 1024, "system": None, "extra": {"top_p": 0.5},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"max_tokens": 0}, "max_tokens must be at least 1"),
        ({"base_url": "ftp://x"}, "openai_chat: base_url"),
    ],
)
def test_settings_without_sense_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        OpenAIChatModel("m", **{"base_url": "http://127.0.0.1:1/v1", **settings})
