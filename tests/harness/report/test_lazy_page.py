"""Pages of very many samples: every sample is in the page as data, and its script draws what is in view."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from selfreward_eval.harness.comparing.compare import load_run
from selfreward_eval.harness.report import lazy, write_run_page
from selfreward_eval.harness.report.pictures import embed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGES = "selfreward_eval.harness.report.pages"


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of four samples is a large one, in blocks of ten."""
    monkeypatch.setattr(f"{PAGES}.EAGER", 3)
    monkeypatch.setattr(lazy, "BLOCK", 10)


class Blocks(HTMLParser):
    """The data blocks of a page, parsed as a browser does: up to the next end tag."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.values: list[Any] = []
        self.scripts = 0
        self._inside = False
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self._inside = ("data-block", None) in attrs

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.values.append(json.loads(data))

    def handle_endtag(self, tag: str) -> None:
        self._inside = False


def test_every_sample_is_in_the_page_and_no_prompt_ends_a_block(
    make_run: Callable[..., Path], few_at_once: None
) -> None:
    run = make_run()
    page = write_run_page(run)
    found = Blocks(page)
    index, *parts = found.values
    cards = [card for part in parts for card in part]
    records = sorted(load_run(run).records["shapes_geneval"], key=lambda record: record.doc_id)
    assert [(card["item_id"], card["index"], card["seed"]) for card in cards] == [
        (record.item.id, record.sample.index, str(record.sample.seed)) for record in records
    ]
    assert [index["prompts"][place] for place in index["prompt"]] == [record.item.text for record in records]
    assert found.scripts == len(parts) + 2  # The index and the page's own.
    assert "<script>alert(" not in page.read_text(encoding="utf-8")


def test_a_run_of_few_samples_is_laid_out_whole(make_run: Callable[..., Path]) -> None:
    found = Blocks(write_run_page(make_run()))
    assert (found.values, found.scripts) == ([], 1)


LOOK = """() => {
  const number = (value) => /^-?[0-9.]+$/.test(value) ? Number(Number(value).toFixed(6)) : value;
  const of = (node) => node.nodeType === 3
    ? node.textContent.trim()
    : [node.tagName,
       [...node.attributes].filter((a) => a.name !== "style").map((a) => [a.name, number(a.value)]).sort(),
       [...node.childNodes].map(of).filter((child) => child !== "")];
  return [...document.querySelectorAll("[data-card]")].map(of);
}"""


def opened(browser: Browser, path: Path) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(path.as_uri())
    return page


def drawn_whole(page: Page, number: int) -> Page:
    """The page with all of its cards drawn."""
    from playwright.sync_api import expect

    page.locator("[data-card]").last.scroll_into_view_if_needed()
    expect(page.locator("[data-card]")).to_have_count(number)
    return page


def test_the_script_draws_a_card_as_the_template_does(
    browser: Browser, make_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = make_run()
    laid_out = opened(browser, write_run_page(run, tmp_path / "whole.html")).evaluate(LOOK)
    monkeypatch.setattr(f"{PAGES}.EAGER", 3)
    page = opened(browser, write_run_page(run, tmp_path / "lazy.html"))
    assert page.locator("[data-lazy]").count() == 1
    assert drawn_whole(page, len(laid_out)).evaluate(LOOK) == laid_out


def test_only_what_is_near_the_view_is_drawn_and_filters_ask_for_all(
    browser: Browser, make_run: Callable[..., Path], few_at_once: None
) -> None:
    from playwright.sync_api import expect

    run = make_run(items=20, flaws=False)
    records = load_run(run).records["shapes_geneval"]
    page = opened(browser, write_run_page(run))
    assert 0 < page.locator("[data-card]").count() < len(records)
    wanted = records[-1].item.text
    page.locator("[name=text]").fill(wanted)
    number = sum(wanted in record.item.text for record in records)
    expect(page.locator("[data-count]")).to_have_text(f"{number} of {len(records)}")
    assert page.locator("[data-card]").count() == number


def test_pictures_without_room_are_shown_from_the_run_folder(
    browser: Browser, make_run: Callable[..., Path], few_at_once: None, tmp_path: Path
) -> None:
    run = make_run(flaws=False)
    page = opened(browser, write_run_page(run, budget=1))
    assert "are not inside this file" in page.locator(".notice.warn").last.inner_text()
    first = page.locator("[data-card] img").first
    assert (first.get_attribute("src") or "").startswith("images/")
    assert first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0

    elsewhere = opened(browser, write_run_page(run, tmp_path / "page.html", budget=1))
    assert elsewhere.locator("[data-card] img").count() == 0
    assert "No room on this page" in elsewhere.locator("[data-card]").first.inner_text()


def png(path: Path, **how: Any) -> tuple[Path, str]:
    Image.new("RGB", (48, 40), (200, 10, 10)).save(path, **how)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_small_plain_png_that_was_measured_is_embedded_as_it_is(tmp_path: Path) -> None:
    picture = embed(*png(tmp_path / "a.png"))
    assert picture["url"].startswith("data:image/png;base64,")
    assert (picture["width"], picture["height"], picture["pixelated"]) == (48, 40, True)


@pytest.mark.parametrize("how", ["profile", "orientation", "grey"])
def test_a_png_that_a_browser_would_show_otherwise_is_read_by_our_rules(tmp_path: Path, how: str) -> None:
    path = tmp_path / "a.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    settings: dict[str, dict[str, Any]] = {
        "profile": {"icc_profile": b"\0" * 128}, "orientation": {"exif": exif}, "grey": {}
    }  # fmt: skip
    png(path, **settings[how])
    if how == "grey":
        Image.open(io.BytesIO(path.read_bytes())).convert("L").save(path)
    picture = embed(path, hashlib.sha256(path.read_bytes()).hexdigest())
    assert picture["url"].startswith("data:image/webp;base64,")
