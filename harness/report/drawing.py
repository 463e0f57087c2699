"""A small picture made of lines, dots and words, written as SVG and as PNG from the same shapes.

>>> picture = Drawing(40.0, 20.0, "a line", (Line(((5.0, 10.0), (35.0, 10.0))),))
>>> to_svg(picture).startswith('<svg xmlns="http://www.w3.org/2000/svg"')
True

Plots of the report that leave the page go through here: one geometry, two writers, no
plotting library. Coordinates are in user units, y downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from xml.sax.saxutils import escape, quoteattr

from selfreward_eval.harness.files import atomic_write_bytes, write_page

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

__all__ = ["Disc", "Drawing", "Line", "Shape", "Word", "to_png", "to_svg", "write_drawing"]

Point = tuple[float, float]

COLOURS = {
    "paper": "#ffffff",
    "ink": "#1b1f24",
    "soft": "#5a6270",
    "grid": "#e4e5e8",
    "accent": "#1f5fbf",
    "up": "#17734a",
    "down": "#b3261e",
    "open": "#68707d",
    "second": "#b06000",
    "third": "#6b3fa0",
}
"""Roles -> colours, those of the pages in light; a file is often printed."""

SCALE = 3
"""Pixels of a PNG per user unit."""

SMOOTH = 2
"""A PNG is drawn this many times larger and reduced, so that its edges are smooth."""

PLAIN_LETTERS = str.maketrans({"\N{MINUS SIGN}": "-", "–": "-", "×": "x", "’": "'", "“": '"', "”": '"'})
"""What Pillow's own font lacks, and what stands in for it in a PNG."""


@dataclass(frozen=True)
class Line:
    """A line through two points or more; ``dash`` for a broken one."""

    points: tuple[Point, ...]
    colour: str = "ink"
    width: float = 1.0
    dash: bool = False


@dataclass(frozen=True)
class Disc:
    """A filled circle with an edge of ``edge`` colour."""

    x: float
    y: float
    r: float
    colour: str = "ink"
    edge: str = "paper"


@dataclass(frozen=True)
class Word:
    """Text on the base line ``y``; ``anchor`` is start, middle or end."""

    x: float
    y: float
    text: str
    size: float = 12.0
    anchor: str = "start"
    colour: str = "ink"
    bold: bool = False


Shape: TypeAlias = Line | Disc | Word


@dataclass(frozen=True)
class Drawing:
    """A picture.

    Attributes:
        width: in user units.
        height: likewise.
        title: what it shows, read aloud by a screen reader.
        shapes: the first ones lie below.
    """

    width: float
    height: float
    title: str
    shapes: tuple[Shape, ...]


def to_svg(drawing: Drawing) -> str:
    """The picture as an SVG file; every text is escaped."""
    width, height = f"{drawing.width:g}", f"{drawing.height:g}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" '
        f"aria-label={quoteattr(drawing.title)} "
        "font-family=\"system-ui, 'Segoe UI', 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif\">",
        f"<title>{escape(drawing.title)}</title>",
        f'<rect width="{width}" height="{height}" fill="{COLOURS["paper"]}"/>',
        *map(_svg, drawing.shapes),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _svg(shape: Shape) -> str:
    if isinstance(shape, Line):
        points = " ".join(f"{x:g},{y:g}" for x, y in shape.points)
        dash = ' stroke-dasharray="3 4"' if shape.dash else ""
        return (
            f'<polyline points="{points}" fill="none" stroke="{COLOURS[shape.colour]}" '
            f'stroke-width="{shape.width:g}" stroke-linecap="round" stroke-linejoin="round"{dash}/>'
        )
    if isinstance(shape, Disc):
        return (
            f'<circle cx="{shape.x:g}" cy="{shape.y:g}" r="{shape.r:g}" fill="{COLOURS[shape.colour]}" '
            f'stroke="{COLOURS[shape.edge]}"/>'
        )
    weight = ' font-weight="600"' if shape.bold else ""
    return (
        f'<text x="{shape.x:g}" y="{shape.y:g}" font-size="{shape.size:g}" text-anchor="{shape.anchor}" '
        f'fill="{COLOURS[shape.colour]}"{weight}>{escape(shape.text)}</text>'
    )


def to_png(drawing: Drawing) -> bytes:
    """The picture as a PNG file, :data:`SCALE` pixels per unit.

    Words are in Pillow's own font, so that the file is the same on every machine; letters that it
    lacks are written as ``?``.
    """
    import io

    from PIL import Image, ImageDraw

    factor = SCALE * SMOOTH
    size = (round(drawing.width * factor), round(drawing.height * factor))
    image = Image.new("RGB", size, COLOURS["paper"])
    canvas = ImageDraw.Draw(image)
    for shape in drawing.shapes:
        _paint(canvas, shape, factor)
    image = image.resize((size[0] // SMOOTH, size[1] // SMOOTH), Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _paint(canvas: ImageDraw, shape: Shape, factor: int) -> None:
    if isinstance(shape, Line):
        for points in _dashes(shape.points) if shape.dash else [shape.points]:
            scaled = [(x * factor, y * factor) for x, y in points]
            canvas.line(scaled, COLOURS[shape.colour], max(1, round(shape.width * factor)), joint="curve")
    elif isinstance(shape, Disc):
        x, y, r = shape.x * factor, shape.y * factor, shape.r * factor
        canvas.ellipse((x - r, y - r, x + r, y + r), COLOURS[shape.colour], COLOURS[shape.edge], factor)
    else:
        from PIL import ImageFont

        font = ImageFont.load_default(shape.size * factor)
        missing = bytes(font.getmask("\uffff"))
        plain = shape.text.translate(PLAIN_LETTERS)
        text = "".join(
            letter if letter.isspace() or bytes(font.getmask(letter)) != missing else "?" for letter in plain
        )
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
        stroke = 0.02 * shape.size * factor if shape.bold else 0
        canvas.text(
            (shape.x * factor, shape.y * factor),
            text,
            COLOURS[shape.colour],
            font,
            anchor,
            stroke_width=round(stroke),
        )


def _dashes(points: Sequence[Point], on: float = 3.0, off: float = 4.0) -> list[tuple[Point, Point]]:
    """The drawn pieces of a broken line, each straight stretch by itself."""
    pieces = []
    for (x0, y0), (x1, y1) in pairwise(points):
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        start = 0.0
        while start < length:
            stop = min(start + on, length)
            ends = [(x0 + (x1 - x0) * at / length, y0 + (y1 - y0) * at / length) for at in (start, stop)]
            pieces.append((ends[0], ends[1]))
            start += on + off
    return pieces


def write_drawing(drawing: Drawing, stem: Path) -> list[Path]:
    """Writes ``<stem>.svg`` and ``<stem>.png``; their folder is made where it is missing.

    Raises:
        OSError: they cannot be written.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    svg, png = (stem.with_name(f"{stem.name}.{ending}") for ending in ("svg", "png"))
    # A plot can be drawn again at any time, so it need not wait for the disk.
    write_page(svg, to_svg(drawing))
    atomic_write_bytes(png, to_png(drawing), durable=False)
    return [svg, png]
