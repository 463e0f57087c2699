"""Templates to HTML for the site: our own on top of the report's, with escaping on; assets beside them."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.report.plots import ROW_HEIGHT, ROW_WIDTH
from selfreward_eval.harness.report.rendering import package_version

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["assets", "look", "render"]

TEMPLATES = ("site", "index", "board", "model", "compare", "reported")


def assets() -> dict[str, str]:
    """Path within the site -> content: one style sheet (the report's and ours) and three scripts."""
    report, own = (
        files("selfreward_eval.harness.report").joinpath("assets"),
        files("selfreward_eval.leaderboards").joinpath("assets"),
    )
    read = lambda folder, name: folder.joinpath(name).read_text(encoding="utf-8")  # noqa: E731
    return {
        "assets/site.css": read(report, "page.css") + "\n" + read(own, "site.css"),
        "assets/pictures.js": read(report, "page.js"),
        "assets/board.js": read(own, "board.js"),
        "assets/compare.js": read(own, "compare.js"),
    }


@cache
def look() -> str:
    """A hash of everything that makes the pages look as they do: a change rebuilds them."""
    digest = hashlib.sha256(package_version().encode())
    own, report = (
        files("selfreward_eval.leaderboards").joinpath("templates"),
        files("selfreward_eval.harness.report").joinpath("templates"),
    )
    for name in TEMPLATES:
        digest.update(own.joinpath(f"{name}.jinja").read_bytes())
    digest.update(report.joinpath("parts.jinja").read_bytes())
    return digest.hexdigest()[:16]


@cache
def _environment() -> Environment:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("selfreward_eval.leaderboards"), PackageLoader("selfreward_eval.harness.report")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        package_version=package_version(), plot={"width": ROW_WIDTH, "height": ROW_HEIGHT}
    )
    return environment


def render(template: str, root: str, view: dict[str, Any]) -> str:
    """The HTML of one page.

    Args:
        template: a file of ``templates/`` without its ending.
        root: the way from the page to the site's own folder, such as ``../``; empty for the top.
        view: what the page shows; every text is escaped.
    """
    return _environment().get_template(f"{template}.jinja").render(root=root, view=view)
