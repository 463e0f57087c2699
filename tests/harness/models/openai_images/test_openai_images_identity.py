"""Which server drew: whether it repeats itself, and whether it still has the same weights."""

from __future__ import annotations

from typing import Any

import pytest
from support.picture_server import Fault, PictureServer

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.models.openai_images.adapter import OpenAIImagesModel


def identity(server: PictureServer, **settings: Any) -> dict[str, Any]:
    return OpenAIImagesModel(
        server.model, server.url, server.dialect, api_key_env=None, backoff=0.001, **settings
    ).identity()


def test_a_server_that_repeats_itself_is_known_by_a_picture() -> None:
    with PictureServer("vllm-omni") as server:
        first, again = identity(server), identity(server)
        server.weights = "second"
        other = identity(server)
    assert first == again
    assert first["reproducible"] is True
    assert {key for key in first if first[key] != other[key]} == {"probe_sha256"}


@pytest.mark.parametrize(("dialect", "noisy"), [("openai", False), ("sglang", True)])
def test_a_server_whose_seeds_do_not_decide_is_not_reproducible(dialect: str, noisy: bool) -> None:
    with PictureServer(dialect, noisy=noisy) as server:
        first, again = identity(server), identity(server)
    assert first["reproducible"] is False
    assert first == again, "what is drawn at random cannot be part of an identity"


def test_what_the_server_says_of_its_model_is_recorded_without_times() -> None:
    with PictureServer("sglang") as server:
        assert identity(server)["served"] == {"id": "painter", "object": "model", "owned_by": "sglang"}


def test_settings_of_drawing_are_apart_from_the_model() -> None:
    with PictureServer("sglang") as server:
        about = identity(server, guidance_scale=3.5, revision="2026-11", endpoint="our server")
    assert about["generation"] == {
        "guidance_scale": 3.5,
        "generator_device": "cpu",
        "extra": {},
        "seed_bits": 63,
    }
    assert (about["revision"], about["endpoint"]) == ("2026-11", "our server")


def test_a_wrong_model_name_is_told_before_anything_is_drawn() -> None:
    with PictureServer("vllm-omni") as server:
        model = OpenAIImagesModel("other", server.url, "vllm-omni", api_key_env=None)
        with pytest.raises(InputError, match=r"does not draw .*Model mismatch"):
            model.identity()


def test_a_server_that_is_not_there_is_told_before_anything_is_drawn() -> None:
    with PictureServer("vllm-omni") as server:
        url = server.url
    with pytest.raises(InputError, match=r"the connection failed .*start it, or correct"):
        OpenAIImagesModel("painter", url, "vllm-omni", api_key_env=None, retries=0).identity()


def test_a_probe_that_is_refused_is_no_identity() -> None:
    with (
        PictureServer("openai", fault=lambda request, before: Fault(400, "moderation_blocked")) as server,
        pytest.raises(InputError, match="does not draw"),
    ):
        identity(server)
