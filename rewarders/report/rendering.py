"""Templates to HTML: the rewarders' own on top of the report's, with their own script."""

from __future__ import annotations

import base64
from functools import cache
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.report.drawing import Drawing, to_svg
from selfreward_eval.harness.report.rendering import asset, build_environment

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["embedded", "render"]

PACKAGE = "selfreward_eval.rewarders.report"


@cache
def _environment() -> Environment:
    css = asset("page.css") + "\n" + asset("rewards.css", PACKAGE)
    return build_environment(PACKAGE, css=css, script=asset("rewards.js", PACKAGE))


def render(template: str, **values: Any) -> str:
    """The HTML of one page; every text in ``values`` is escaped."""
    return _environment().get_template(template).render(**values)


def embedded(drawing: Drawing) -> dict[str, Any]:
    """A drawing for an ``img``: ``url``, ``width``, ``height`` and ``alt``."""
    encoded = base64.b64encode(to_svg(drawing).encode("utf-8")).decode("ascii")
    return {
        "url": f"data:image/svg+xml;base64,{encoded}",
        "width": drawing.width,
        "height": drawing.height,
        "alt": drawing.title,
    }
