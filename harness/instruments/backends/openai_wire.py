"""The chat completions protocol as data: a conversation to a request, an answer to a reply. No network."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.instruments.judging import Turn

if TYPE_CHECKING:
    from PIL.Image import Image

ERROR_LENGTH = 300
"""Most characters of an endpoint's error that are kept."""


class MalformedAnswer(Exception):
    """An answer that does not follow the protocol: cut off, or of another server."""


@dataclass(frozen=True)
class Completion:
    """A chat completion that arrived whole.

    Attributes:
        text: the reply; None if the endpoint refused or said nothing.
        reason: why there is none.
        details: finish reason, the model that served, its fingerprint, token counts, as far as given.
        tokens: prompt and reply tokens together, None if not given.
    """

    text: str | None
    reason: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    tokens: int | None = None


def data_url(image: Image) -> str:
    """The picture as PNG in a ``data:`` URL."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def messages(conversation: Sequence[Turn]) -> list[dict[str, Any]]:
    """The protocol's messages; a turn without pictures is plain text, which every endpoint takes."""
    return [{"role": turn.role, "content": _content(turn)} for turn in conversation]


def read_answer(body: bytes) -> Completion:
    """The reply in a 200 response.

    Raises:
        MalformedAnswer: it is not JSON, or has no choice with a message.
    """
    try:
        answer = json.loads(body)
        choice = answer["choices"][0]
        message = choice["message"]
        finish = choice.get("finish_reason")
        text = _text(message.get("content"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedAnswer(f"the answer is no chat completion ({type(error).__name__})") from None
    usage = answer.get("usage") if isinstance(answer.get("usage"), dict) else {}
    details = {"finish_reason": finish, "model": answer.get("model")}
    details["system_fingerprint"] = answer.get("system_fingerprint")
    details["usage"] = {key: value for key, value in usage.items() if isinstance(value, int)}
    kept = {key: value for key, value in details.items() if value not in (None, {})}
    total = usage.get("total_tokens")
    tokens = total if isinstance(total, int) and not isinstance(total, bool) else None
    refusal = message.get("refusal")
    if refusal:
        return Completion(None, f"the endpoint refused: {shortened(str(refusal))}", kept, tokens)
    if finish == "content_filter":
        return Completion(None, "the endpoint refused: content filter", kept, tokens)
    if not text:
        return Completion(None, f"the reply is empty (finish reason {finish!r})", kept, tokens)
    return Completion(text, "", kept, tokens)


def error_words(body: bytes) -> tuple[str, str]:
    """(code, message) of an error response; what it says in plain text if it is not of the protocol."""
    try:
        error = json.loads(body)["error"]
        if isinstance(error, Mapping):
            code = str(error.get("code") or error.get("type") or "")
            return code, shortened(str(error.get("message", "")))
        return "", shortened(str(error))
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", shortened(body.decode("utf-8", errors="replace"))


def without_lone_surrogates(text: str) -> str:
    """``text`` with ``?`` for halves of surrogate pairs, which JSON can spell and no file can hold."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def shortened(text: str) -> str:
    """``text`` on one line, cut to :data:`ERROR_LENGTH` characters."""
    line = " ".join(without_lone_surrogates(text).split())
    return line if len(line) <= ERROR_LENGTH else line[:ERROR_LENGTH] + "..."


def _content(turn: Turn) -> str | list[dict[str, Any]]:
    if not turn.images:
        return turn.text
    pictures = [{"type": "image_url", "image_url": {"url": data_url(image)}} for image in turn.images]
    return [*pictures, {"type": "text", "text": turn.text}]


def _text(content: Any) -> str:
    """A message's words; some endpoints send them in parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return without_lone_surrogates(content)
    return without_lone_surrogates("".join(part["text"] for part in content if part.get("type") == "text"))
