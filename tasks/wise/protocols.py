"""How a judge's replies become a picture's score: upstream's way, ours, and those of two harnesses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.tasks.wise.parsing import (
    faithful,
    faithful_bagel,
    faithful_verdict,
    strict_scores,
    strict_verdict,
)

if TYPE_CHECKING:
    from selfreward_eval.tasks.judged.parsed import Parsed

ATTEMPTS = 3
"""How often upstream asks about one picture."""

OFFICIAL = "official"
"""The protocol of a task unless another is named."""


@dataclass(frozen=True)
class Protocol:
    """One way to score.

    Attributes:
        read: a reply's text -> its scores, or a complaint.
        attempts: how often the same is asked until a reply can be read; replies are never merged.
        macro: whether the overall score is the plain mean of the six categories.
    """

    read: Callable[[str], Parsed]
    attempts: int = ATTEMPTS
    macro: bool = False


LEGACY_PROTOCOLS: dict[str, Protocol] = {
    OFFICIAL: Protocol(faithful),
    "fixed": Protocol(strict_scores),
    "bagel": Protocol(faithful_bagel, attempts=1, macro=True),
    "lmms": Protocol(faithful),
}
"""Of ``wise``. ``bagel`` is what BAGEL and SRUM published, ``lmms`` lmms-eval's aggregation."""

VERIFIED_PROTOCOLS: dict[str, Protocol] = {
    OFFICIAL: Protocol(faithful_verdict),
    "fixed": Protocol(strict_verdict),
}
"""Of ``wise_verified``."""


def protocol_named(name: str, protocols: Mapping[str, Protocol], task: str) -> Protocol:
    """The protocol of that name.

    Raises:
        UsageError: the task has none of that name.
    """
    try:
        return protocols[name]
    except (KeyError, TypeError):
        known = ", ".join(protocols)
        raise UsageError(f"task {task!r} has no protocol {name!r}; choose one of {known}") from None
