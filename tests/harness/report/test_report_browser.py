"""The pages in a real browser: pictures, boxes and filters work, and nothing leaves the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.watched_pages import watched

from selfreward_eval.harness.comparing.compare import compare_runs, load_run
from selfreward_eval.harness.comparing.pooled import compare_pools
from selfreward_eval.harness.report import write_comparison_page, write_run_page
from selfreward_eval.harness.report.pooled_page import write_pooled_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TASK = "shapes_geneval"


class Watched:
    """A page with everything that it should not do recorded."""

    def __init__(self, browser: Browser, path: Path, fragment: str = "") -> None:
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": 900})
        self.requests, self.troubles = watched(self.page)
        self.address = path.as_uri()
        self.page.goto(self.address + fragment)

    def expect_shown(self, number: int) -> None:
        """The live count comes to ``number``, and as many cards are visible."""
        from playwright.sync_api import expect

        expect(self.page.locator("[data-count]")).to_have_text(re.compile(rf"^{number} of "))
        assert self.page.locator("[data-card]:visible").count() == number


@pytest.fixture
def run_page(make_run: Callable[..., Path]) -> Path:
    return write_run_page(make_run())


@pytest.fixture
def comparison_page(make_run: Callable[..., Path], tmp_path: Path) -> Path:
    a, b = load_run(make_run("before", rate=0.4)), load_run(make_run("after", rate=0.6, flaws=False))
    return write_comparison_page(compare_runs(a, b), a, b, tmp_path / "compare.html")


def test_nothing_leaves_the_page_and_no_prompt_is_run(
    browser: Browser, run_page: Path, comparison_page: Path
) -> None:
    for path in (run_page, comparison_page):
        watched = Watched(browser, path)
        assert "<script>alert(" in watched.page.locator("[data-prompt]").first.inner_text()
        assert watched.page.locator("[data-prompt] *").count() == 0
        watched.page.mouse.wheel(0, 20_000)
        watched.page.wait_for_timeout(200)
        outside = [url for url in watched.requests if not url.startswith(("file:", "data:"))]
        assert outside == []
        assert watched.requests[0] == watched.address
        assert watched.troubles == []
        watched.page.close()


def test_the_page_of_several_runs_asks_for_nothing_and_draws_its_forest(
    browser: Browser, make_run: Callable[..., Path], tmp_path: Path
) -> None:
    a = [load_run(make_run(f"a<b>{k}", rate=0.4 + 0.1 * k, flaws=False)) for k in range(2)]
    b = [load_run(make_run(f"b{k}", rate=0.5 + 0.1 * k)) for k in range(2)]
    path = write_pooled_page(compare_pools(a, b), a[0], tmp_path / "runs.html")
    watched = Watched(browser, path)
    assert watched.troubles == []
    assert [url for url in watched.requests if not url.startswith(("file:", "data:"))] == []
    drawing = watched.page.locator(".drawing img")
    assert drawing.evaluate("image => image.decode().then(() => image.naturalWidth)") > 500
    assert "a<b>0, a<b>1" in watched.page.locator("h1").inner_text()
    watched.page.close()


@pytest.mark.parametrize("width", [1280, 400])
def test_no_tick_label_is_cut(
    browser: Browser, make_run: Callable[..., Path], tmp_path: Path, width: int
) -> None:
    a, b = load_run(make_run("before", rate=0.4)), load_run(make_run("after", rate=0.6, flaws=False))
    for run in (a, b):
        run.scores[TASK] = replace(run.scores[TASK], range=(0.0, 10.0))
    path = write_comparison_page(compare_runs(a, b), a, b, tmp_path / "ab.html")
    watched = Watched(browser, path)
    watched.page.set_viewport_size({"width": width, "height": 900})
    outside = """texts => texts.filter(text => {
        const own = text.getBoundingClientRect(), plot = text.ownerSVGElement.getBoundingClientRect();
        return own.left < plot.left - 0.5 || own.right > plot.right + 0.5;
    }).map(text => text.textContent)"""
    labels = watched.page.locator("svg.row-axis text, svg.scatter text")
    assert "10" in labels.all_text_contents()
    assert labels.evaluate_all(outside) == []
    watched.page.close()


def test_pictures_are_drawn_large_with_boxes_that_can_be_switched_off(
    browser: Browser, run_page: Path
) -> None:
    page = Watched(browser, run_page).page
    picture = page.locator(".picture img").first
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 48
    box = picture.bounding_box()
    assert box is not None
    assert box["width"] > 200
    assert picture.evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
    overlay = page.locator(".boxes").first
    assert overlay.is_visible()
    assert overlay.locator(".kept .edge").first.evaluate("e => getComputedStyle(e).strokeDasharray") == "none"
    page.get_by_label("Boxes").uncheck()
    assert overlay.is_hidden()
    assert page.url.endswith("#boxes=off")


def test_a_rejected_box_is_dashed(browser: Browser, run_page: Path) -> None:
    page = Watched(browser, run_page).page
    rejected = page.locator(".boxes .rejected .edge").first
    assert rejected.evaluate("e => getComputedStyle(e).strokeDasharray") != "none"


def test_filters_change_what_is_shown_and_live_in_the_address(browser: Browser, run_page: Path) -> None:
    watched = Watched(browser, run_page)
    page = watched.page
    watched.expect_shown(48)
    page.locator("label", has_text="Not scored").click()
    watched.expect_shown(3)
    assert page.url.endswith("#verdict=unscored")
    page.get_by_role("button", name="Show all").click()
    watched.expect_shown(48)
    page.get_by_label("Category").select_option("counting")
    watched.expect_shown(12)
    page.get_by_label("Unseen only").check()
    watched.expect_shown(4)
    page.get_by_label("Text in the prompt").fill("no such words")
    watched.expect_shown(0)
    again = Watched(browser, run_page, page.url.removeprefix(watched.address))
    again.expect_shown(0)
    assert again.page.get_by_label("Category").input_value() == "counting"


def test_text_finds_the_hostile_prompt_literally(browser: Browser, run_page: Path) -> None:
    watched = Watched(browser, run_page)
    watched.page.get_by_label("Text in the prompt").fill("<SCRIPT>")
    watched.expect_shown(4)


def test_a_category_in_the_table_leads_to_its_pictures(browser: Browser, run_page: Path) -> None:
    watched = Watched(browser, run_page)
    watched.page.get_by_role("link", name="two_object").click()
    watched.expect_shown(12)


def test_filters_can_be_reached_and_used_by_keyboard(browser: Browser, run_page: Path) -> None:
    watched = Watched(browser, run_page)
    watched.page.get_by_role("radio", name="All").focus()
    watched.page.keyboard.press("ArrowRight")
    right = watched.page.locator("[data-card][data-verdict=right]").count()
    watched.expect_shown(right)
    assert 0 < right < 48
    assert watched.page.url.endswith("#verdict=right")


def test_pairs_are_filtered_by_what_changed(browser: Browser, comparison_page: Path) -> None:
    watched = Watched(browser, comparison_page)
    for verdict, label in (
        ("fixed", "A wrong, B right"),
        ("broken", "A right, B wrong"),
        ("unscored", "Not scored"),
    ):
        watched.page.locator("label", has_text=label).click()
        expected = watched.page.locator(f"[data-card][data-verdict={verdict}]").count()
        assert expected > 0
        watched.expect_shown(expected)


@pytest.mark.parametrize("width", [1280, 420])
def test_no_page_is_wider_than_its_window(
    browser: Browser, run_page: Path, comparison_page: Path, width: int
) -> None:
    for path in (run_page, comparison_page):
        page = Watched(browser, path).page
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
