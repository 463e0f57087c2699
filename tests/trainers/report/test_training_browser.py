"""The pages in a real browser: nothing leaves them, nothing sticks out, and the filters work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.watched_pages import watched

from selfreward_eval.harness.comparing.claims import Design
from selfreward_eval.harness.comparing.compare import load_run
from selfreward_eval.harness.comparing.pooled import compare_pools
from selfreward_eval.trainers.report import write_method_page, write_methods_page, write_training_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def pages(runs: Path, make_training: Callable[..., Path], tmp_path: Path) -> list[Path]:
    """One page of each kind."""
    folder = make_training()
    trained = [load_run(runs / "after"), load_run(runs / "again")]
    pooled = compare_pools([load_run(runs / "before")], trained, design=Design.UNTRAINED_A)
    return [
        write_training_page(folder),
        write_method_page([folder], pooled, tmp_path / "method.html"),
        write_methods_page({"srum": pooled, "rejection": pooled}, tmp_path / "methods.html"),
    ]


def opened(browser: Browser, path: Path, width: int = 1280, scheme: str = "light") -> tuple[Page, list[str]]:
    """A page, and what it asked for or complained about."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    _, troubles = watched(page)
    page.on(
        "request", lambda one: None if one.url.startswith(("file:", "data:")) else troubles.append(one.url)
    )
    page.goto(path.as_uri())
    return page, troubles


def test_nothing_leaves_a_page_and_no_prompt_is_run(browser: Browser, pages: list[Path]) -> None:
    for path in pages:
        page, troubles = opened(browser, path)
        page.mouse.wheel(0, 20_000)
        page.wait_for_timeout(100)
        assert troubles == []
        page.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_its_window(browser: Browser, pages: list[Path], width: int) -> None:
    for path in pages:
        page, _ = opened(browser, path, width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.close()


def test_a_curve_has_another_colour_in_the_dark(browser: Browser, pages: list[Path]) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        page, _ = opened(browser, pages[0], scheme=scheme)
        colours.add(page.locator(".line-accent").first.evaluate("e => getComputedStyle(e).stroke"))
        page.close()
    assert len(colours) == 2
    assert "none" not in colours


def test_the_most_improved_pairs_can_be_shown_alone(browser: Browser, pages: list[Path]) -> None:
    page, _ = opened(browser, pages[0])
    page.locator("label", has_text="Most improved").click()
    shown = page.locator("[data-card]:visible")
    assert shown.count() == page.locator("[data-card][data-verdict=improved]").count() > 0


def test_a_task_and_a_category_can_be_chosen(browser: Browser, pages: list[Path]) -> None:
    page, _ = opened(browser, pages[0])
    page.get_by_label("Task").select_option("drawing")
    page.get_by_label("Category").select_option("counted")
    wanted = "[data-card][data-task=drawing][data-category=counted]"
    assert page.locator("[data-card]:visible").count() == page.locator(wanted).count() > 0


@pytest.mark.parametrize(("width", "least"), [(1280, 8), (390, 4)])
def test_pairs_with_their_verdicts_are_on_the_first_screen(
    browser: Browser, pages: list[Path], width: int, least: int
) -> None:
    page, _ = opened(browser, pages[0], width)
    badges = page.locator(".small-pairs .badge")
    boxes = [badges.nth(number).bounding_box() for number in range(badges.count())]
    seen = [box for box in boxes if box is not None and box["y"] + box["height"] <= 900]
    assert len(seen) >= 2 * least


def test_a_link_at_the_head_shows_the_most_worsened_below(browser: Browser, pages: list[Path]) -> None:
    page, _ = opened(browser, pages[0])
    page.get_by_role("link", name="the most worsened").click()
    shown = page.locator("[data-card]:visible")
    assert shown.count() == page.locator("[data-card][data-verdict=worsened]").count() > 0
