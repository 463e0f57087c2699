"""The documentation site in a real browser: every page, on a desk and on a phone. Needs the extra [docs]."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.paths import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LINKS = """() => [...document.querySelectorAll("a[href]")].map(link => link.href)"""
ANCHORS = """() => [...document.querySelectorAll("[id]")].map(part => part.id)"""
WIDER = """() => document.documentElement.scrollWidth - document.documentElement.clientWidth"""


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Nothing: pytest's output is for failures."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as ``make docs`` builds it."""
    if importlib.util.find_spec("mkdocs") is None:
        pytest.skip("mkdocs is not installed: `make docs` installs the extra [docs]")
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def served(built: Path) -> Iterator[str]:
    """Its address on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(built)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


class Visit:
    """What a browser of one width finds when it follows every link of the site from its first page."""

    def __init__(self, browser: Browser, start: str, width: int) -> None:
        self.start = start
        self.links: dict[str, set[str]] = {}
        self.anchors: dict[str, set[str]] = {}
        self.wide: dict[str, int] = {}
        self.troubles: list[str] = []
        self.tab = browser.new_page(viewport={"width": width, "height": 800})
        self.tab.on("console", lambda said: self._trouble(said.text) if said.type == "error" else None)
        self.tab.on("pageerror", lambda error: self._trouble(str(error)))
        self.tab.on("requestfailed", lambda request: self._failed(request.url, request.failure))
        self.tab.on("response", lambda answer: self._answered(answer.url, answer.status))
        waiting = [f"{start}index.html"]
        while waiting:
            page = waiting.pop()
            if page not in self.links:
                self._open(page)
                waiting += sorted({self.page_of(link) for link in self.links[page]} - self.links.keys())
        self.tab.close()

    def page_of(self, link: str) -> str:
        """The page of a link within the site; the first page for a link that leads elsewhere."""
        page = link.partition("#")[0]
        return page if page.startswith(self.start) and page.endswith(".html") else f"{self.start}index.html"

    def _open(self, page: str) -> None:
        self.tab.goto(page)
        self.links[page] = {link for link in self.tab.evaluate(LINKS) if link.startswith(self.start)}
        self.anchors[page] = set(self.tab.evaluate(ANCHORS))
        self.wide[page] = self.tab.evaluate(WIDER)

    def _trouble(self, text: str) -> None:
        self.troubles.append(f"{self.tab.url}: {text}")

    def _failed(self, url: str, why: str | None) -> None:
        # What a page still loads when it is left, such as its icon, is given up.
        if why != "net::ERR_ABORTED":
            self._trouble(f"{url} did not load ({why})")

    def _answered(self, url: str, status: int) -> None:
        if status >= 400:
            self._trouble(f"{url} answered {status}")
        if not url.startswith((self.start, "data:", "blob:")):
            self._trouble(f"{url} is on another host")

    def dead_anchors(self) -> list[str]:
        """Links to a part that their page does not have."""
        return sorted(
            f"{page}: {link}"
            for page, links in self.links.items()
            for link in links
            if (part := link.partition("#")[2]) and part not in self.anchors[self.page_of(link)]
        )


@pytest.fixture(scope="module")
def desk(browser: Browser, served: str) -> Visit:
    return Visit(browser, served, 1280)


@pytest.fixture(scope="module")
def phone(browser: Browser, served: str) -> Visit:
    return Visit(browser, served, 390)


def test_every_page_is_reached(desk: Visit, built: Path) -> None:
    pages = {path.relative_to(built).as_posix() for path in built.rglob("*.html")} - {"404.html"}
    assert {page.removeprefix(desk.start) for page in desk.links} == pages


def test_no_page_has_an_error_or_a_dead_link(desk: Visit, phone: Visit) -> None:
    assert desk.troubles + phone.troubles == []
    assert desk.dead_anchors() == []


def test_no_page_scrolls_sideways(desk: Visit, phone: Visit) -> None:
    wide = {**{f"{page} on a desk": by for page, by in desk.wide.items()}, **phone.wide}
    assert {page: by for page, by in wide.items() if by > 0} == {}


def test_files_that_pages_link_to_are_there(desk: Visit, built: Path) -> None:
    files = {link.partition("#")[0] for links in desk.links.values() for link in links}
    names = {file.removeprefix(desk.start) for file in files}
    assert sorted(name for name in names if name and not (built / name).exists()) == []
