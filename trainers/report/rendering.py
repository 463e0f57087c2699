"""Templates to HTML: the trainers' own on top of the report's, with the report's script."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.report.rendering import asset, build_environment

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render"]

PACKAGE = "selfreward_eval.trainers.report"


@cache
def _environment() -> Environment:
    css = asset("page.css") + asset("charts.css") + asset("training.css", PACKAGE)
    return build_environment(PACKAGE, css=css, script=asset("page.js"))


def render(template: str, **values: Any) -> str:
    """The HTML of one page.

    Args:
        template: a file of ``templates/`` without its ending.
        values: what the template shows; every text is escaped.
    """
    return _environment().get_template(f"{template}.jinja").render(**values)
