"""Draws picture tokens: our own batched decode with a KV cache and a generator per picture.

transformers' ``generate(generation_mode="image")`` samples from the global
generator, keeps the 50 likeliest tokens unless told otherwise, and fails
without guidance. Here every picture draws its uniform numbers up front from
its own seed, and a token is found by inverting the cumulative distribution,
so that a picture depends on its prompt and seed alone:

- in float64 the rounding of a differently shaped batch is some ten decimal
  places below anything that could move a sample to another token, so prompts
  of any lengths are drawn together, padded on the left;
- in narrower types rows of one batch have the same prompt length, and every
  batch is filled up to ``rows`` pictures, so that the same kernels see the
  same shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.instruments.backends.finite import check_computed
from selfreward_eval.harness.models.janus.small_llama import fits
from selfreward_eval.harness.models.janus.small_reading import SmallReading
from selfreward_eval.harness.models.training import DrawnTokens

if TYPE_CHECKING:
    import torch

    Decoding = Callable[[torch.Tensor], Iterable[torch.Tensor]]


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn.

    Attributes:
        guidance: classifier-free guidance scale; 1 draws from the conditional distribution alone.
        temperature: above 0 divides the logits; 0 takes the likeliest token.
        top_k: keep only so many of the likeliest tokens; 0 keeps all, as Janus's reference does.
    """

    guidance: float
    temperature: float = 1.0
    top_k: int = 0


def uniforms(seeds: Sequence[int], count: int) -> torch.Tensor:
    """Each seed's own ``count`` numbers in [0, 1): float64 (B, count), on the CPU."""
    import torch

    rows = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed % (1 << 63))
        rows.append(torch.rand(count, generator=generator, dtype=torch.float64))
    return torch.stack(rows)


def choose(logits: torch.Tensor, sampling: Sampling, uniform: torch.Tensor) -> torch.Tensor:
    """One token per row by inverse transform sampling.

    Args:
        logits: (B, codes).
        sampling: temperature and top-k.
        uniform: (B,) in [0, 1).

    Returns:
        Token ids (B,).
    """
    import torch

    logits = logits.double()
    if sampling.temperature == 0:
        return logits.argmax(-1)
    logits = logits / sampling.temperature
    if 0 < sampling.top_k < logits.shape[-1]:
        least = logits.topk(sampling.top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < least, float("-inf"))
    cumulative = logits.softmax(-1).cumsum(-1)
    # The last entry is 1 up to rounding; scaling by it keeps the search inside the table.
    target = (uniform.to(cumulative.device) * cumulative[:, -1])[:, None]
    return torch.searchsorted(cumulative, target, right=True).squeeze(-1).clamp_(max=logits.shape[-1] - 1)


def unconditional(ids: torch.Tensor, keep: Sequence[int], pad: int) -> torch.Tensor:
    """The unconditional prompt of guidance: every token but ``keep`` (BOS, BOI) becomes padding."""
    import torch

    kept = torch.isin(ids, torch.tensor(list(keep), device=ids.device))
    return torch.where(kept, ids, torch.full_like(ids, pad))


def guided_logits(model: Any, states: Sequence[torch.Tensor], guidance: float) -> torch.Tensor:
    """Logits of picture codes, u + guidance * (c - u), of states given a prompt (c) and given none (u).

    The head's last layer is linear, so guidance is applied before it: half the logits, and half their memory.

    Args:
        model: a ``JanusForConditionalGeneration``.
        states: (R, width), one for c or two for c and u.
        guidance: of no matter where there is one.
    """
    import torch

    head = model.model.generation_head
    found = head.activation_fn(head.proj_out(torch.cat(list(states))))
    if len(states) > 1:
        c, u = found.chunk(2)
        found = u + guidance * (c - u)
    logits: torch.Tensor = head.vision_head(found)
    return logits


def draw_tokens(
    model: Any,
    prompts: Sequence[Sequence[int]],
    seeds: Sequence[int],
    sampling: Sampling,
    *,
    keep: Sequence[int],
    pad: int,
    likelihoods: bool = True,
    together: bool = False,
    multiple: int = 1,
) -> DrawnTokens:
    """Draws pictures for prompts; those of different lengths are padded on the left.

    Args:
        model: a ``JanusForConditionalGeneration``.
        prompts: token ids that end with the begin-of-image token, one row a picture.
        seeds: one per row.
        sampling: guidance, temperature and top-k.
        keep: ids that stay in the unconditional prompt.
        pad: id of the padding token.
        likelihoods: whether anybody reads the tokens' likelihoods; without, they are 0.
        together: whether the shapes of products may depend on all rows: where the rounding of another
            shape moves no picture, or no picture has to be the same in another batch.
        multiple: prompts are padded to a multiple of so many tokens, whatever else is in the batch.

    Raises:
        NotFinite: a logit was NaN or infinite; the tokens drawn from it mean nothing.
    """
    import torch

    device = model.get_input_embeddings().weight.device
    count, size = model.config.vision_config.num_image_tokens, len(prompts)
    noise = uniforms(seeds, count)
    guided = sampling.guidance != 1.0
    ids = [torch.tensor(row, device=device) for row in prompts]
    rows = ids + [unconditional(row, keep, pad) for row in ids] if guided else ids
    reading: _Reading | SmallReading
    if together and device.type == "cpu" and fits(model.model.language_model):
        reading = SmallReading(model, rows, count)
    else:
        reading = _Reading(model, rows, count, pad, multiple)
    tokens = torch.empty((size, count), dtype=torch.long, device=device)
    logprobs = torch.zeros((size, count), dtype=torch.float32, device=device)
    # Smallest and largest logit of every step; a GPU is waited for once, at the end.
    extremes = torch.empty((count, 2), dtype=torch.float32, device=device)
    with torch.inference_mode():
        hidden = reading.prompts()
        for step in range(count):
            logits = guided_logits(model, hidden.split(size), sampling.guidance)
            extremes[step] = torch.stack(logits.aminmax()).float()
            chosen = choose(logits, sampling, noise[:, step])
            tokens[:, step] = chosen
            if likelihoods and sampling.temperature:
                scores = logits.float()
                if sampling.temperature != 1:
                    scores = scores / sampling.temperature
                scores = scores.log_softmax(-1)
                logprobs[:, step] = scores.gather(-1, chosen[:, None]).squeeze(-1)
            if step + 1 < count:
                drawn = tokens[:, step : step + 1]
                hidden = reading.more(torch.cat([drawn, drawn]) if guided else drawn)
    check_computed(extremes, "a logit of a picture token")
    return DrawnTokens(tokens, logprobs)


class _Reading:
    """The language model reading prompts and then picture tokens, one a step.

    Args:
        model: a ``JanusForConditionalGeneration``.
        rows: prompts, int64 (L_i,) each.
        count: picture tokens that will follow.
        pad: id of the padding token.
        multiple: the prompts' width is one of so many tokens.
    """

    def __init__(
        self, model: Any, rows: Sequence[torch.Tensor], count: int, pad: int, multiple: int = 1
    ) -> None:
        import torch
        from transformers import DynamicCache, StaticCache

        self._model, lengths = model, [len(row) for row in rows]
        longest, device = -(-max(lengths) // multiple) * multiple, rows[0].device
        self._ids = torch.full((len(rows), longest), pad, device=device)
        mask = torch.zeros((len(rows), longest + count), dtype=torch.long, device=device)
        for k, row in enumerate(rows):
            self._ids[k, longest - len(row) :] = row
            mask[k, longest - len(row) :] = 1
        self._seen = longest
        self._cache: DynamicCache | StaticCache = DynamicCache()
        # Without padding no mask is needed. Where prompts are padded to a width, one that has it already
        # takes the mask, too: without it other kernels would compute it.
        self._mask = mask if multiple > 1 or min(lengths) < longest else None
        self._next = torch.tensor(lengths, device=device)[:, None]
        if model.get_input_embeddings().weight.dtype == torch.float64:
            # No copy of all keys and values at every step; narrow types keep the shapes that they have.
            self._cache = StaticCache(config=model.config.text_config, max_cache_len=longest + count)

    def prompts(self) -> torch.Tensor:
        """The last states of the prompts: (B, width)."""
        positions = None if self._mask is None else (self._mask.cumsum(1) - 1).clamp(min=0)
        return self._read(
            self._model.get_input_embeddings()(self._ids),
            None if positions is None else positions[:, : self._seen],
        )

    def more(self, tokens: torch.Tensor) -> torch.Tensor:
        """The states after one more picture token each, int64 (B, 1): (B, width)."""
        self._seen += 1
        self._next += 1
        embeds = self._model.prepare_embeddings_for_image_generation(tokens)
        return self._read(embeds, None if self._mask is None else self._next - 1)

    def _read(self, embeds: torch.Tensor, positions: torch.Tensor | None) -> torch.Tensor:
        read = self._model.model.language_model(
            inputs_embeds=embeds,
            attention_mask=None if self._mask is None else self._mask[:, : self._seen],
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
        )
        states: torch.Tensor = read.last_hidden_state[:, -1]
        return states


def pictures(
    model: Any, tokens: torch.Tensor, together: int = 1, decode: Decoding | None = None
) -> torch.Tensor:
    """Pixels of picture tokens (B, N): uint8 (B, H, W, 3), each decoded alone so that shapes never vary.

    Values are truncated, not rounded, as Janus's processor does. ``together`` decodes so many at once:
    faster, and a value in some hundred thousand falls on the other side of a whole number. ``decode``
    takes its place: it yields the pixels of some pictures at a time, in [-1, 1].

    Raises:
        NotFinite: the decoder computed NaN or infinity, which would be drawn as black or white.
    """
    import torch

    decoded = []
    with torch.inference_mode():
        parts = decode(tokens) if decode else map(model.decode_image_tokens, tokens.split(together))
        for part in parts:
            pixels = part.float()
            check_computed(pixels, "a pixel of the decoded picture")
            decoded.append(((pixels + 1) * 127.5).clamp(0, 255).to(torch.uint8).cpu())
    return torch.cat(decoded)
