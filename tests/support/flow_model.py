"""A very small flow-matching model that trainers can train: an MLP velocity on 16 tokens of 3 numbers.

A picture is 16 by 16 pixels; a token is a cell of 4 by 4 pixels, and its numbers are the cell's mean colour
in [-1, 1]. The prompt reaches the velocity through the mean of its words' embeddings.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

GRID, CELL, CHANNELS, WORDS, WIDTH = (4, 4), 4, 3, 64, 24


class Net(nn.Module):
    """The network: embeddings that read, and a block with two halves named as BAGEL names them."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.block = nn.ModuleDict(
            {
                "q_proj": nn.Linear(WIDTH, WIDTH),
                "q_proj_moe_gen": nn.Linear(CHANNELS + WIDTH + 1, WIDTH),
                "v_proj_moe_gen": nn.Linear(WIDTH, WIDTH),
            }
        )
        self.out_moe_gen = nn.Linear(WIDTH, CHANNELS)
        self.frozen_vae = nn.Linear(1, 1)

    def forward(self, text: torch.Tensor, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        condition = self.block["q_proj"](text)[:, None].expand(-1, x.shape[1], -1)
        time = t[:, None, None].expand(-1, x.shape[1], 1)
        hidden = torch.tanh(self.block["q_proj_moe_gen"](torch.cat([x, condition, time], -1)))
        mixed = hidden + hidden.mean(1, keepdim=True)
        return x + self.out_moe_gen(torch.tanh(self.block["v_proj_moe_gen"](mixed)))


class FlowModel:
    """Meets ``TrainsFlow``; it also writes and scores texts, and notes what it is asked."""

    world = "shapes"
    dtype = torch.float32
    device = "cpu"

    def __init__(
        self, weights: str | None = None, name: str = "tiny-mlp-flow", guidance: float = 1.0
    ) -> None:
        self.weights, self.name, self._guidance = weights, name, guidance
        self.calls: list[str] = []
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            self._net = Net()
        if weights is not None:
            from safetensors.torch import load_file

            self._net.load_state_dict(load_file(Path(weights) / "model.safetensors"))
        self._net.requires_grad_(False)

    def identity(self) -> dict[str, Any]:
        total = sum(float(value.double().sum()) for value in self._net.state_dict().values())
        return {"name": self.name, "revision": f"{total:.9f}", "guidance": self._guidance}

    @property
    def guidance(self) -> float:
        return self._guidance

    @property
    def compute_device(self) -> torch.device:
        return torch.device("cpu")

    @property
    def network(self) -> nn.Module:
        return self._net

    @property
    def transformer(self) -> nn.Module:
        return self._net.block

    def trainable(self) -> list[tuple[str, nn.Parameter]]:
        return [(name, weight) for name, weight in self._net.named_parameters() if "vae" not in name]

    def variant(
        self, *, weights: str | None = None, name: str | None = None, guidance: float | None = None
    ) -> FlowModel:
        other = FlowModel(weights or self.weights, name or self.name, guidance or self._guidance)
        if weights is None:
            other._net.load_state_dict(copy.deepcopy(self._net.state_dict()))
        return other

    def training_copy(self, *, guidance: float | None, temperature: float, rows: int) -> FlowModel:
        return self.variant(guidance=guidance)

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_file

        folder.mkdir(parents=True)
        save_file(
            {name: value.contiguous() for name, value in self._net.state_dict().items()},
            folder / "model.safetensors",
        )

    @property
    def latent_grid(self) -> tuple[int, int]:
        return GRID

    def encode(self, images: Sequence[Image.Image], seeds: Sequence[int] | None = None) -> torch.Tensor:
        self.calls.append("encode" if seeds is None else "sample")
        pixels = np.stack([np.asarray(image.convert("RGB"), dtype=np.float32) for image in images])
        cells = torch.from_numpy(pixels / 127.5 - 1).permute(0, 3, 1, 2)
        latents = F.avg_pool2d(cells, CELL).flatten(2).transpose(1, 2).contiguous()
        if seeds is None:
            return latents
        return latents + 0.01 * self.noise(seeds)

    def decode_latents(self, latents: torch.Tensor) -> list[Image.Image]:
        colours = ((latents.detach().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        cells = colours.view(-1, *GRID, CHANNELS).repeat_interleave(CELL, 1).repeat_interleave(CELL, 2)
        return [Image.fromarray(picture) for picture in cells.numpy()]

    def noise(self, seeds: Sequence[int]) -> torch.Tensor:
        shape = (GRID[0] * GRID[1], CHANNELS)
        return torch.stack(
            [torch.randn(shape, generator=torch.Generator().manual_seed(int(seed))) for seed in seeds]
        )

    def times(self, points: int | None = None) -> torch.Tensor:
        return torch.linspace(1, 0, points or 9, dtype=torch.float64)

    def velocity(
        self,
        prompts: Sequence[str | None],
        latents: torch.Tensor,
        times: torch.Tensor,
        *,
        guided: bool = False,
    ) -> torch.Tensor:
        self.calls.append("velocity")
        conditional = self._net(self._text(prompts), latents, times)
        if not guided or self._guidance == 1.0:
            return conditional
        plain = self._net(self._text([None] * len(prompts)), latents, times)
        return plain + self._guidance * (conditional - plain)

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image.Image]:
        self.calls.append("generate")
        with torch.no_grad():
            x, times = self.noise(seeds), self.times()
            for s, s_next in pairwise(times):
                at = torch.full((len(prompts),), float(s))
                x = x + self.velocity(prompts, x, at, guided=True) * float(s_next - s)
        return self.decode_latents(x)

    def _text(self, prompts: Sequence[str | None]) -> torch.Tensor:
        rows = []
        for prompt in prompts:
            numbers = [zlib.crc32(word.encode()) % WORDS for word in (prompt or "").split()]
            rows.append(self._net.words(torch.tensor(numbers)).mean(0) if numbers else torch.zeros(WIDTH))
        return torch.stack(rows)

    def caption_logprobs(
        self, images: Sequence[Image.Image], question: str, captions: Sequence[str]
    ) -> list[torch.Tensor]:
        """A softmax over words given the picture's mean colour."""
        colour = self.encode(images).mean(1)
        logits = (F.pad(colour, (0, WIDTH - CHANNELS)) @ self._net.words.weight.T).log_softmax(-1)
        return [
            logits[row][torch.tensor([zlib.crc32(word.encode()) % WORDS for word in caption.split()])]
            for row, caption in enumerate(captions)
        ]

    def text_logprobs(
        self,
        images: Sequence[Image.Image],
        texts: Sequence[str],
        *,
        question: str | None = None,
        gradients: bool = False,
    ) -> list[torch.Tensor]:
        return self.caption_logprobs(images, question or "", texts)

    def draw_captions(
        self, images: Sequence[Image.Image], question: str, seeds: Sequence[int], *, temperature: float = 1.0
    ) -> list[str]:
        words = ("red", "green", "blue", "star", "ring")
        return [f"{words[seed % 5]} {words[seed // 5 % 5]}" for seed in seeds]
