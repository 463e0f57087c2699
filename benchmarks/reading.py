"""How well an installed OCR reads text that we render: exact texts and likeness, by size and contrast.

Words of one to four, drawn by PIL's own font on a plain ground, with and without noise. What is read is
compared as the `ocr` rewarder and the task `t2i_reasonbench_text` compare it. One thread; the seconds
depend on the machine and on what else it does.
"""

from __future__ import annotations

import random
import time
from math import fsum

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from selfreward_eval.harness.errors import MissingExtra
from selfreward_eval.harness.instruments.rapidocr_reader import RapidOcrReader
from selfreward_eval.tasks.written_text import is_written, nearest

WORDS = (
    "open",
    "closed",
    "winter",
    "summer",
    "garden",
    "river",
    "market",
    "24 hours",
    "1987",
    "tea",
    "Flight",
)
PICTURES = 12
"""Of each kind."""

SIDE = 384
INK = {"strong": ((20, 20, 20), (245, 245, 245)), "weak": ((120, 120, 120), (190, 190, 190))}
SIZES = (12, 24, 48)


def picture(text: str, size: int, contrast: str, noise: float, seed: int) -> Image.Image:
    """One text somewhere in a picture."""
    rng = random.Random(seed)
    ink, ground = INK[contrast]
    image = Image.new("RGB", (SIDE, SIDE), ground)
    font = ImageFont.load_default(size)
    width, height = ImageDraw.Draw(image).textbbox((0, 0), text, font=font)[2:]
    place = (rng.randint(4, max(4, SIDE - int(width) - 4)), rng.randint(4, SIDE - int(height) - 4))
    ImageDraw.Draw(image).text(place, text, fill=ink, font=font)
    grain = np.random.default_rng(seed).normal(0, noise, (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(np.array(image) + grain, 0, 255).astype(np.uint8))


def main() -> None:
    """Prints one line per kind."""
    reader = RapidOcrReader()
    try:
        reader.identity()
    except MissingExtra as error:
        print(f"left out: {error}")
        return
    print("| letters of | contrast | noise | texts | read exactly | likeness | s a picture |")
    print("|---:|---|---:|---:|---:|---:|---:|")
    rng = random.Random(0)
    for size in SIZES:
        for contrast in INK:
            for noise in (0, 20):
                texts = [
                    " ".join(rng.sample(WORDS, rng.randint(1, 2 if size > 24 else 4)))
                    for _ in range(PICTURES)
                ]
                images = [picture(text, size, contrast, noise, k) for k, text in enumerate(texts)]
                start = time.perf_counter()
                read = [" ".join(line.text for line in lines) for lines in reader.read_text(images)]
                seconds = (time.perf_counter() - start) / PICTURES
                exact = sum(is_written(said, text) for said, text in zip(read, texts, strict=True))
                near = fsum(nearest(said, text) for said, text in zip(read, texts, strict=True)) / PICTURES
                row = f"{size} px | {contrast} | {noise} | {PICTURES} | {exact} | {near:.3f} | {seconds:.2f}"
                print(f"| {row} |")


if __name__ == "__main__":
    main()
