"""The chat completions protocol as data: a conversation to a request, an answer to a reply. No network."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from selfreward_eval.harness.instruments.backends.storable import (
    LARGEST,
    same_shape,
    without_lone_surrogates,
)
from selfreward_eval.harness.instruments.judging import Turn

if TYPE_CHECKING:
    from PIL.Image import Image

ERROR_LENGTH = 300
"""Most characters of an endpoint's error that are kept."""


Clean: TypeAlias = Callable[[str], str]
"""A text -> the text without the key."""

MOST_COUNTS = 32
"""Token counts of an answer that are kept."""


def _unchanged(text: str) -> str:
    return text


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
        refused: whether the endpoint declined to answer.
    """

    text: str | None
    reason: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    tokens: int | None = None
    refused: bool = False


def data_url(image: Image) -> str:
    """The picture as PNG in a ``data:`` URL."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def messages(conversation: Sequence[Turn]) -> list[dict[str, Any]]:
    """The protocol's messages; a turn without pictures is plain text, which every endpoint takes."""
    return [{"role": turn.role, "content": _content(turn)} for turn in conversation]


def read_answer(body: bytes, clean: Clean = _unchanged) -> Completion:
    """The reply in a 200 response.

    Args:
        body: of the response.
        clean: takes the key out of a text. It is applied to every text of the answer, names of fields
            included, before anything is cut or chosen from it.

    Raises:
        MalformedAnswer: it is not JSON, or has no choice with a message.
    """
    try:
        answer = same_shape(json.loads(body), clean)
        choice = answer["choices"][0]
        message = choice["message"]
        finish = _label(choice.get("finish_reason"))
        # Once more over the whole: a key may be spread over several parts.
        text = clean(_text(message.get("content")))
        refusal = message.get("refusal")
        refused = shortened(str(refusal)) if refusal else ""
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedAnswer(f"the answer is no chat completion ({type(error).__name__})") from None
    usage = _counts(answer.get("usage"))
    details: dict[str, Any] = {
        "finish_reason": finish,
        "model": _label(answer.get("model")),
        "system_fingerprint": _label(answer.get("system_fingerprint")),
        "usage": usage,
    }
    kept = {key: value for key, value in details.items() if value not in (None, {})}
    tokens = usage.get("total_tokens")
    if refused:
        return Completion(None, f"the endpoint refused: {refused}", kept, tokens, True)
    if finish == "content_filter":
        return Completion(None, "the endpoint refused: content filter", kept, tokens, True)
    if not text:
        return Completion(None, f"the reply is empty (finish reason {finish!r})", kept, tokens)
    return Completion(text, "", kept, tokens)


def error_words(body: bytes, clean: Clean = _unchanged) -> tuple[str, str]:
    """(code, message) of an error response; what it says in plain text if it is not of the protocol.

    ``clean`` takes the key out of every text before it is cut.
    """
    try:
        error = same_shape(json.loads(body), clean)["error"]
        if isinstance(error, Mapping):
            code = shortened(str(error.get("code") or error.get("type") or ""))
            return code, shortened(str(error.get("message", "")))
        return "", shortened(str(error))
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", shortened(clean(body.decode("utf-8", errors="replace")))


REFUSALS = ("content_policy", "content policy", "moderation", "safety", "content_filter")
"""Parts of the codes and messages of an endpoint that declines what it is asked."""


def is_refusal(code: str, message: str) -> bool:
    """Whether an error says that the endpoint declines what it was asked, not that it was asked wrongly.

    >>> is_refusal("content_policy_violation", "Your request was rejected")
    True
    """
    words = f"{code} {message}".lower()
    return any(part in words for part in REFUSALS)


def shortened(text: str) -> str:
    """``text`` on one line, cut to :data:`ERROR_LENGTH` characters."""
    line = " ".join(without_lone_surrogates(text).split())
    return line if len(line) <= ERROR_LENGTH else line[:ERROR_LENGTH] + "..."


def _content(turn: Turn) -> str | list[dict[str, Any]]:
    if not turn.images:
        return without_lone_surrogates(turn.text)
    pictures = [{"type": "image_url", "image_url": {"url": data_url(image)}} for image in turn.images]
    return [*pictures, {"type": "text", "text": without_lone_surrogates(turn.text)}]


def _text(content: Any) -> str:
    """A message's words; some endpoints send them in parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return without_lone_surrogates(content)
    return without_lone_surrogates("".join(part["text"] for part in content if part.get("type") == "text"))


def _label(value: Any) -> str | None:
    """A short text such as a model's name; None for whatever is none."""
    return shortened(value) if isinstance(value, str) else None


def _counts(usage: Any) -> dict[str, int]:
    """The token counts of an answer that are counts: whole numbers from 0, at most so many."""
    if not isinstance(usage, dict):
        return {}
    counts = {
        shortened(name): value
        for name, value in usage.items()
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST
    }
    return dict(list(counts.items())[:MOST_COUNTS])
