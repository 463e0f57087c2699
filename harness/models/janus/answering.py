"""Greedy answers in float32 that are those of float64.

An answer is a choice of tokens, not a number. Where the likeliest token leads the next one by far more than
float32 can be wrong, float64 would choose the same one; an answer with any closer choice is made again in
float64. So small models, which compute in float64 to be exact in any batch, answer at float32's speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from math import inf, isnan, nan
from typing import TYPE_CHECKING, Any, NamedTuple

from selfreward_eval.harness.instruments.backends.finite import not_finite
from selfreward_eval.harness.models.janus.states import embedded, last_states, padded, picture_features

if TYPE_CHECKING:
    import torch

__all__ = ["Questions", "QuickCopy", "answer_tokens", "is_plain"]

LEAD = 0.01
"""Logits by which a token must lead. What float32 computes of a small model's is off by some 1e-5."""

TOGETHER = 32
"""Questions read at once: more fall out of a processor's cache."""

_NAMES = frozenset({"_from_model_config", "generation_kwargs", "transformers_version"})
_SAMPLING = frozenset({"do_sample", "max_length", "temperature", "top_k", "top_p", "use_cache"})


class Questions(NamedTuple):
    """What is asked.

    Attributes:
        ids: for every question its token ids, with the placeholders of one picture.
        picture: for every question the number of its picture.
        pixels: (U, 3, H, W), the vision encoder's input, each picture once.
    """

    ids: Sequence[Sequence[int]]
    picture: Sequence[int]
    pixels: torch.Tensor


def is_plain(model: Any) -> bool:
    """Whether greedy decoding takes the likeliest token: a checkpoint may ask for penalties and the like."""
    changed = set(model.generation_config.to_diff_dict())
    return not {name for name in changed - _NAMES - _SAMPLING if not name.endswith("_token_id")}


def answer_tokens(
    model: Any, quick: QuickCopy | None, asked: Questions, limit: int, eos: int
) -> list[list[int]]:
    """Every question's greedy answer as token ids; one that ended by itself ends with ``eos``.

    Args:
        model: a ``JanusForConditionalGeneration`` in float64.
        quick: its copy in float32; None to do without.
        asked: pictures and questions.
        limit: tokens of the longest answer.
        eos: id of the end token.

    Raises:
        NotFinite: a logit of float64 was NaN or infinite.
    """
    answers: dict[int, list[int]] = {}
    narrow = None if quick is None else quick.of(model)
    if narrow is not None:
        found = _greedy(narrow, asked, range(len(asked.ids)), limit, eos)
        answers = {k: tokens for k, (tokens, lead) in found.items() if lead > LEAD}
    left = [k for k in range(len(asked.ids)) if k not in answers]
    for k, (tokens, lead) in _greedy(model, asked, left, limit, eos).items():
        if isnan(lead):
            raise not_finite("a logit of the answer", "float64")
        answers[k] = tokens
    return [answers[k] for k in range(len(asked.ids))]


class QuickCopy:
    """A copy of a model in float32 with the weights that the model has when it is asked for."""

    def __init__(self) -> None:
        self._copy: Any = None

    def of(self, model: Any) -> Any:
        """The copy, whose codec is the model's own: nothing is drawn with it. None if hooks change it."""
        import torch

        if any(part._forward_hooks or part._forward_pre_hooks for part in model.modules()):
            return None
        theirs = [*model.parameters(), *model.buffers()]
        ours = [] if self._copy is None else [*self._copy.parameters(), *self._copy.buffers()]
        if [tensor.shape for tensor in ours] != [tensor.shape for tensor in theirs]:
            codec = model.model.vqmodel
            self._copy = deepcopy(model, {id(codec): codec}).requires_grad_(False).float()
        else:
            pairs = [pair for pair in zip(ours, theirs, strict=True) if pair[0] is not pair[1]]
            with torch.no_grad():
                torch._foreach_copy_([mine for mine, _ in pairs], [current for _, current in pairs])
        return self._copy


def _greedy(
    model: Any, asked: Questions, chosen: Sequence[int], limit: int, eos: int
) -> dict[int, tuple[list[int], float]]:
    """Number of a question -> its answer, and the smallest lead of a token; NaN if a logit was no number."""
    import torch

    # Of similar length: padding is computed, too.
    order = sorted(chosen, key=lambda k: len(asked.ids[k]))
    found: dict[int, tuple[list[int], float]] = {}
    if not order:
        return found
    with torch.inference_mode():
        numbers = sorted({asked.picture[k] for k in order})
        features = picture_features(model, asked.pixels[numbers])
        for start in range(0, len(order), TOGETHER):
            part = order[start : start + TOGETHER]
            seen = features[[numbers.index(asked.picture[k]) for k in part]]
            answered = _answered(model, [asked.ids[k] for k in part], seen, limit, eos)
            found |= zip(part, answered, strict=True)
    return found


def _answered(
    model: Any, rows: Sequence[Sequence[int]], features: torch.Tensor, limit: int, eos: int
) -> list[tuple[list[int], float]]:
    """The answers of some rows, each about its own picture; as :func:`_greedy`."""
    import torch
    from transformers import DynamicCache

    network, cache = model.model.language_model, DynamicCache()
    ids, there = padded(rows, model.config.text_config.pad_token_id or 0, features.device)
    places = torch.arange(ids.shape[1], device=ids.device)
    there = there.bool()
    seen = (there[:, None] & (places <= places[:, None]))[:, None]
    lengths = there.sum(-1, keepdim=True)
    embeds = embedded(model, ids, features)
    states = last_states(network, embeds, places.expand_as(ids), seen, lengths - 1, cache)
    said: list[list[int]] = [[] for _ in rows]
    leads = [inf] * len(rows)
    open_ = list(range(len(rows)))
    for step in range(limit):
        logits = model.lm_head(states[:, 0])
        best = logits.topk(2).values
        lead = torch.where(logits.isfinite().all(-1), best[:, 0] - best[:, 1], nan)
        for k, token, ahead in zip(open_, logits.argmax(-1).tolist(), lead.tolist(), strict=True):
            said[k].append(token)
            leads[k] = ahead if ahead < leads[k] or isnan(ahead) else leads[k]
        kept = [n for n, k in enumerate(open_) if said[k][-1] != eos and not isnan(leads[k])]
        if not kept or step + 1 == limit:
            break
        if len(kept) < len(open_):
            chosen = torch.tensor(kept, device=ids.device)
            cache.batch_select_indices(chosen)
            there, lengths, open_ = there[chosen], lengths[chosen], [open_[n] for n in kept]
        there = torch.cat([there, there.new_ones(len(kept), 1)], dim=1)
        embeds = embedded(model, torch.tensor([said[k][-1:] for k in open_], device=ids.device), None)
        states = last_states(network, embeds, lengths, there[:, None, None], torch.zeros_like(lengths), cache)
        lengths = lengths + 1
    return list(zip(said, leads, strict=True))
