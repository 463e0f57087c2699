"""Templates to HTML: Jinja2 with escaping on, styles and script inlined from ``assets/``."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from selfreward_eval.harness.report.plots import ROW_HEIGHT, ROW_WIDTH

if TYPE_CHECKING:
    from jinja2 import Environment


def _asset(name: str) -> str:
    return files("selfreward_eval.harness.report").joinpath("assets", name).read_text(encoding="utf-8")


def filter_link(*, task: str, category: str, several: bool) -> str:
    """The hash that filters the pictures to one category (of one task where the page has several).

    >>> filter_link(task="shapes_geneval", category="two object", several=False)
    '#category=two+object'
    """
    return "#" + urlencode({"task": task, "category": category} if several else {"category": category})


def package_version() -> str:
    try:
        return version("selfreward-eval")
    except PackageNotFoundError:
        return "of unknown version"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("selfreward_eval.harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    environment.globals.update(
        css=Markup(_asset("page.css")),  # Our own files, the only text that is not escaped.
        js=Markup(script),
        script_hash=f"sha256-{digest}",
        package_version=package_version(),
        plot={"width": ROW_WIDTH, "height": ROW_HEIGHT},
        filter_link=filter_link,
    )
    return environment


def render_page(template: str, **values: Any) -> str:
    """The HTML of one page.

    Args:
        template: a file of ``templates/``.
        values: what the template shows; every text is escaped.
    """
    return _environment().get_template(template).render(**values)
