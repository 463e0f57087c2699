"""Templates to HTML for the site: its own on top of the report's; styles and scripts are files beside."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.report.rendering import REPORT, asset, build_environment, package_version

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["assets", "look", "render"]

PACKAGE = "selfreward_eval.leaderboards"

TEMPLATES = ("site", "index", "board", "model", "training", "compare", "reported")


def assets() -> dict[str, str]:
    """Path within the site -> content: one style sheet (the report's and ours) and three scripts."""
    return {
        "assets/site.css": "\n".join([asset("page.css"), asset("charts.css"), asset("site.css", PACKAGE)]),
        "assets/pictures.js": asset("page.js"),
        "assets/board.js": asset("board.js", PACKAGE),
        "assets/compare.js": asset("compare.js", PACKAGE),
    }


@cache
def look() -> str:
    """A hash of everything that makes the pages look as they do, code included: a change rebuilds them."""
    digest = hashlib.sha256(package_version().encode())
    for name in TEMPLATES:
        digest.update(files(PACKAGE).joinpath("templates", f"{name}.jinja").read_bytes())
    digest.update(files(REPORT).joinpath("templates", "parts.jinja").read_bytes())
    for package in (PACKAGE, REPORT):
        for module in sorted(files(package).iterdir(), key=lambda file: file.name):
            if module.name.endswith(".py"):
                digest.update(module.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _environment() -> Environment:
    return build_environment(PACKAGE)


def render(template: str, root: str, view: dict[str, Any]) -> str:
    """The HTML of one page.

    Args:
        template: a file of ``templates/`` without its ending.
        root: the way from the page to the site's own folder, such as ``../``; empty for the top.
        view: what the page shows; every text is escaped.
    """
    return _environment().get_template(f"{template}.jinja").render(root=root, view=view)
