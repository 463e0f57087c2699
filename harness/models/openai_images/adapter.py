"""The adapter: ``--model openai_images --model-args base_url=http://127.0.0.1:8000/v1,model=...,dialect=sglang``.

A server is asked for the same picture twice before anything is drawn. If the two differ, no seed pairs its
pictures, and the identity says so. If they agree, the picture's hash is part of the identity: a server that
comes back with other weights under the same name is another model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.instruments.backends.conversations import picture_sha256
from selfreward_eval.harness.instruments.backends.openai_endpoint import (
    KEY,
    OPENAI,
    Endpoint,
    Failure,
    checked_base_url,
)
from selfreward_eval.harness.instruments.backends.openai_requests import Outcome, Requests
from selfreward_eval.harness.instruments.backends.openai_wire import Clean
from selfreward_eval.harness.instruments.backends.retries import Budget
from selfreward_eval.harness.models.base import REVISED_PROMPT
from selfreward_eval.harness.models.openai_images.dialects import (
    DIALECTS,
    Answered,
    body,
    check_settings,
    read_picture,
    rgb,
)
from selfreward_eval.harness.models.served import served_entry, status_of
from selfreward_eval.harness.records import Measurement, Status

if TYPE_CHECKING:
    from PIL.Image import Image

PROBE = "a red circle on a white ground"
PROBE_SEED = 20_261_129
"""What every server is asked for, twice, before it draws."""

LARGEST = 64 << 20
"""Bytes of an answer; a picture of 2048 pixels as PNG in base64 may have 16 MiB."""


class OpenAIImagesModel:
    """Draws by a server's ``/images/generations``: OpenAI, vllm-omni or sglang. One request a picture.

    Args:
        model: as the server calls it.
        base_url: up to and without ``/images/generations``; no credentials in it.
        dialect: ``openai``, ``vllm-omni`` or ``sglang``; may be left out for OpenAI's own address.
        api_key_env: environment variable that holds the key; as for ``judge_openai``.
        size: ``WIDTHxHEIGHT``; None leaves it to the server.
        quality: OpenAI only.
        num_inference_steps: not for OpenAI, like the next four.
        guidance_scale: under the server's own name.
        true_cfg_scale: likewise.
        negative_prompt: one for all pictures.
        generator_device: where the server draws its noise; on the CPU it is the same on every machine.
        extra: further fields of the request: ``extra.extra_params.cfg_text_scale=4``.
        seed_bits: of the seeds that are sent, the lowest; a server that takes 32 bits is sent seed mod 2**32.
        revision: of the weights, where the server does not tell them; recorded only.
        endpoint: what to call the server in the identity; its address by default.
        concurrency: requests under way together. More than 1 changes the server's batches, and with them
            the low bits of its pictures.
        timeout: seconds for one whole request and answer.
        retries: repeated requests per picture.
        backoff: seconds of the first wait between them; doubles each time.
        max_wait: a wait that the server asks for is kept up to this many seconds.
        max_requests: budget of requests, over this object's life.
        name: how the run is called; the model's own name by default.
    """

    world = "photographs"

    def __init__(
        self,
        model: str,
        base_url: str = OPENAI,
        dialect: str | None = None,
        api_key_env: str | None = KEY,
        size: str | None = None,
        quality: str | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        true_cfg_scale: float | None = None,
        negative_prompt: str | None = None,
        generator_device: str | None = None,
        extra: Mapping[str, Any] | None = None,
        seed_bits: int = 63,
        revision: str | None = None,
        endpoint: str | None = None,
        concurrency: int = 1,
        timeout: float = 600.0,
        retries: int = 5,
        backoff: float = 0.5,
        max_wait: float = 120.0,
        max_requests: int | None = None,
        name: str | None = None,
    ) -> None:
        self.model, self.revision = str(model), revision
        url = checked_base_url(base_url, "openai_images")
        chosen = dialect or ("openai" if url == OPENAI else None)
        if chosen not in DIALECTS:
            raise UsageError(
                f"openai_images: name the kind of server at {url}: dialect={' or dialect='.join(DIALECTS)}"
            )
        if not 1 <= seed_bits <= 63:
            raise UsageError(f"openai_images: seed_bits must be from 1 to 63, got {seed_bits}")
        self.dialect = DIALECTS[chosen]
        if generator_device is None and self.dialect.seeds:
            generator_device = "cpu"
        self.settings = {
            "size": size,
            "quality": quality,
            "num_inference_steps": num_inference_steps,
            "guidance_scale": guidance_scale,
            "true_cfg_scale": true_cfg_scale,
            "negative_prompt": negative_prompt,
            "generator_device": generator_device,
        }
        check_settings(self.dialect, self.settings)
        self.extra, self.seed_bits = dict(extra or {}), seed_bits
        api = Endpoint(url, self.model, api_key_env, timeout, "openai_images", "picture server of", LARGEST)
        self.endpoint = endpoint or url
        self.requests = Requests(
            api,
            concurrency=concurrency,
            retries=retries,
            backoff=backoff,
            max_wait=max_wait,
            budget=Budget(max_requests),
        )
        self.name = name or self.model.rstrip("/").split("/")[-1]

    @cached_property
    def probe(self) -> str | None:
        """sha256 of the probe's pixels; None where the server does not draw the same picture twice.

        Raises:
            InputError: the server draws nothing.
        """
        digests = []
        for _ in range(2):
            (outcome,) = self._drawn([PROBE], [PROBE_SEED])
            if isinstance(outcome, Measurement):
                raise InputError(
                    f"the picture server at {self.requests.api.url} does not draw {PROBE!r} "
                    f"({outcome.reason}); start it, or correct --model-args, and run the same command again"
                )
            digests.append(picture_sha256(outcome))
        return digests[0] if digests[0] == digests[1] else None

    def identity(self) -> dict[str, Any]:
        """What a picture depends on, as far as a server lets it be known; never the key."""
        probe = self.probe
        about: dict[str, Any] = {
            "adapter": "openai_images",
            "name": self.name,
            "weights": self.model,
            "revision": self.revision,
            "endpoint": self.endpoint,
            "dialect": self.dialect.name,
            "served": served_entry(self.requests, self.model),
            "concurrency": self.requests.concurrency,
            "reproducible": probe is not None,
            "generation": {
                **{name: value for name, value in self.settings.items() if value is not None},
                "extra": dict(self.extra),
                "seed_bits": self.seed_bits if self.dialect.seeds else 0,
            },
        }
        return about if probe is None else {**about, "probe_sha256": probe}

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image | Measurement]:
        """One RGB picture per (prompt, seed), or a measurement that says why there is none.

        A picture of a prompt that the server rewrote has the new one as ``info["revised_prompt"]``.

        Raises:
            InputError: the server refuses everything, such as the key.
        """
        if len(prompts) != len(seeds):
            raise ValueError(f"{len(prompts)} prompts but {len(seeds)} seeds")
        return self._drawn(prompts, seeds)

    def _drawn(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image | Measurement]:
        bodies = [
            body(self.dialect, self.model, prompt, seed % (1 << self.seed_bits), self.settings, self.extra)
            for prompt, seed in zip(prompts, seeds, strict=True)
        ]
        read = partial(_read, base_url=self.requests.api.url)
        outcomes = self.requests.send(bodies, "/images/generations", read)
        return [self._picture(prompt, outcome) for prompt, outcome in zip(prompts, outcomes, strict=True)]

    def _picture(self, prompt: str, outcome: Outcome[Answered]) -> Image | Measurement:
        answer = outcome.value
        if answer is None:
            return _none(outcome.failure)
        picture = answer.picture
        if picture is None:
            try:
                (fetched,) = self.requests.send([None], str(answer.url), lambda content, _: rgb(content))
            except InputError as error:  # One file that is gone says nothing about the others.
                return Measurement(Status.GENERATION_ERROR, reason=str(error))
            if fetched.value is None:
                return _none(fetched.failure)
            picture = fetched.value
        if answer.revised_prompt and answer.revised_prompt != prompt:
            picture.info[REVISED_PROMPT] = answer.revised_prompt
        return picture


def _read(content: bytes, clean: Clean, base_url: str) -> Answered:
    return read_picture(content, clean, base_url)


def _none(failure: Failure | None) -> Measurement:
    assert failure is not None
    return Measurement(status_of(failure), reason=failure.reason)
