"""One request a picture, in each server's own words; what comes back, and what does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.picture_server import Fault, FaultRule, PictureServer

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.models.openai_images.adapter import OpenAIImagesModel
from selfreward_eval.harness.models.openai_images.dialects import DIALECTS
from selfreward_eval.harness.records import Measurement, Status

SEED = 2**62 + 12345


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "OPENAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)


def painter(server: PictureServer, **settings: Any) -> OpenAIImagesModel:
    own = {"dialect": server.dialect, "backoff": 0.001, "timeout": 30.0}
    return OpenAIImagesModel(server.model, server.url, **{**own, **settings})


def colour(picture: Any) -> list[int]:
    assert not isinstance(picture, Measurement), picture
    return np.asarray(picture)[0, 0].tolist()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_draws(dialect: str) -> None:
    with PictureServer(dialect) as server:
        first, second = painter(server, size="48x48").generate(["a red circle", "a blue cross"], [SEED, 1])
    assert colour(first) != colour(second)
    assert [request["n"] for request in server.requests] == [1, 1]
    assert server.most == 1, "one request at a time unless asked for more"


def test_seeds_are_sent_where_the_server_has_them() -> None:
    sent = {}
    for dialect in DIALECTS:
        with PictureServer(dialect) as server:
            painter(server).generate(["a red circle"], [SEED])
            sent[dialect] = server.requests[0].get("seed")
    assert sent == {"openai": None, "vllm-omni": SEED, "sglang": SEED}


def test_a_server_of_32_bits_gets_the_lowest() -> None:
    with PictureServer("sglang") as server:
        model = painter(server, seed_bits=32)
        model.generate(["a red circle"], [SEED])
        assert server.requests[0]["seed"] == SEED % 2**32
        assert model.identity()["generation"]["seed_bits"] == 32


def test_the_noise_is_asked_for_on_the_cpu_and_extras_go_along() -> None:
    with PictureServer("vllm-omni") as server:
        painter(server, guidance_scale=4.0, extra={"extra_params": {"cfg_img_scale": 1.5}}).generate(
            ["a"], [1]
        )
    (request,) = server.requests
    assert (request["generator_device"], request["guidance_scale"]) == ("cpu", 4.0)
    assert request["extra_params"] == {"cfg_img_scale": 1.5}


@pytest.mark.parametrize(("model", "asked"), [("gpt-image-1", None), ("dall-e-3", "b64_json")])
def test_openai_models_are_asked_for_base64_where_they_know_the_field(model: str, asked: str | None) -> None:
    with PictureServer("openai", model=model) as server:
        painter(server).generate(["a"], [1])
    assert server.requests[0].get("response_format") == asked


@pytest.mark.parametrize(
    ("fault", "status", "requests"),
    [
        (Fault(400, "content_policy_violation"), Status.MODEL_REFUSED, 1),
        (Fault(400, "invalid_request_error"), Status.GENERATION_ERROR, 1),
        (Fault(503), Status.MODEL_TRANSPORT_ERROR, 3),
        (Fault(half=True), Status.MODEL_TRANSPORT_ERROR, 3),
        (Fault(picture=b"no picture"), Status.MODEL_TRANSPORT_ERROR, 3),
        (Fault(429, headers={"Retry-After": "3600"}), Status.MODEL_TRANSPORT_ERROR, 1),
    ],
)
def test_a_fault_is_a_status_of_its_own_picture(fault: Fault, status: Status, requests: int) -> None:
    def rule(request: dict[str, Any], before: int) -> Fault | None:
        return fault if "unicorn" in request["prompt"] else None

    with PictureServer("sglang", fault=rule) as server:
        model = painter(server, retries=2)
        fine, failed, also_fine = model.generate(["a horse", "a unicorn", "a cow"], [1, 2, 3])
    assert colour(fine) != colour(also_fine)
    assert isinstance(failed, Measurement)
    assert failed.status is status
    assert sum("unicorn" in request["prompt"] for request in server.requests) == requests


@pytest.mark.parametrize(
    "fault",
    [Fault(408), Fault(409), Fault(500), Fault(429, headers={"Retry-After": "0"}), Fault(half=True)],
)
def test_what_may_pass_is_tried_again(fault: Fault) -> None:
    rule: FaultRule = lambda request, before: fault if before < 2 else None  # noqa: E731
    with PictureServer("vllm-omni", fault=rule) as server:
        (picture,) = painter(server).generate(["a horse"], [1])
    assert colour(picture)
    assert len(server.requests) == 3


def test_a_slow_answer_is_given_up() -> None:
    with PictureServer("sglang", fault=lambda request, before: Fault(seconds=1.0)) as server:
        (failed,) = painter(server, timeout=0.05, retries=0).generate(["a horse"], [1])
    assert isinstance(failed, Measurement)
    assert failed.status is Status.MODEL_TRANSPORT_ERROR


def test_a_picture_by_url_is_fetched_from_the_same_host_only() -> None:
    with PictureServer("sglang", urls=True) as server:
        (picture,) = painter(server).generate(["a horse"], [1])
        assert colour(picture)
        # By another name it is another host.
        model = painter(server, retries=0)
        other = OpenAIImagesModel(
            "painter", server.url.replace("127.0.0.1", "localhost"), "sglang", backoff=0.001, retries=0
        )
        (refused,) = other.generate(["a horse"], [1])
        assert isinstance(refused, Measurement)
        assert "another host" in refused.reason
        assert model.name == "painter"


def test_a_prompt_that_was_rewritten_is_kept_with_the_picture() -> None:
    with PictureServer(
        "openai", rewrite=lambda prompt: f"{prompt}, in oil" if "cow" in prompt else prompt
    ) as server:
        horse, cow = painter(server).generate(["a horse", "a cow"], [1, 2])
    assert not isinstance(horse, Measurement)
    assert not isinstance(cow, Measurement)
    assert (horse.info, cow.info) == ({}, {"revised_prompt": "a cow, in oil"})


def test_more_requests_at_once_are_recorded() -> None:
    with PictureServer("sglang", fault=lambda request, before: Fault(seconds=0.05)) as server:
        model = painter(server, concurrency=3)
        model.generate([f"horse {k}" for k in range(6)], range(6))
        assert server.most > 1
        assert model.identity()["concurrency"] == 3


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"dialect": None}, "name the kind of server"),
        ({"dialect": "comfy"}, "dialect=openai or dialect=vllm-omni"),
        ({"dialect": "openai", "guidance_scale": 3.0}, "has no 'guidance_scale'"),
        ({"dialect": "sglang", "quality": "high"}, "has no 'quality'"),
        ({"dialect": "sglang", "seed_bits": 64}, "seed_bits must be from 1 to 63"),
        ({"dialect": "sglang", "retries": -1}, "openai_images: retries is too small"),
        (
            {"dialect": "sglang", "base_url": "http://u:p@host/v1"},
            "openai_images: base_url holds credentials",
        ),
    ],
)
def test_settings_without_sense_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        OpenAIImagesModel("m", **{"base_url": "http://127.0.0.1:1/v1", **settings})


def test_the_key_is_sent_and_stands_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAINTER_KEY", "sk-very-secret-key")
    with PictureServer("vllm-omni", key="sk-very-secret-key") as server:
        model = painter(server, api_key_env="PAINTER_KEY")
        assert colour(model.generate(["a"], [1])[0])
        assert "very-secret" not in str(model.identity())


def test_a_wrong_key_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAINTER_KEY", "sk-some-other-key")
    with (
        PictureServer("vllm-omni", key="sk-very-secret-key") as server,
        pytest.raises(InputError, match=r"picture server of 'painter' .* does not accept the key"),
    ):
        painter(server, api_key_env="PAINTER_KEY").generate(["a"], [1])


def test_openai_itself_needs_a_key() -> None:
    with pytest.raises(UsageError, match="openai_images needs a key"):
        OpenAIImagesModel("gpt-image-1").generate(["a"], [1])
