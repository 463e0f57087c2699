"""Templates to HTML: Jinja2 with escaping on, styles and script inlined from ``assets/``.

Packages with pages of their own (trainers, rewarders, leaderboards) build their environment here too, so
that all pages escape alike and share the report's templates.
"""

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

__all__ = ["REPORT", "asset", "build_environment", "filter_link", "package_version", "render_page"]

REPORT = "selfreward_eval.harness.report"
"""The package whose templates every environment can include."""


def asset(name: str, package: str = REPORT) -> str:
    """The text of a file in a package's ``assets/``.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return files(package).joinpath("assets", name).read_text(encoding="utf-8")


def filter_link(*, task: str, category: str, several: bool) -> str:
    """The hash that filters the pictures to one category (of one task where the page has several).

    >>> filter_link(task="shapes_geneval", category="two object", several=False)
    '#category=two+object'
    """
    return "#" + urlencode({"task": task, "category": category} if several else {"category": category})


def package_version() -> str:
    """The installed version of this project, as pages print it."""
    try:
        return version("selfreward-eval")
    except PackageNotFoundError:
        return "of unknown version"


def build_environment(
    package: str = REPORT, *, css: str | None = None, script: str | None = None
) -> Environment:
    """A Jinja environment that escapes every text and refuses undefined names.

    Args:
        package: whose ``templates/`` are looked up first; the report's come second.
        css: style sheet to inline, as ``css``; None for pages that link theirs.
        script: script to inline, as ``js``, with ``script_hash`` for the page's Content-Security-Policy;
            None for pages that link theirs.

    ``css`` and ``script`` are not escaped: pass only files that ship with this project, see :func:`asset`.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in dict.fromkeys((package, REPORT))]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        package_version=package_version(),
        plot={"width": ROW_WIDTH, "height": ROW_HEIGHT},
        filter_link=filter_link,
    )
    if css is not None:
        environment.globals["css"] = Markup(css)
    if script is not None:
        digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
        environment.globals.update(js=Markup(script), script_hash=f"sha256-{digest}")
    return environment


@cache
def _environment() -> Environment:
    return build_environment(css=asset("page.css"), script=asset("lazy.js") + asset("page.js"))


def render_page(template: str, **values: Any) -> str:
    """The HTML of one page.

    Args:
        template: a file of ``templates/``.
        values: what the template shows; every text is escaped.
    """
    return _environment().get_template(template).render(**values)
