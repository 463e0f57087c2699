"""P(yes) and P(no), read off the logits of the answer's first token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import CheckpointError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class YesNo:
    """The first answer token of one question.

    Attributes:
        yes: probability in [0, 1] of a token that begins a yes.
        no: probability in [0, 1] of a token that begins a no.
        share: yes / (yes + no) in [0, 1], computed from logits: it is exact where both are tiny.
    """

    yes: float
    no: float
    share: float


def read_answers(logits: torch.Tensor, yes: Sequence[int], no: Sequence[int]) -> list[YesNo]:
    """One reading per row; NaN where a logit is NaN or infinite.

    Args:
        logits: of the first answer token, (B, vocabulary).
        yes: distinct ids of the tokens that begin a yes.
        no: the same for no; no id is in both.
    """
    finite = logits.isfinite().all(dim=-1, keepdim=True)
    log_p = logits.double().where(finite, float("nan")).log_softmax(dim=-1)
    log_yes, log_no = (log_p[:, list(ids)].logsumexp(dim=-1) for ids in (yes, no))
    share = (log_yes - log_no).sigmoid()
    rows = zip(log_yes.exp().tolist(), log_no.exp().tolist(), share.tolist(), strict=True)
    return [YesNo(*row) for row in rows]


def check_readings(instrument: str, readings: Sequence[YesNo], questions: Sequence[str], dtype: str) -> None:
    """Refuses readings that are NaN.

    Raises:
        CheckpointError: one is NaN, as where half precision overflows.
    """
    for reading, question in zip(readings, questions, strict=True):
        if reading.share != reading.share:
            raise CheckpointError(
                f"{instrument} computes no number for {question!r} in {dtype}; its weights overflow or are "
                "damaged, so use dtype=float32 or other weights"
            )
