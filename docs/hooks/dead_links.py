"""Fails the build where a built page has a dead link, or loads anything from another host.

``mkdocs build --strict`` checks the links of the Markdown. This reads the HTML: the theme's links, those of
docstrings, pictures, scripts and anchors.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""Elements that a browser loads by itself -> the attribute with the address."""


class Built(HTMLParser):
    """What one page links to, what it loads, and the anchors it has."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if LOADED.get(tag) in given and given.get("rel") != "canonical":
            self.loaded.append(given[LOADED[tag]])


def read(path: Path) -> Built:
    """One built page."""
    page = Built()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def problems(site: Path) -> Iterator[str]:
    """Every dead link and every foreign address that is loaded, as a line with the page and the address."""
    pages = {path.relative_to(site).as_posix(): read(path) for path in sorted(site.rglob("*.html"))}
    for name, page in pages.items():
        for address in page.loaded:
            if urlsplit(address).scheme not in ("", "data") or address.startswith("//"):
                yield f"{name} loads {address} from another host"
        for address in [*page.links, *page.loaded]:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            # 404.html is served under any address, so the theme writes its links from the root.
            folder = "" if parts.path.startswith("/") else posixpath.dirname(name)
            place = posixpath.normpath(posixpath.join(folder, unquote(parts.path).lstrip("/")))
            target = name if not parts.path else f"{place}/index.html" if (site / place).is_dir() else place
            if not (site / target).is_file():
                yield f"{name} links to {address}, which is not there"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{name} links to {address}, and {target} has no such anchor"


def on_post_build(config: MkDocsConfig) -> None:
    """Checks the whole site."""
    from mkdocs.exceptions import PluginError

    found = list(dict.fromkeys(problems(Path(config.site_dir))))
    if found:
        raise PluginError("dead links:\n" + "\n".join(found))
