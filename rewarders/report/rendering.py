"""Templates to HTML: our own on top of the report's, with escaping on, styles and script inlined."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.report.plots import ROW_HEIGHT, ROW_WIDTH
from selfreward_eval.harness.report.rendering import package_version

if TYPE_CHECKING:
    from jinja2 import Environment

    from selfreward_eval.harness.report.drawing import Drawing

__all__ = ["embedded", "render"]


@cache
def _environment() -> Environment:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=ChoiceLoader(
            [
                PackageLoader("selfreward_eval.rewarders.report"),
                PackageLoader("selfreward_eval.harness.report"),
            ]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    report, own = (
        files("selfreward_eval.harness.report").joinpath("assets"),
        files("selfreward_eval.rewarders.report").joinpath("assets"),
    )
    script = own.joinpath("rewards.js").read_text(encoding="utf-8")
    styles = [folder.joinpath(name) for folder, name in ((report, "page.css"), (own, "rewards.css"))]
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    environment.globals.update(
        # Our own files, the only text that is not escaped.
        css=Markup("\n".join(one.read_text(encoding="utf-8") for one in styles)),
        js=Markup(script),
        script_hash=f"sha256-{digest}",
        package_version=package_version(),
        plot={"width": ROW_WIDTH, "height": ROW_HEIGHT},
    )
    return environment


def render(template: str, **values: Any) -> str:
    """The HTML of one page; every text in ``values`` is escaped."""
    return _environment().get_template(template).render(**values)


def embedded(drawing: Drawing) -> dict[str, Any]:
    """A drawing for an ``img``: ``url``, ``width``, ``height`` and ``alt``."""
    from selfreward_eval.harness.report.drawing import to_svg

    encoded = base64.b64encode(to_svg(drawing).encode("utf-8")).decode("ascii")
    return {
        "url": f"data:image/svg+xml;base64,{encoded}",
        "width": drawing.width,
        "height": drawing.height,
        "alt": drawing.title,
    }
