"""Many questions about one picture, and many options of one question, read in one pass.

A row holds one picture and whatever is asked about it, as branches of a tree: a token sees the picture and
what comes before its own words, and none of the other branches. So nothing is read twice, no keys and values
are copied, and rows of several pictures fill a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.models.janus.chunking import rows_together
from selfreward_eval.harness.models.janus.states import embedded, last_states, padded

if TYPE_CHECKING:
    import torch

__all__ = ["Row", "read_rows"]


@dataclass
class Row:
    """What is read about one picture.

    Attributes:
        picture: its number.
        ids: tokens of the root, which holds the picture, and of the branches.
        places: tokens whose states are wanted.
    """

    picture: int
    ids: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    _positions: list[int] = field(default_factory=list)
    _branches: list[int] = field(default_factory=list)
    _parents: list[int] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)

    def add(self, tokens: Sequence[int], above: int = 0) -> int:
        """The number of a new branch, after all of the branch ``above``; the first one is the root, 0.

        A branch may grow out of the root, or out of a branch that does.
        """
        number = len(self._starts)
        start = self._starts[above] if self._starts else 0
        self._starts.append(start + len(tokens))
        self.ids += tokens
        self._positions += range(start, start + len(tokens))
        self._branches += [number] * len(tokens)
        self._parents += [above] * len(tokens)
        return number

    @property
    def branched(self) -> bool:
        """Whether there is more than the root."""
        return len(self._starts) > 1


def read_rows(model: Any, rows: Sequence[Row], features: torch.Tensor) -> list[torch.Tensor]:
    """The last layer's states at every row's ``places``: (R_i, width) each, without gradients.

    Args:
        model: a ``JanusForConditionalGeneration``.
        rows: in any order; those of similar length are read together.
        features: of the pictures, (U, N, width).
    """
    found: dict[int, torch.Tensor] = {}
    order = sorted(range(len(rows)), key=lambda k: len(rows[k].ids), reverse=True)
    while order:
        together = rows_together(model, len(rows[order[0]].ids))
        part, order = order[:together], order[together:]
        states = _read(model, [rows[k] for k in part], features)
        found |= {k: one[: len(rows[k].places)] for k, one in zip(part, states, strict=True)}
    return [found[k] for k in range(len(rows))]


def _read(model: Any, rows: Sequence[Row], features: torch.Tensor) -> torch.Tensor:
    """The same for rows that are read together, padded: (B, most places, width)."""
    device = features.device
    ids, there = padded([row.ids for row in rows], model.config.text_config.pad_token_id or 0, device)
    positions, _ = padded([row._positions for row in rows], 0, device)
    places, _ = padded([row.places or [0] for row in rows], 0, device)
    seen = None
    if any(row.branched for row in rows):
        branches, _ = padded([row._branches for row in rows], 0, device)
        parents, _ = padded([row._parents for row in rows], 0, device)
        own, above, sees = branches[:, None], parents[:, :, None], branches[:, :, None]
        seen = ((own == sees) | (own == above) | (own == 0)) & there[:, None].bool()
        seen = seen.tril()[:, None]
    pictures = features[[row.picture for row in rows]]
    return last_states(model.model.language_model, embedded(model, ids, pictures), positions, seen, places)
