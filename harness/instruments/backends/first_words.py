"""The probability of a given answer's first token, read off its logits.

For questions whose answer is a word, not a yes or a no: "How many cups are there?" It is the sum over
all tokens that begin an accepted spelling; the most probable token of all is recorded beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from selfreward_eval.harness.errors import CheckpointError
from selfreward_eval.harness.instruments.base import Instrument

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class FirstWord:
    """The first answer token of one question.

    Attributes:
        probability: of the tokens that begin an accepted answer together, in [0, 1].
        said: the most probable token of all, as text.
    """

    probability: float
    said: str


@runtime_checkable
class ReadsFirstWords(Instrument, Protocol):
    """Says how probable some answers to a question about a picture are."""

    def first_words(
        self, images: Sequence[Image], questions: Sequence[str], accepted: Sequence[Sequence[str]]
    ) -> list[FirstWord]:
        """For every (picture, question, spellings of its answer) one reading, aligned."""
        ...


def first_tokens(tokenizer: PreTrainedTokenizerBase, spellings: Sequence[str]) -> tuple[int, ...]:
    """Ids of the tokens that begin the spellings, ascending; one that begins several counts once.

    The token of unknown words is none of them.

    Raises:
        CheckpointError: the tokenizer knows no beginning of any spelling.
    """
    encoded = (tokenizer.encode(text, add_special_tokens=False) for text in spellings)
    ids = {tokens[0] for tokens in encoded if tokens} - {tokenizer.unk_token_id}
    if not ids:
        raise CheckpointError(
            f"the tokenizer knows no beginning of {spellings[0]!r}, so the answer cannot be read; "
            "name another model"
        )
    return tuple(sorted(ids))


def read_first_words(
    logits: torch.Tensor, ids: Sequence[Sequence[int]], decode: Callable[[int], str]
) -> list[FirstWord]:
    """One reading per row; the probability is NaN where a logit is NaN or infinite.

    Args:
        logits: of the first answer token, (B, vocabulary).
        ids: per row the distinct ids of :func:`first_tokens`.
        decode: token id -> text.
    """
    finite = logits.isfinite().all(dim=-1, keepdim=True)
    probabilities = logits.double().where(finite, float("nan")).softmax(dim=-1)
    best = probabilities.argmax(dim=-1).tolist()
    # Clamped: a sum of probabilities may exceed 1 in the last digit.
    return [
        FirstWord(row[list(accepted)].sum().clamp(max=1.0).item(), decode(token))
        for row, accepted, token in zip(probabilities, ids, best, strict=True)
    ]


def check_first_words(
    instrument: str, readings: Sequence[FirstWord], questions: Sequence[str], dtype: str
) -> None:
    """Refuses readings that are NaN.

    Raises:
        CheckpointError: one is NaN, as where half precision overflows.
    """
    for reading, question in zip(readings, questions, strict=True):
        if reading.probability != reading.probability:
            raise CheckpointError(
                f"{instrument} computes no number for {question!r} in {dtype}; its weights overflow or are "
                "damaged, so use dtype=float32 or other weights"
            )
