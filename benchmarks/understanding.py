"""Answers about 64 pictures by ``tiny``: ours as a user runs it, beside transformers' ``generate``.

Same weights, same questions, same answers, one thread. Ours gives float64's answers; transformers' is
float32, questions of one length together, since its own padding would change what is computed. CPU time,
medians of five rounds taken in turn after one that is not counted.
"""

from __future__ import annotations

import time
from collections import defaultdict
from statistics import median

import numpy as np
import torch
from PIL import Image

from selfreward_eval.harness.models.tiny import TinyModel
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.sampling import plain

PICTURES, ROUNDS = 64, 5
MIXED = ("what is in the picture?", "how many circles are there?", "is there a red star?")
ASKED = {
    "a description": MIXED[:1],
    "yes or no": MIXED[2:],
    "three kinds in turn": MIXED,
}


def by_transformers(model: TinyModel, images: list[Image.Image], questions: list[str]) -> list[str]:
    """transformers' own greedy answers."""
    network, processor = model.loaded.model, model.loaded.processor
    ids, pixels = model._question_ids(questions), model._vision_input(images)
    members: dict[int, list[int]] = defaultdict(list)
    for k, row in enumerate(ids):
        members[len(row)].append(k)
    said = [""] * len(images)
    for length, group in members.items():
        rows = torch.tensor([ids[k] for k in group])
        with torch.inference_mode():
            made = network.generate(
                rows,
                attention_mask=torch.ones_like(rows),
                pixel_values=pixels[group],
                do_sample=False,
                max_new_tokens=model.max_new_tokens,
                pad_token_id=processor.tokenizer.pad_token_id,
                eos_token_id=processor.tokenizer.eos_token_id,
            )
        for k, text in zip(group, processor.tokenizer.batch_decode(made[:, length:], True), strict=True):
            said[k] = text.strip()
    return said


def main() -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    images = [Image.fromarray(render(plain(rng))) for _ in range(PICTURES)]
    ours, theirs = TinyModel("final", device="cpu"), TinyModel("final", device="cpu", dtype="float32")
    print(f"{PICTURES} pictures, the tiny model, on one thread; seconds of CPU time")
    print(f"{'asked for':22} {'selfreward-eval':>16} {'transformers':>13} {'as fast':>9}  same answers")
    for what, kinds in ASKED.items():
        questions = [kinds[k % len(kinds)] for k in range(PICTURES)]
        taken: dict[bool, list[float]] = {True: [], False: []}
        said: dict[bool, list[str]] = {}
        for turn in range(ROUNDS + 1):
            for mine in taken:
                began = time.process_time()
                answered = (
                    ours.answer(images, questions) if mine else by_transformers(theirs, images, questions)
                )
                if turn:
                    taken[mine].append(time.process_time() - began)
                said[mine] = answered
        mine_, peer = median(taken[True]), median(taken[False])
        same = sum(a == b for a, b in zip(said[True], said[False], strict=True))
        print(f"{what:22} {mine_:16.3f} {peer:13.3f} {peer / mine_:8.2f}x  {same} of {PICTURES}")


if __name__ == "__main__":
    main()
