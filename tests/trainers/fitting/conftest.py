"""A very small random model, candidates made by hand, and trainers that take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from selfreward_eval.harness.models.janus.adapter import JanusModel
from selfreward_eval.harness.records import Item
from selfreward_eval.trainers.base import Side, Trainer, TrainerInfo
from selfreward_eval.trainers.pool import Captions, Drawings, Pool
from selfreward_eval.trainers.settings import Settings

PROMPTS = ("a red circle", "a blue square", "two green stars", "a red star above a blue circle")
N = 3
"""Candidates per prompt."""

CODES, CELLS = 2048, 36


class Plain(Trainer):
    """Learns the best candidate of both sides; nothing but a loss to move weights with."""

    info = TrainerInfo("plain", "1", "best candidates of both sides", sides=("drawing", "captioning"))
    defaults = Settings(
        steps=4,
        batch_size=2,
        warmup=2,
        save_every=3,
        learning_rate=1e-3,
        weight_decay=0.01,
        precision="no",
    )

    def __init__(self, **settings: Any) -> None:
        super().__init__({}, settings)

    def examples(self, pool: Pool) -> Mapping[Side, int]:
        assert pool.drawings is not None
        assert pool.captions is not None
        return {"drawing": len(pool.drawings.groups), "captioning": len(pool.captions.groups)}

    def loss(
        self, model: Any, pool: Pool, picks: Mapping[Side, Sequence[int]]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        drawings, captions = pool.drawings, pool.captions
        assert drawings is not None
        assert captions is not None
        drawn = drawings.groups[list(picks["drawing"])]
        best = [drawings.best(group) for group in drawn]
        prompts = [drawings.items[group].text for group in drawn]
        picture = -model.drawing_logprobs(prompts, drawings.tokens[drawn, best]).mean(-1).mean()
        told = captions.groups[list(picks["captioning"])]
        spoken = model.caption_logprobs(
            [captions.pictures[group] for group in told],
            captions.question,
            [captions.texts[group][captions.best(group)] for group in told],
        )
        caption = -torch.stack([row.mean() for row in spoken]).mean()
        return picture + caption, {"picture": float(picture.detach()), "caption": float(caption.detach())}


def make_pool(round_: int = 0) -> Pool:
    """Random candidates with random rewards, the same for the same round."""
    rng = np.random.default_rng(round_)
    p = len(PROMPTS)
    pixels = rng.integers(0, 256, (p, 48, 48, 3), dtype=np.uint8)
    return Pool(
        round_,
        Drawings(
            tuple(Item(id=str(k), text=text, category="one") for k, text in enumerate(PROMPTS)),
            torch.from_numpy(rng.integers(0, CODES, (p, N, CELLS))),
            rng.random((p, N)),
            rng.random((p, N, CELLS), dtype=np.float32),
        ),
        Captions(
            tuple(Image.fromarray(one) for one in pixels),
            "what is in the picture ?",
            tuple(tuple(rng.permutation(PROMPTS)[:N]) for _ in range(p)),
            rng.random((p, N)),
        ),
    )


def collect(round_: int, model: Any, moved: bool = False) -> Pool:
    """What ``fit`` is given: the round's candidates, as if read from the disk."""
    return make_pool(round_)


class Killed(Exception):
    """Stands for a signal."""


class KillAt:
    """A progress display that raises as soon as so many steps were reported."""

    def __init__(self, step: int) -> None:
        self.left = step

    def start(self, name: str, total: int, done: int) -> None:
        self.left -= done

    def advance(self, name: str, count: int) -> None:
        self.left -= count
        if self.left == 0:
            raise Killed


@pytest.fixture(scope="session")
def plain() -> type[Plain]:
    """The trainer class."""
    return Plain


@pytest.fixture(scope="session")
def kill_at() -> type[KillAt]:
    """``kill_at(step)``: a progress display that raises there."""
    return KillAt


@pytest.fixture(scope="session")
def killed() -> type[Killed]:
    """What it raises."""
    return Killed


@pytest.fixture(scope="session")
def candidates() -> Callable[[int, Any], Pool]:
    """What ``fit`` collects rounds with."""
    return collect


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Sums come out the same in every order of threads when there is one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def save_small(folder: Path) -> None:
    """A checkpoint of the tiny model's kind, with two narrow layers and random weights."""
    from selfreward_eval.trainers.pretrain import architecture, saving, tokenizer

    configuration = architecture.config(tokenizer.SIZE, tokenizer.special_ids())
    text: Any = configuration.text_config
    text.num_hidden_layers = 2
    text.intermediate_size = 64
    saving.save(architecture.new_model(configuration, seed=3), folder)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a small random model."""
    folder = tmp_path_factory.mktemp("small")
    save_small(folder)
    return folder


@pytest.fixture(scope="session")
def _loaded(weights: Path) -> JanusModel:
    model = JanusModel(str(weights), device="cpu", dtype="float32")
    assert model.loaded.dtype == torch.float32
    return model


@pytest.fixture
def model(_loaded: JanusModel) -> Iterator[JanusModel]:
    """The adapter; training gives it back as it was, and every test that uses it checks so."""
    before = {name: value.clone() for name, value in _loaded.loaded.model.state_dict().items()}
    yield _loaded
    after = _loaded.loaded.model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert not any(one.requires_grad for one in _loaded.loaded.model.parameters())


@pytest.fixture(scope="session")
def read_weights() -> Callable[[Path], dict[str, torch.Tensor]]:
    """Tensors of a folder in the hub's layout."""
    from safetensors.torch import load_file

    return lambda folder: load_file(folder / "model.safetensors")
