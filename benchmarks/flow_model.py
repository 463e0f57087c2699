"""Drawing and understanding of a flow model: ours in batches, beside the plain loop over one at a time.

Both sides have the same network of BAGEL's architecture, at the sizes of the embedded flow model, with random
weights in the type that the adapter chooses here. The loop draws one picture at a time and reads the three
contexts of guidance anew at every step; it answers one question at a time and reads its picture anew, with a
cache of keys and values while it writes. Pictures and answers of both sides are compared, so that the faster
one does nothing else. CPU time on one thread counts; wall time depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image

from selfreward_eval.harness.models.bagel.adapter import BagelModel
from selfreward_eval.harness.models.bagel.autoencoder import FluxAutoencoder
from selfreward_eval.harness.models.bagel.config import (
    AutoencoderConfig,
    BagelConfig,
    Resizing,
    TextConfig,
    VisionConfig,
)
from selfreward_eval.harness.models.bagel.contexts import empty, read_patches, read_text
from selfreward_eval.harness.models.bagel.drawing import noise
from selfreward_eval.harness.models.bagel.guidance import guided, times
from selfreward_eval.harness.models.bagel.network import Bagel, initialise
from selfreward_eval.harness.models.bagel.saving import save_checkpoint
from selfreward_eval.harness.models.bagel.sequences import velocities
from selfreward_eval.harness.models.bagel.words import MARKERS
from selfreward_eval.harness.models.bagel.writing import write

COUNT, TIMESTEPS, ANSWER = 32, 50, 8
SHAPES = ("circle", "square", "star", "ring", "heart", "cross", "moon", "triangle")
COLOURS = ("red", "green", "blue", "yellow")
PLACES = ("", " on the left", " above a black square", " left of a big purple ring")


def prompts() -> list[str]:
    """32 different ones, of three to eight words."""
    pairs = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    return [f"a {colour} {shape}{PLACES[k % len(PLACES)]}" for k, (colour, shape) in enumerate(pairs)]


def questions() -> list[str]:
    """One for each prompt."""
    return [f"is there {prompt} ?" for prompt in prompts()]


def pictures(count: int) -> list[Image.Image]:
    """So many pictures, each asked about equally often."""
    rng = np.random.default_rng(0)
    made = [Image.fromarray(rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)) for _ in range(count)]
    return [picture for picture in made for _ in range(COUNT // count)]


def save(folder: Path) -> None:
    """A random model: hidden size 192, 6 layers, pictures of 48 x 48 pixels in 6 x 6 tokens."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = sorted({word for text in [*prompts(), *questions()] for word in text.split()})
    listed = ["<unk>", *MARKERS, *words]
    config = BagelConfig(
        TextConfig(len(listed), 192, 576, 6, 6, 6, max_position_embeddings=512),
        VisionConfig(128, 384, 4, 4, 8),
        AutoencoderConfig(32, (1, 2, 2), 1, 8, norm_groups=16),
        max_latent_size=8,
        vit_max_num_patch_per_side=8,
        image_size=(48, 48),
        vae_resizing=Resizing(48, 48, 8),
        vit_resizing=Resizing(48, 48, 8),
    )
    network = Bagel(config)
    initialise(network, 0, spread=0.05)
    with torch.no_grad():
        network.llm2vae.weight.normal_(0, 0.1)
    save_checkpoint(folder, network, FluxAutoencoder(config.autoencoder), config)
    tokenizer: Any = Tokenizer(
        models.WordLevel({word: k for k, word in enumerate(listed)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", additional_special_tokens=list(MARKERS)
    ).save_pretrained(folder)


def drawn_one_by_one(model: BagelModel) -> list[Image.Image]:
    """The plain loop: batch 1, three contexts read anew at every step."""
    loaded, grid, guidance = model.loaded, model.latent_grid, model.drawing.guidance
    network, markers = loaded.network, loaded.markers
    stops = times(TIMESTEPS, model.drawing.timestep_shift)
    out = []
    for seed, ids in enumerate(model.text_ids(prompts(), "the prompt")):
        latents = noise([seed], grid, loaded.config.token_width).to(network.dtype)
        with torch.inference_mode():
            for now, then in pairwise(stops):
                at = now[None]
                whole, without_text, without_image = (
                    velocities(network, markers, [text], latents, at, grid) for text in (ids, None, ids)
                )
                velocity = whole
                if bool(guidance.on(now)):
                    velocity = guided(guidance, whole, lambda v=without_text: v, lambda v=without_image: v)
                latents = latents - velocity * (now - then)
        out += model.decode_latents(latents)
    return out


def answered_one_by_one(model: BagelModel, images: Sequence[Image.Image]) -> list[str]:
    """The plain loop: batch 1, every picture read anew for every question about it."""
    network, markers = model.loaded.network, model.loaded.markers
    out = []
    for image, ids in zip(images, model.text_ids(questions(), "the question"), strict=True):
        seen = model.look(image)
        with torch.inference_mode():
            context, _ = read_patches(
                network, empty(network, 1), markers, network.patch_tokens(seen.patches[None], seen.grid)
            )
            context, _ = read_text(network, context, [model.marked(ids)])
            out.append(model.to_text(write(network, context, markers, model.max_new_tokens)[0][0]))
    return out


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds, and what it gave."""
    began = time.process_time()
    made = work()
    return time.process_time() - began, made


def race(what: str, ours: Callable[[], Any], loop: Callable[[], Any]) -> None:
    """Times both once and prints them; their results must be the same."""
    fast, ours_made = timed(ours)
    slow, loop_made = timed(loop)
    if ours_made != loop_made:
        raise SystemExit(f"{what}: both ways do not give the same")
    print(f"{what:44} {fast:7.2f} s {slow:12.2f} s {slow / fast:8.1f}x")


def as_bytes(images: Sequence[Image.Image]) -> list[bytes]:
    """Pixels, to be compared."""
    return [image.tobytes() for image in images]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", help="a checkpoint folder; random weights without it")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        if chosen.weights is None:
            save(Path(folder))
        model = BagelModel(
            chosen.weights or folder, device="cpu", num_timesteps=TIMESTEPS, max_new_tokens=ANSWER
        )
        model.generate(prompts()[:1], [0])  # loads
        print(f"CPU time on one thread, {str(model.loaded.dtype).removeprefix('torch.')}")
        print(f"{'':44} {'in batches':>9} {'one by one':>14} {'as fast':>9}")
        race(
            f"{COUNT} pictures, {TIMESTEPS - 1} steps",
            lambda: as_bytes(model.generate(prompts(), range(COUNT))),
            lambda: as_bytes(drawn_one_by_one(model)),
        )
        for count in (COUNT, COUNT // 4):
            images = pictures(count)
            race(
                f"{COUNT} questions about {count} pictures",
                lambda images=images: [str(text) for text in model.answer(images, questions())],
                lambda images=images: answered_one_by_one(model, images),
            )


if __name__ == "__main__":
    main()
