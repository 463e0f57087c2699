"""Templates to HTML: our own on top of the report's, with escaping on; styles and script inlined."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.report.plots import ROW_HEIGHT, ROW_WIDTH
from selfreward_eval.harness.report.rendering import filter_link, package_version

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render"]


@cache
def _environment() -> Environment:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=ChoiceLoader(
            [
                PackageLoader("selfreward_eval.trainers.report"),
                PackageLoader("selfreward_eval.harness.report"),
            ]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    report = files("selfreward_eval.harness.report").joinpath("assets")
    script = report.joinpath("page.js").read_text(encoding="utf-8")
    css = report.joinpath("page.css").read_text(encoding="utf-8")
    css += (
        files("selfreward_eval.trainers.report")
        .joinpath("assets", "training.css")
        .read_text(encoding="utf-8")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    environment.globals.update(
        css=Markup(css),  # Our own files, the only text that is not escaped.
        js=Markup(script),
        script_hash=f"sha256-{digest}",
        package_version=package_version(),
        plot={"width": ROW_WIDTH, "height": ROW_HEIGHT},
        filter_link=filter_link,
    )
    return environment


def render(template: str, **values: Any) -> str:
    """The HTML of one page.

    Args:
        template: a file of ``templates/`` without its ending.
        values: what the template shows; every text is escaped.
    """
    return _environment().get_template(f"{template}.jinja").render(**values)
