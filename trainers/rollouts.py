"""Rollouts: a round's candidates, drawn, rewarded and kept on disk, a chunk at a time.

A chunk is one safetensors file, written beside its place and renamed into it. Chunks that are there are not
made again, so that a round that was killed resumes. With several processes each makes its own share of the
chunks and reads all of them. Candidates are drawn by the policy as it is when the round begins. A
self-rewarder asks the reference model, which is the starting model, frozen. A candidate's seed depends on
the training seed, the round, the prompt and the candidate's number alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from selfreward_eval.harness.errors import InputError, TrainingStopped
from selfreward_eval.harness.files import atomic_write_bytes
from selfreward_eval.harness.instruments.backends.finite import NotFinite
from selfreward_eval.harness.records import Item, fingerprint
from selfreward_eval.harness.seeds import sample_seed
from selfreward_eval.rewarders.base import Reward, Rewarder, RewardSample
from selfreward_eval.trainers.base import Side, Trainer
from selfreward_eval.trainers.chunks import chunk_path, content, load, padded, save
from selfreward_eval.trainers.flow.candidates import FlowChunk, flow_drawings
from selfreward_eval.trainers.flow.trainer import FlowTrainer
from selfreward_eval.trainers.pool import Captions, Drawings, Pool
from selfreward_eval.trainers.reward_maps import reward_maps
from selfreward_eval.trainers.sources import Source

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from selfreward_eval.harness.models.training import Trains, TrainsFlow, TrainsLikelihoods
    from selfreward_eval.harness.runs.run import Progress

CHUNK = 32
"""Prompts a file."""

SAMPLING, REFERENCE = "drawn", "start"
"""Names in a chunk's file of the log-likelihoods under the model that drew, and under the reference model."""


@dataclass(frozen=True)
class Chunk:
    """A part of a round's candidates, which is one file.

    Attributes:
        side: what is drawn.
        number: among the side's, from 0.
        start: its first prompt, or picture to caption, among the round's.
        length: how many of them.
    """

    side: Side
    number: int
    start: int
    length: int


class Elsewhere(Protocol):
    """Makes a round's candidates in other processes.

    Attributes:
        cpu_seconds: that these spent so far.
    """

    cpu_seconds: float

    def __call__(self, round_: int, model: Any, chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, bytes]]:
        """The content of every chunk's file, as they come; ``model`` has the weights that draw."""
        ...


@dataclass
class RolloutCollector:
    """Makes and reads the candidates of a training run.

    Attributes:
        folder: where rounds are kept.
        source: prompts and pictures.
        trainer: which sides it trains and what it needs of a candidate.
        load_reference: loads the reference model, which is the starting model; called at most once, and only
            after the first round.
        rewarder: model -> the rewarder of pictures; a self-rewarder asks that model.
        caption_rewarder: the same for captions.
        question: what a model is asked for a caption.
        progress: told of every chunk.
        drawn: folder that keeps what the starting model draws, for other training runs from it; None keeps
            nothing. Methods that are compared at an equal picture budget then learn from the same pictures.
        share: this process and how many there are.
        wait: returns when every process has come here.
        timed: stage -> a context that takes the time of what this process does in it.
        elsewhere: makes candidates in other processes; None for this one. One of several processes has none.
    """

    folder: Path
    source: Source
    trainer: Trainer
    load_reference: Callable[[], Trains]
    rewarder: Callable[[Trains], Rewarder]
    caption_rewarder: Callable[[Trains], Rewarder]
    question: str
    progress: Progress | None = None
    drawn: Path | None = None
    share: tuple[int, int] = (0, 1)
    wait: Callable[[], None] = field(default=lambda: None)
    timed: Callable[[str], AbstractContextManager[None]] = field(default=lambda stage: nullcontext())
    elsewhere: Elsewhere | None = None
    _latest: tuple[int, dict[Side, Sequence[Any]]] = field(default=(-1, {}), init=False, repr=False)

    @cached_property
    def _reference(self) -> Trains:
        return self.load_reference()

    @cached_property
    def _rewarders(self) -> dict[tuple[Side, bool], Rewarder]:
        return {}

    def __call__(self, round_: int, model: Trains, moved: bool = False) -> Pool:
        """The round's candidates; ``model`` draws those that are missing.

        Args:
            round_: from 0.
            model: the policy.
            moved: its weights are no longer those of the round's beginning, so nothing can be drawn.

        Raises:
            InputError: ``moved``, and a file of the round is missing.
            TrainingStopped: the model computes NaN or infinity.
        """
        import torch

        folder = self.folder / f"{round_:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        work = self._work(round_)
        chunks = [chunk for side, inputs in work.items() for chunk in _chunks(side, len(inputs))]
        kept = {chunk for chunk in chunks if chunk_path(folder, chunk.side, chunk.number).exists()}
        if moved:
            _require_kept(folder, chunks)
        label = f"round {round_ + 1} candidates"
        if self.progress is not None:
            self.progress.start(label, len(chunks), len(kept))
        rank, world = self.share
        mine = [chunk for chunk in chunks[rank::world] if chunk not in kept]
        for chunk, made in self._made(round_, model, mine):
            atomic_write_bytes(chunk_path(folder, chunk.side, chunk.number), made)
            if self.progress is not None:
                self.progress.advance(label, 1)
        self.wait()
        reasons: Counter[str] = Counter()
        loaded = {
            side: load(folder, side, [chunk.number for chunk in chunks if chunk.side == side], reasons)
            for side in work
        }
        drawings = captions = latents = None
        if "drawing" in work:
            tensors = {name: torch.cat(parts) for name, parts in loaded["drawing"][0].items()}
            if isinstance(self.trainer, FlowTrainer):
                latents = flow_drawings(work["drawing"], tensors)
            else:
                drawings = _drawings(work["drawing"], tensors)
        if "captioning" in work:
            captions = _captions(work["captioning"], self.question, loaded["captioning"])
        return Pool(round_, drawings, captions, dict(reasons), latents)

    def _work(self, round_: int) -> dict[Side, Sequence[Any]]:
        """Side -> the round's prompts, or its pictures to caption."""
        if self._latest[0] != round_:
            settings = self.trainer.settings
            work: dict[Side, Sequence[Any]] = {}
            if "drawing" in self.trainer.sides:
                items = self.source.items(round_, settings.prompts, settings.seed)
                # Prompts of one length are drawn together: a chunk of few lengths leaves few rows empty.
                work["drawing"] = sorted(items, key=lambda item: len(item.text.split()))
            if "captioning" in self.trainer.sides:
                work["captioning"] = self.source.pictures(round_, settings.pictures, settings.seed)
            self._latest = (round_, work)
        return self._latest[1]

    def _made(self, round_: int, model: Trains, chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, bytes]]:
        """Every chunk with the content of its file."""
        if self.elsewhere is None:
            for chunk in chunks:
                yield chunk, self.make(round_, model, chunk)
        elif chunks:
            with self.timed("candidates"):
                yield from self.elsewhere(round_, model, chunks)

    def make(self, round_: int, model: Trains, chunk: Chunk) -> bytes:
        """Draws and rewards the candidates of a chunk; the content of its file.

        Raises:
            TrainingStopped: the model computes NaN or infinity.
        """
        import torch

        part = self._work(round_)[chunk.side][chunk.start : chunk.start + chunk.length]
        drawing: Callable[..., tuple[Any, Any]] = (
            self._flow if isinstance(self.trainer, FlowTrainer) else self._draw
        )
        collect = drawing if chunk.side == "drawing" else self._caption
        try:
            with torch.no_grad():
                return content(*collect(cast("Any", model), part, round_, chunk.number))
        except NotFinite as error:
            # The starting model's own weights are checked when it is loaded.
            raise TrainingStopped(f"the model draws no candidates in round {round_ + 1}: {error}") from error

    def _draw(
        self, model: TrainsLikelihoods, items: Sequence[Item], round_: int, number: int
    ) -> tuple[Any, Any]:
        """Pictures of a chunk of prompts, with rewards."""
        import torch

        n, seed = self.trainer.settings.candidates, self.trainer.settings.seed
        candidates = [(item, k) for item in items for k in range(n)]
        prompts = [item.text for item, _ in candidates]
        seeds = [sample_seed(f"training-{round_}", item.id, k, seed) for item, k in candidates]
        with self.timed("drawing"):
            tokens, sampling_logprobs = self._tokens(model, prompts, seeds, round_)
        with self.timed("decoding"):
            pictures = model.decode(tokens)
        samples = [
            RewardSample(picture, category=item.category, metadata=item.metadata)
            for (item, _), picture in zip(candidates, pictures, strict=True)
        ]
        with self.timed("rewards"):
            rewarder = self._rewarder("drawing", round_, model)
            rewards = rewarder.score(prompts, samples)
        shape = (len(items), n)
        tensors = {"tokens": tokens.cpu().view(*shape, -1), **_values(rewards, shape)}
        if self.trainer.info.uses == "map":
            side = isqrt(tokens.shape[1])
            maps = reward_maps(rewarder, rewards, (side, side))
            tensors["maps"] = torch.from_numpy(maps).view(*shape, -1)
        if self.trainer.on_policy:
            tensors[SAMPLING] = sampling_logprobs.cpu().view(*shape, -1)
        if "drawing" in self.trainer.anchored:
            with self.timed("start likelihoods"):
                reference = cast("TrainsLikelihoods", self._reference_model(round_, model))
                logprobs = _drawing_logprobs(reference, prompts, tokens)
            tensors[REFERENCE] = logprobs.view(*shape, -1)
        return tensors, {"reasons": _reasons(rewards)}

    def _flow(self, model: TrainsFlow, items: Sequence[Item], round_: int, number: int) -> tuple[Any, Any]:
        """Pictures of a chunk of prompts as latents, with rewards."""
        chunk = FlowChunk(
            cast("FlowTrainer", self.trainer),
            model,
            lambda: cast("TrainsFlow", self._reference_model(round_, model)),
            items,
            round_,
            self.drawn,
            self.timed,
        )
        tensors, rewards = chunk.make(self._rewarder("drawing", round_, model))
        return tensors, {"reasons": _reasons(rewards)}

    def _tokens(
        self, model: TrainsLikelihoods, prompts: list[str], seeds: list[int], round_: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The chunk's picture tokens and the likelihoods they were drawn with, (B, N) each.

        Drawn now, or by an earlier training run from the same start.
        """
        from safetensors.torch import load_file

        if self.drawn is None or round_ > 0:
            tokens, logprobs = model.draw(prompts, seeds)
            return tokens, logprobs
        identity = model.identity()
        decides = [identity["revision"], identity["generation"], prompts, seeds]
        path = self.drawn / f"{fingerprint(decides)[:32]}.safetensors"
        if not path.exists():
            self.drawn.mkdir(parents=True, exist_ok=True)
            drawn = model.draw(prompts, seeds)
            save(path, {"tokens": drawn.tokens.cpu(), SAMPLING: drawn.logprobs.cpu()}, {})
        kept = load_file(path)
        return kept["tokens"].to(model.compute_device), kept[SAMPLING]

    def _caption(
        self, model: TrainsLikelihoods, images: Sequence[Image], round_: int, number: int
    ) -> tuple[Any, Any]:
        """Captions of a chunk of pictures, with rewards."""
        settings = self.trainer.settings
        n = settings.candidates
        candidates = [(place, k) for place in range(len(images)) for k in range(n)]
        repeated = [images[place] for place, _ in candidates]
        seeds = [
            sample_seed(f"captioning-{round_}", f"{number}.{place}", k, settings.seed)
            for place, k in candidates
        ]
        with self.timed("captions"):
            texts = model.draw_captions(repeated, self.question, seeds, temperature=settings.temperature)
        groups = [f"{number}.{place}" for place, _ in candidates]
        samples = [
            RewardSample(image, text=text, group=group)
            for image, text, group in zip(repeated, texts, groups, strict=True)
        ]
        with self.timed("rewards"):
            rewarder = self._rewarder("captioning", round_, model)
            asked = [self.question] * len(samples) if rewarder.info.captions else texts
            rewards = rewarder.score(asked, samples)
        shape = (len(images), n)
        tensors = _values(rewards, shape)
        if self.trainer.on_policy:
            with self.timed("captions"):
                logprobs = model.caption_logprobs(repeated, self.question, texts)
            tensors[SAMPLING] = padded(logprobs, shape)
        if "captioning" in self.trainer.anchored:
            reference = cast("TrainsLikelihoods", self._reference_model(round_, model))
            with self.timed("start likelihoods"):
                logprobs = reference.caption_logprobs(repeated, self.question, texts)
            tensors[REFERENCE] = padded(logprobs, shape)
        return tensors, {"texts": texts, "reasons": _reasons(rewards)}

    def _reference_model(self, round_: int, model: Trains) -> Trains:
        """The starting model; in the first round, before any step, that is the policy itself."""
        return model if round_ == 0 else self._reference

    def _rewarder(self, side: Side, round_: int, model: Trains) -> Rewarder:
        key = (side, round_ == 0)
        if key not in self._rewarders:
            build = self.rewarder if side == "drawing" else self.caption_rewarder
            self._rewarders[key] = build(self._reference_model(round_, model))
        return self._rewarders[key]


def _require_kept(folder: Path, chunks: Sequence[Chunk]) -> None:
    for chunk in chunks:
        path = chunk_path(folder, chunk.side, chunk.number)
        if not path.exists():
            raise InputError(
                f"{path} is missing, and the weights have been trained further since it was drawn; "
                "train again into another --output-path"
            )


def _chunks(side: Side, count: int) -> Iterator[Chunk]:
    for start in range(0, count, CHUNK):
        yield Chunk(side, start // CHUNK, start, min(CHUNK, count - start))


def _drawings(items: Sequence[Item], tensors: Mapping[str, torch.Tensor]) -> Drawings:
    maps = tensors.get("maps")
    return Drawings(
        tuple(items),
        tensors["tokens"],
        tensors["values"].numpy(),
        None if maps is None else maps.numpy(),
        tensors.get(SAMPLING),
        tensors.get(REFERENCE),
    )


def _captions(
    pictures: Sequence[Image], question: str, loaded: tuple[dict[str, list[torch.Tensor]], list[str]]
) -> Captions:
    import torch

    tensors, texts = loaded
    values = torch.cat(tensors["values"]).numpy()
    n = values.shape[1]
    grouped = tuple(tuple(texts[k : k + n]) for k in range(0, len(texts), n))
    rows = {
        name: [[row[torch.isfinite(row)] for row in group] for part in tensors[name] for group in part]
        for name in (SAMPLING, REFERENCE)
        if name in tensors
    }
    return Captions(tuple(pictures), question, grouped, values, rows.get(SAMPLING), rows.get(REFERENCE))


def _values(rewards: Sequence[Reward], shape: tuple[int, int]) -> dict[str, torch.Tensor]:
    import torch

    values = [np.nan if reward.value is None else reward.value for reward in rewards]
    return {"values": torch.tensor(values, dtype=torch.float64).view(*shape)}


def _reasons(rewards: Sequence[Reward]) -> dict[str, int]:
    """Why candidates have no reward -> how many. Quotations in a reason differ by prompt and are left out."""
    reasons = (
        re.sub(r"'[^']*'|\"[^\"]*\"", "'...'", f"{reward.status}: {reward.reason}")
        for reward in rewards
        if not reward.ok
    )
    return dict(Counter(reasons))


def _drawing_logprobs(model: TrainsLikelihoods, prompts: Sequence[str], tokens: torch.Tensor) -> torch.Tensor:
    import torch

    rows = range(0, len(prompts), CHUNK)
    parts = [model.drawing_logprobs(prompts[k : k + CHUNK], tokens[k : k + CHUNK]) for k in rows]
    return torch.cat(parts).cpu()
