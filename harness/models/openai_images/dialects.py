"""The picture endpoint as data: settings to a request in three dialects, an answer to a picture. No network.

What each server takes was read in OpenAI's documentation, vllm-omni 0.30.0 and sglang 0.5.23.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.backends.openai_wire import Clean, MalformedAnswer
from selfreward_eval.harness.instruments.backends.storable import same_shape, without_lone_surrogates
from selfreward_eval.harness.user_files.pictures import Unreadable, read_rgb

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_PROMPT = 4000
"""Characters of a revised prompt that are kept."""

SERVED = ("num_inference_steps", "guidance_scale", "true_cfg_scale", "negative_prompt", "generator_device")
"""Settings that only servers of open models take."""


@dataclass(frozen=True)
class Dialect:
    """What one kind of server takes.

    Attributes:
        name: as the user writes it.
        seeds: whether a request has a seed.
        settings: what it takes beside prompt, model, n and size.
    """

    name: str
    seeds: bool
    settings: tuple[str, ...]


DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect("openai", False, ("quality",)),
        Dialect("vllm-omni", True, SERVED),
        Dialect("sglang", True, SERVED),
    )
}


@dataclass(frozen=True)
class Answered:
    """One picture of an answer.

    Attributes:
        picture: RGB, or None where ``url`` says where it lies.
        url: of the picture, below the endpoint's own address, or None.
        revised_prompt: what was drawn in place of the prompt, or None.
    """

    picture: Image | None
    url: str | None
    revised_prompt: str | None


def check_settings(dialect: Dialect, settings: Mapping[str, Any]) -> None:
    """Refuses settings that a dialect does not take.

    Raises:
        UsageError: by name.
    """
    for name, value in settings.items():
        if value is not None and name not in (*dialect.settings, "size"):
            known = ", ".join(("size", *dialect.settings))
            raise UsageError(
                f"openai_images: a server of dialect={dialect.name} has no {name!r}; it takes {known}, and "
                "whatever else as extra.NAME=value"
            )


def body(
    dialect: Dialect,
    model: str,
    prompt: str,
    seed: int,
    settings: Mapping[str, Any],
    extra: Mapping[str, Any],
) -> dict[str, Any]:
    """The request for one picture; settings that are None are left to the server."""
    request: dict[str, Any] = {"model": model, "prompt": without_lone_surrogates(prompt), "n": 1}
    if dialect.name != "openai" or model.startswith("dall-e"):
        # sglang's own default is a url that needs a storage; gpt-image refuses the field.
        request["response_format"] = "b64_json"
    if dialect.seeds:
        request["seed"] = seed
    return {**request, **{name: value for name, value in settings.items() if value is not None}, **extra}


def read_picture(content: bytes, clean: Clean, base_url: str) -> Answered:
    """The picture in a 200 answer.

    Args:
        content: of the answer.
        clean: takes the key out of a text.
        base_url: of the endpoint; a picture of another host is not fetched.

    Raises:
        MalformedAnswer: it is not JSON, or holds not exactly one picture that can be read.
    """
    try:
        data = json.loads(content)["data"]
        (one,) = data
        encoded, url, revised = one.get("b64_json"), one.get("url"), one.get("revised_prompt")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedAnswer(f"the answer holds not one picture ({type(error).__name__})") from None
    text = same_shape(revised, clean) if isinstance(revised, str) else None
    revised_prompt = None if text is None else without_lone_surrogates(text)[:LONGEST_PROMPT]
    if isinstance(encoded, str):
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise MalformedAnswer("the answer's picture is no base64") from None
        return Answered(rgb(raw), None, revised_prompt)
    if isinstance(url, str):
        return Answered(None, _own_path(url, base_url), revised_prompt)
    raise MalformedAnswer("the answer holds neither b64_json nor url")


def rgb(content: bytes) -> Image:
    """A picture file of a server, by the rules for strangers' files.

    Raises:
        MalformedAnswer: it is none.
    """
    try:
        picture = read_rgb(io.BytesIO(content))
    except Unreadable as error:
        raise MalformedAnswer(f"the answer's picture cannot be read: {error}") from None
    # What the file says about itself stays behind.
    picture.info.clear()
    return picture


def _own_path(url: str, base_url: str) -> str:
    """``url`` below ``base_url``.

    Raises:
        MalformedAnswer: it leads elsewhere.
    """
    own, given = urlsplit(base_url), urlsplit(url)
    path = given.path if given.scheme or given.netloc else url
    if (given.scheme or given.netloc) and (given.scheme, given.netloc) != (own.scheme, own.netloc):
        raise MalformedAnswer("the picture lies on another host, from which nothing is fetched")
    inside = path.removeprefix(own.path.rstrip("/"))
    if not path.startswith(f"{own.path.rstrip('/')}/") or ".." in inside.split("/"):
        raise MalformedAnswer("the picture's url is not below base_url, so it is not fetched")
    return inside + (f"?{given.query}" if given.query and "?" not in inside else "")
