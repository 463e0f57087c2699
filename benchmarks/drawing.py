"""Drawing 64 pictures with ``tiny``: ours as a user runs it, beside transformers' ``generate`` and decoder.

Same weights, same prompts, guidance 2, decoding included, one thread. Ours is float64, in which a picture
is the same in any batch; transformers' is float32, prompts of one length together, since its own padding
would change what is drawn. CPU time, medians of five rounds taken in turn after one that is not counted.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from selfreward_eval.harness.models.tiny import TinyModel
from selfreward_eval.tasks.shapes.requests import TAGS, all_requests

PICTURES, ROUNDS = 64, 5


def prompts() -> list[str]:
    """Prompts of every kind in turn."""
    kinds = [all_requests(tag) for tag in TAGS]
    chosen = [(kinds[k % len(kinds)], 7 * (k // len(kinds))) for k in range(PICTURES)]
    return [f"a picture of {kind[place % len(kind)].content}" for kind, place in chosen]


def plain(model: TinyModel, texts: list[str]) -> Callable[[], Any]:
    """transformers' own sampling and decoder."""
    network = model.loaded.model
    by_length: dict[int, list[list[int]]] = defaultdict(list)
    for row in model.prompt_ids(texts):
        by_length[len(row)].append(row)

    def draw() -> None:
        for rows in by_length.values():
            ids = torch.tensor(rows)
            with torch.inference_mode():
                tokens = network.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    generation_mode="image",
                    do_sample=True,
                    guidance_scale=model.guidance,
                )
                pixels = list(network.decode_image_tokens(tokens).float())
                model.loaded.processor.postprocess(pixels, return_tensors="pt")

    return draw


def main() -> None:
    torch.set_num_threads(1)
    texts, seeds = prompts(), list(range(PICTURES))
    ours = TinyModel("final", device="cpu")
    theirs = TinyModel("final", device="cpu", dtype="float32")
    ways: dict[str, Callable[[], Any]] = {
        "selfreward-eval, float64": lambda: ours.generate(texts, seeds),
        "transformers, float32": plain(theirs, texts),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(ROUNDS + 1):
        for name, draw in ways.items():
            began = time.process_time()
            draw()
            if turn:
                taken[name].append(time.process_time() - began)
    peer = median(taken["transformers, float32"])
    print(f"{PICTURES} pictures of the tiny model, guidance {ours.guidance:g}, on one thread")
    for name, seconds in taken.items():
        middle = median(seconds)
        print(f"{name:28} {middle:6.2f} s CPU {peer / middle:6.2f}x")


if __name__ == "__main__":
    main()
