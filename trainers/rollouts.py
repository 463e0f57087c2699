"""A round's candidates: drawn, scored and kept on disk, a chunk at a time.

A chunk is one safetensors file, written beside its place and renamed into it; what is there is not made
again, so that a round that was killed goes on where it stopped. With several processes each makes its
own share of the chunks and reads all of them. The weights that draw are those at the round's beginning,
the rewarder looks through the starting model (frozen), and a candidate's seed depends on the training
seed, the round, the prompt and the candidate's number alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item, fingerprint
from selfreward_eval.harness.seeds import sample_seed
from selfreward_eval.rewarders.base import Rewarder, RewardSample
from selfreward_eval.trainers.base import Side, Trainer
from selfreward_eval.trainers.chunks import chunk_path, load, padded, save
from selfreward_eval.trainers.pool import Captions, Drawings, Pool
from selfreward_eval.trainers.sources import Source

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

CHUNK = 32
"""Prompts a file."""


@dataclass
class RolloutCollector:
    """Makes and reads the candidates of a training run.

    Attributes:
        folder: where rounds are kept.
        source: prompts and pictures.
        trainer: which sides it trains and what it needs of a candidate.
        beginning: builds the starting model anew; called once, and only if the model has moved.
        rewarder: adapter -> the rewarder of pictures, looking through that adapter where it is a self one.
        captions: the same for captions.
        question: what a model is asked for a caption.
        progress: told of every chunk.
        drawn: folder that keeps what the starting model draws, for other training runs from it; None keeps
            nothing. Methods that are compared at an equal picture budget then learn from the same pictures.
        share: this process and how many there are.
        wait: returns when every process has come here.
    """

    folder: Path
    source: Source
    trainer: Trainer
    beginning: Callable[[], Any]
    rewarder: Callable[[Any], Rewarder]
    captions: Callable[[Any], Rewarder]
    question: str
    progress: Any = None
    drawn: Path | None = None
    share: tuple[int, int] = (0, 1)
    wait: Callable[[], None] = field(default=lambda: None)

    @cached_property
    def _start(self) -> Any:
        return self.beginning()

    @cached_property
    def _rewarders(self) -> dict[tuple[Side, bool], Rewarder]:
        return {}

    def __call__(self, round_: int, model: Any, moved: bool = False) -> Pool:
        """The round's pool; ``model`` draws what is missing.

        Args:
            round_: from 0.
            model: the model that is trained.
            moved: its weights are no longer those of the round's beginning: nothing can be drawn.

        Raises:
            InputError: ``moved``, and a file of the round is missing.
        """
        import torch

        settings = self.trainer.settings
        sides = self.trainer.sides
        home = self.folder / f"{round_:03d}"
        home.mkdir(parents=True, exist_ok=True)
        work: dict[Side, Sequence[Any]] = {}
        if "drawing" in sides:
            items = self.source.items(round_, settings.prompts, settings.seed)
            # Prompts of one length are drawn together: a chunk of few lengths leaves few rows empty.
            work["drawing"] = sorted(items, key=lambda item: len(item.text.split()))
        if "captioning" in sides:
            work["captioning"] = self.source.pictures(round_, settings.pictures, settings.seed)
        todo = [(side, number, part) for side, all_ in work.items() for number, part in _chunks(all_)]
        if moved:
            _require_kept(home, todo)
        label = f"round {round_ + 1} candidates"
        if self.progress is not None:
            done = sum(chunk_path(home, side, number).exists() for side, number, _ in todo)
            self.progress.start(label, len(todo), done)
        rank, world = self.share
        with torch.no_grad():
            for turn, (side, number, part) in enumerate(todo):
                path = chunk_path(home, side, number)
                if turn % world != rank or path.exists():
                    continue
                make = self._draw if side == "drawing" else self._write
                save(path, *make(model, part, round_, number))
                if self.progress is not None:
                    self.progress.advance(label, 1)
        self.wait()
        reasons: Counter[str] = Counter()
        drawings = captions = None
        if "drawing" in work:
            drawings = _drawings(work["drawing"], load(home, "drawing", todo, reasons))
        if "captioning" in work:
            captions = _captions(work["captioning"], self.question, load(home, "captioning", todo, reasons))
        return Pool(round_, drawings, captions, dict(reasons))

    def _draw(self, model: Any, items: Sequence[Item], round_: int, number: int) -> tuple[Any, Any]:
        """Pictures of a chunk of prompts, with rewards."""
        import torch

        n, seed = self.trainer.settings.candidates, self.trainer.settings.seed
        places = [(item, k) for item in items for k in range(n)]
        prompts = [item.text for item, _ in places]
        seeds = [sample_seed(f"training-{round_}", item.id, k, seed) for item, k in places]
        tokens, drawn = self._tokens(model, prompts, seeds, round_)
        samples = [
            RewardSample(picture, category=item.category, metadata=item.metadata)
            for (item, _), picture in zip(places, model.decode(tokens), strict=True)
        ]
        rewards = self._judge("drawing", round_, model).score(prompts, samples)
        shape = (len(items), n)
        tensors = {"tokens": tokens.cpu().view(*shape, -1), **_values(rewards, shape)}
        if self.trainer.info.uses == "map":
            cells = [_cells(self._judge("drawing", round_, model), one, tokens.shape[1]) for one in rewards]
            tensors["maps"] = torch.from_numpy(np.stack(cells)).view(*shape, -1)
        if self.trainer.on_policy:
            tensors["drawn"] = drawn.cpu().view(*shape, -1)
        if "drawing" in self.trainer.anchored:
            start = _likelihoods(self._at_start(round_, model), prompts, tokens)
            tensors["start"] = start.view(*shape, -1)
        return tensors, {"reasons": _reasons(rewards)}

    def _tokens(
        self, model: Any, prompts: list[str], seeds: list[int], round_: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The chunk's picture tokens and the likelihoods they were drawn with, (B, N) each.

        Drawn now, or by an earlier training run from the same start.
        """
        from safetensors.torch import load_file

        if self.drawn is None or round_ > 0:
            tokens, logprobs = model.draw(prompts, seeds)
            return tokens, logprobs
        identity = model.identity()
        what = [identity["revision"], identity["generation"], prompts, seeds]
        path = self.drawn / f"{fingerprint(what)[:32]}.safetensors"
        if not path.exists():
            self.drawn.mkdir(parents=True, exist_ok=True)
            made = model.draw(prompts, seeds)
            save(path, {"tokens": made.tokens.cpu(), "drawn": made.logprobs.cpu()}, {})
        kept = load_file(path)
        return kept["tokens"].to(model.loaded.device), kept["drawn"]

    def _write(self, model: Any, images: Sequence[Image], round_: int, number: int) -> tuple[Any, Any]:
        """Captions of a chunk of pictures, with rewards."""
        settings = self.trainer.settings
        n = settings.candidates
        places = [(place, k) for place in range(len(images)) for k in range(n)]
        shown = [images[place] for place, _ in places]
        seeds = [
            sample_seed(f"captioning-{round_}", f"{number}.{place}", k, settings.seed) for place, k in places
        ]
        texts = model.draw_captions(shown, self.question, seeds, temperature=settings.temperature)
        groups = [f"{number}.{place}" for place, _ in places]
        samples = [
            RewardSample(image, text=text, group=group)
            for image, text, group in zip(shown, texts, groups, strict=True)
        ]
        rewards = self._judge("captioning", round_, model).score([self.question] * len(samples), samples)
        shape = (len(images), n)
        tensors = _values(rewards, shape)
        for name, wanted, who in (
            ("drawn", self.trainer.on_policy, lambda: model),
            ("start", "captioning" in self.trainer.anchored, lambda: self._at_start(round_, model)),
        ):
            if wanted:
                tensors[name] = padded(who().caption_logprobs(shown, self.question, texts), shape)
        return tensors, {"texts": texts, "reasons": _reasons(rewards)}

    def _at_start(self, round_: int, model: Any) -> Any:
        """The starting model: before the first step the model itself."""
        return model if round_ == 0 else self._start

    def _judge(self, side: Side, round_: int, model: Any) -> Rewarder:
        key = (side, round_ == 0)
        if key not in self._rewarders:
            build = self.rewarder if side == "drawing" else self.captions
            self._rewarders[key] = build(self._at_start(round_, model))
        return self._rewarders[key]


def _require_kept(home: Path, todo: Sequence[tuple[Side, int, Any]]) -> None:
    for side, number, _ in todo:
        path = chunk_path(home, side, number)
        if not path.exists():
            raise InputError(
                f"{path} is missing, and the weights that drew it have moved since; "
                "train again into another --output-path"
            )


def _chunks(work: Sequence[Any]) -> Iterator[tuple[int, Sequence[Any]]]:
    for start in range(0, len(work), CHUNK):
        yield start // CHUNK, work[start : start + CHUNK]


def _drawings(items: Sequence[Item], loaded: tuple[dict[str, list[torch.Tensor]], list[str]]) -> Drawings:
    import torch

    whole = {name: torch.cat(parts) for name, parts in loaded[0].items()}
    maps = whole.get("maps")
    return Drawings(
        tuple(items),
        whole["tokens"],
        whole["values"].numpy(),
        None if maps is None else maps.numpy(),
        whole.get("drawn"),
        whole.get("start"),
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
        for name in ("drawn", "start")
        if name in tensors
    }
    return Captions(tuple(pictures), question, grouped, values, rows.get("drawn"), rows.get("start"))


def _values(rewards: Sequence[Any], shape: tuple[int, int]) -> dict[str, torch.Tensor]:
    import torch

    values = [np.nan if one.value is None else one.value for one in rewards]
    return {"values": torch.tensor(values, dtype=torch.float64).view(*shape)}


def _reasons(rewards: Sequence[Any]) -> dict[str, int]:
    """Why candidates have no reward -> how many. What a reason quotes differs by prompt and is left out."""
    told = (
        re.sub(r"'[^']*'|\"[^\"]*\"", "'...'", f"{one.status}: {one.reason}") for one in rewards if not one.ok
    )
    return dict(Counter(told))


def _cells(rewarder: Rewarder, reward: Any, count: int) -> NDArray[np.float32]:
    """A reward on the token grid, (N,); NaN where there is none.

    A rewarder without maps gives a flat one, as SRUM does for a picture without regions: half the
    layout factor, with its value on its declared range as the layout score.
    """
    from selfreward_eval.rewarders.srum.maps import code_map, to_grid

    side = round(count**0.5)
    if not reward.ok:
        return np.full(count, np.nan, dtype=np.float32)
    if reward.map is not None:
        return to_grid(reward.map, (side, side)).reshape(-1)
    low, high = rewarder.info.range
    assert low is not None
    assert high is not None
    return code_map((side, side), [], 2 * (reward.value - low) / (high - low) - 1).reshape(-1)


def _likelihoods(model: Any, prompts: Sequence[str], tokens: torch.Tensor) -> torch.Tensor:
    import torch

    rows = range(0, len(prompts), CHUNK)
    parts = [model.drawing_logprobs(prompts[k : k + CHUNK], tokens[k : k + CHUNK]) for k in rows]
    return torch.cat(parts).cpu()
