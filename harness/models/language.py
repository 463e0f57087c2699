"""The text-only capabilities of a model.

Optional capabilities beside those of :mod:`selfreward_eval.harness.models.base`. An adapter that
has them runs lm-eval's text-only tasks; one that has not is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch


@runtime_checkable
class Completes(Protocol):
    """Continues a text."""

    def complete(self, contexts: Sequence[str], *, limit: int, until: Sequence[str] = ()) -> list[str]:
        """The greedy continuation of every context: at most ``limit`` tokens, cut before any of ``until``."""
        ...


@runtime_checkable
class CompletionLogProbs(Protocol):
    """log pi(text | context)."""

    def completion_logprobs(
        self, contexts: Sequence[str], texts: Sequence[str]
    ) -> list[tuple[torch.Tensor, bool]]:
        """Per-token natural log-probabilities, float32 (T_i,), and whether greedy decoding gives it.

        ``texts`` follow their contexts as they are, leading space included; an empty context is allowed.
        """
        ...
