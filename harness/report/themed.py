"""A drawing as SVG inside a page, where colours are classes, so that it is light or dark with the page."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from selfreward_eval.harness.report.drawing import Disc, Drawing, Line, Shape

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["inline_svg"]


def inline_svg(drawing: Drawing) -> Markup:
    """The picture for a template; every text is escaped, the colours are those of ``charts.css``."""
    from markupsafe import Markup

    size = f"0 0 {drawing.width:g} {drawing.height:g}"
    parts = [
        f'<svg class="chart" viewBox="{size}" role="img" aria-label={quoteattr(drawing.title)}>',
        *map(_svg, drawing.shapes),
        "</svg>",
    ]
    return Markup("".join(parts))  # Numbers, our own names of colours, and escaped text.


def _svg(shape: Shape) -> str:
    if isinstance(shape, Line):
        points = " ".join(f"{x:g},{y:g}" for x, y in shape.points)
        dash = " dash" if shape.dash else ""
        return (
            f'<polyline class="line-{shape.colour}{dash}" points="{points}" stroke-width="{shape.width:g}"/>'
        )
    if isinstance(shape, Disc):
        return (
            f'<circle class="fill-{shape.colour} edge-{shape.edge}" '
            f'cx="{shape.x:g}" cy="{shape.y:g}" r="{shape.r:g}"/>'
        )
    bold = ' font-weight="600"' if shape.bold else ""
    return (
        f'<text class="fill-{shape.colour}" x="{shape.x:g}" y="{shape.y:g}" font-size="{shape.size:g}" '
        f'text-anchor="{shape.anchor}"{bold}>{escape(shape.text)}</text>'
    )
