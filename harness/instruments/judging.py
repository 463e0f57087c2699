"""Judges: instruments that answer conversations. The contract and its records.

A judge never gives a number. It gives a reply, or a status why there is none; a
task's own parser reads a number from the reply, or gives a status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

from selfreward_eval.harness.instruments.backends.storable import storable, without_lone_surrogates
from selfreward_eval.harness.instruments.base import Instrument
from selfreward_eval.harness.instruments.verdicts import was_cut
from selfreward_eval.harness.records import Status

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Turn:
    """One message of a conversation.

    Attributes:
        role: of the speaker.
        text: of the message.
        images: pictures shown before the text.
    """

    role: Literal["system", "user", "assistant"]
    text: str
    images: tuple[Image, ...] = ()


Conversation: TypeAlias = Sequence[Turn]
"""Turns in order; the last one is the user's, and the judge answers it."""


@dataclass(frozen=True)
class Reply:
    """A judge's answer to a conversation.

    Attributes:
        text: of the answer, unchanged except for halves of surrogate pairs, which no file can hold and
            which become ``?``; None unless ``status`` is ``SUCCESS``.
        status: ``SUCCESS`` or ``JUDGE_TRANSPORT_ERROR`` (nothing came, or a refusal of the endpoint).
        reason: why there is no text.
        details: what the backend reports about the reply (finish reason, tokens, model name). Made JSON
            values where they are none, so that whatever a judge reports can be stored.
    """

    text: str | None
    status: Status = Status.SUCCESS
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.text, str):
            object.__setattr__(self, "text", without_lone_surrogates(self.text))
        object.__setattr__(self, "reason", without_lone_surrogates(str(self.reason)))
        details = storable(self.details)
        object.__setattr__(self, "details", details if isinstance(details, dict) else {"details": details})

    @property
    def cut(self) -> bool:
        """Whether the text ended at a limit, so that what stands last in it may have gone on."""
        return was_cut(self.details)


@runtime_checkable
class Judge(Instrument, Protocol):
    """Answers conversations."""

    def replies(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """One reply per conversation, aligned. A conversation that fails affects its own reply only."""
        ...
