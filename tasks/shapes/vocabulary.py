"""The vocabulary of the shapes world: forms, colours, textures and sizes.

One table per property, used by the renderer, the oracle, the language and the
tiny model's tokenizer, so that a word cannot exist in one place only.
"""

from __future__ import annotations

CANVAS = 48
"""Side of a picture in pixels; the world is square."""

CELL = 16
"""Distance between neighbouring lattice places in pixels. Places lie at 8, 24, 40."""

GROUND = (240, 240, 240)
"""The plain ground, 8-bit RGB. Neutral, so that antialiased edges keep their hue."""

SHAPES = ("circle", "square", "triangle", "star", "cross", "diamond", "heart", "ring")
LETTERS = ("A", "E", "H", "L", "T", "U")
"""Letters are drawn as shapes; enough of them to spell short words (HAT, HEAT, TALE)."""

FORMS = SHAPES + tuple(f"letter {letter}" for letter in LETTERS)
"""Every class label the oracle can return."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "orange": (245, 135, 20),
    "yellow": (240, 210, 20),
    "green": (40, 160, 70),
    "blue": (40, 90, 215),
    "purple": (145, 60, 185),
}

TEXTURES = ("solid", "striped", "dotted", "checkered")
DARK = 0.4
"""The second tone of a texture is the colour times this factor: same hue, darker."""

SIZES: dict[str, int] = {"large": 14, "small": 8}
"""Diameter in pixels. Textures are drawn on large objects only: 8 pixels cannot hold one."""

RELATIONS = ("left of", "right of", "above", "below")
"""Planar relations, in GenEval's words."""

MAX_COUNT = 5
NUMBERS = ("zero", "one", "two", "three", "four", "five")
"""The numbers that prompts, and questions in training, use."""

COUNTS = (*NUMBERS, "six", "seven", "eight", "nine")
"""The numbers up to a full lattice, which only ``shapes_llava_bench_hard`` asks for."""


def plural(form: str) -> str:
    """``"cross" -> "crosses"``; the plural every count prompt uses."""
    if form.startswith("letter "):
        return f"letters {form.removeprefix('letter ')}"
    return form + ("es" if form.endswith("s") else "s")
