"""Scene descriptions: the ground truth of a rendered picture.

>>> Scene((Thing("star", "red", x=8, y=24), Thing("ring", "blue", x=40, y=24))).things[0].relation_to(
...     Thing("ring", "blue", x=40, y=24))
'left of'
"""

from __future__ import annotations

from dataclasses import dataclass

from selfreward_eval.tasks.shapes.vocabulary import CANVAS, COLOURS, FORMS, SIZES, TEXTURES


@dataclass(frozen=True)
class Thing:
    """One object of a scene.

    Attributes:
        form: a label of :data:`~selfreward_eval.tasks.shapes.vocabulary.FORMS`.
        colour: a name of :data:`~selfreward_eval.tasks.shapes.vocabulary.COLOURS`.
        x: centre, pixels from the left edge.
        y: centre, pixels from the top edge.
        texture: a name of :data:`~selfreward_eval.tasks.shapes.vocabulary.TEXTURES`.
        size: ``large`` or ``small``.
    """

    form: str
    colour: str
    x: int
    y: int
    texture: str = "solid"
    size: str = "large"

    def __post_init__(self) -> None:
        for value, known, what in (
            (self.form, FORMS, "form"),
            (self.colour, COLOURS, "colour"),
            (self.texture, TEXTURES, "texture"),
            (self.size, SIZES, "size"),
        ):
            if value not in known:
                raise ValueError(f"unknown {what} {value!r}; known: {', '.join(known)}")
        if not (0 <= self.x < CANVAS and 0 <= self.y < CANVAS):
            raise ValueError(f"centre ({self.x}, {self.y}) lies outside the {CANVAS}x{CANVAS} picture")

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Extent before occlusion: x0, y0, x1, y1 in pixels, the far edges exclusive."""
        half = SIZES[self.size] // 2
        return (self.x - half, self.y - half, self.x + half, self.y + half)

    def relation_to(self, other: Thing) -> str | None:
        """The planar relation of this object to ``other`` along the longer axis, or None if centred."""
        dx, dy = self.x - other.x, self.y - other.y
        if dx == dy == 0:
            return None
        if abs(dx) > abs(dy):
            return "left of" if dx < 0 else "right of"
        return "above" if dy < 0 else "below"

    def contains(self, other: Thing) -> bool:
        """Whether ``other``'s extent lies within this object's extent."""
        a, b = self.box, other.box
        return a[0] <= b[0] and a[1] <= b[1] and a[2] >= b[2] and a[3] >= b[3] and a != b


@dataclass(frozen=True)
class Scene:
    """Objects from back to front: a later one hides what it covers of an earlier one."""

    things: tuple[Thing, ...]

    def in_reading_order(self) -> tuple[Thing, ...]:
        """The objects from top to bottom, then left to right."""
        return tuple(sorted(self.things, key=lambda thing: (thing.y, thing.x)))
