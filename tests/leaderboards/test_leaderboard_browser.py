"""The site in a real browser: sort, filter, open a model, compare two; no error and no outside request."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.watched_pages import watched

from selfreward_eval.leaderboards import build_leaderboard

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def site(make_run: Callable[..., Path], make_marks: Callable[..., Any], tmp_path: Path) -> Path:
    """Four models, one of which failed on some samples; a hostile prompt in every picture's place."""
    hostile = "a <script>alert(1)</script> star"
    runs = [
        make_run(name, make_marks(rate, 40, seed=k, failures=failures), prompt=hostile, pictures=True)
        for k, (name, rate, failures) in enumerate(
            [("alpha", 0.35, 0), ("beta", 0.9, 0), ("gamma", 0.35, 5), ("delta", 0.6, 0)]
        )
    ]
    build_leaderboard(runs, tmp_path / "site")
    return tmp_path / "site"


class Watched:
    """A tab in which everything that should not happen is recorded."""

    def __init__(self, browser: Browser, path: Path, fragment: str = "") -> None:
        context = browser.contexts[0] if browser.contexts else browser.new_context()
        self.page: Page = context.new_page()
        self.page.set_viewport_size({"width": 1400, "height": 900})
        self.requests, self.troubles = watched(self.page)
        self.page.goto(path.as_uri() + fragment)

    def models(self) -> list[str]:
        """Names in the order shown."""
        return self.page.locator("[data-row]:visible [data-name]").all_inner_texts()

    def close(self) -> None:
        """Closes the tab, after a look at what it did."""
        assert [url for url in self.requests if not url.startswith(("file:", "data:"))] == []
        assert self.troubles == []
        self.page.close()


def board(site: Path) -> Path:
    (overall,) = [path for path in (site / "boards").iterdir() if "--" not in path.name]
    return overall


def test_a_table_is_sorted_by_its_heads(browser: Browser, site: Path) -> None:
    tab = Watched(browser, board(site))
    assert tab.models()[:2] == ["beta", "delta"]
    head = tab.page.locator("th[data-sort=name]")
    head.get_by_role("button").click()
    assert tab.models() == ["alpha", "beta", "delta", "gamma"]
    assert head.get_attribute("aria-sort") == "ascending"
    head.get_by_role("button").press("Enter")
    assert tab.models() == ["gamma", "delta", "beta", "alpha"]
    assert tab.page.url.endswith("#sort=name%3Adescending")
    assert "Sorted by Model, descending" in tab.page.locator("[data-sorted]").inner_text()
    again = Watched(browser, board(site), "#sort=name%3Adescending")
    assert again.models() == ["gamma", "delta", "beta", "alpha"]
    again.close()
    tab.close()


def test_lines_between_tie_groups_are_drawn_in_the_table_s_own_order_only(
    browser: Browser, site: Path
) -> None:
    tab = Watched(browser, board(site))
    width = "row => getComputedStyle(row.cells[1]).borderTopWidth"
    cut = tab.page.locator("tr.cut").first
    assert cut.evaluate(width) == "2px"
    tab.page.get_by_label("Sort by").select_option("name:ascending")
    assert cut.evaluate(width) != "2px"
    tab.close()


def test_a_table_is_filtered_by_name_and_completeness(browser: Browser, site: Path) -> None:
    from playwright.sync_api import expect

    tab = Watched(browser, board(site))
    count = tab.page.locator("[data-count]")
    tab.page.get_by_label("Text in the model's name").fill("ELT")
    expect(count).to_have_text("1 of 4")
    assert tab.models() == ["delta"]
    tab.page.get_by_label("Text in the model's name").fill("nobody")
    expect(tab.page.locator("[data-nothing]")).to_be_visible()
    tab.page.get_by_role("button", name="Show all").click()
    expect(count).to_have_text("4 of 4")
    tab.page.get_by_label("Only models with every sample scored").check()
    expect(count).to_have_text("3 of 4")
    assert "gamma" not in tab.models()
    tab.close()


def test_a_model_opens_with_its_pictures(browser: Browser, site: Path) -> None:
    tab = Watched(browser, board(site))
    tab.page.locator("[data-name]", has_text="alpha").click()
    tab.page.wait_for_url(re.compile(r"models/alpha-"))
    assert tab.page.locator("h1").inner_text() == "alpha"
    picture = tab.page.locator(".picture img").first
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 24
    assert "<script>" in tab.page.locator("[data-prompt]").first.inner_text()
    tab.page.get_by_label("Category").select_option("two")
    assert tab.page.locator("[data-card]:visible").count() == tab.page.locator("[data-category=two]").count()
    tab.close()


def test_two_models_are_picked_and_compared(browser: Browser, site: Path) -> None:
    from playwright.sync_api import expect

    tab = Watched(browser, board(site))
    for name in ("alpha", "beta"):
        tab.page.get_by_role("checkbox", name=f"Pick {name}").check()
    tab.page.get_by_role("link", name="Compare the two").click()
    verdict = tab.page.locator("[data-verdict]")
    expect(verdict).to_have_text("beta (B) is better than alpha (A).")
    row = tab.page.locator("[data-rows] tr.overall td").all_inner_texts()
    assert row[2].startswith("+")
    assert row[-1] == "B is better"
    assert tab.page.locator("[data-pairs] li").count() > 0
    picture = tab.page.locator("[data-pairs] img").first
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 24
    assert "<script>" in tab.page.locator("[data-pairs] h3").first.inner_text()
    assert re.search(r"sample 1, seed \d+ in both", tab.page.locator("[data-pairs] .seed").first.inner_text())
    tab.close()


def test_a_comparison_turns_round(browser: Browser, site: Path) -> None:
    from playwright.sync_api import expect

    tab = Watched(browser, site / "compare.html")
    options = dict.fromkeys(("alpha", "beta"), "")
    for option in tab.page.locator("select[name=a] option").all():
        name = option.inner_text().split(" (")[0]
        if name in options:
            options[name] = option.get_attribute("value") or ""
    effect = tab.page.locator("[data-rows] tr.overall td").nth(2)

    def choose(a: str, b: str) -> None:
        tab.page.locator("select[name=a]").select_option(options[a])
        tab.page.locator("select[name=b]").select_option(options[b])

    choose("alpha", "beta")
    expect(tab.page.locator("[data-verdict]")).to_have_text(re.compile("^beta.*alpha"))
    expect(effect).to_have_text(re.compile(r"^\+"))
    forth = effect.inner_text()
    choose("beta", "alpha")
    expect(effect).to_have_text(forth.replace("+", "\N{MINUS SIGN}"))
    expect(tab.page.locator("[data-verdict]")).to_have_text(re.compile("^beta.*alpha"))
    tab.page.locator("select[name=b]").select_option(options["beta"])
    expect(tab.page.locator("[data-problem]")).to_be_visible()
    tab.close()


@pytest.mark.parametrize("width", [1280, 420])
def test_no_page_is_wider_than_its_window(browser: Browser, site: Path, width: int) -> None:
    for page in [site / "index.html", site / "reported.html", site / "compare.html", board(site)]:
        tab = Watched(browser, page)
        tab.page.set_viewport_size({"width": width, "height": 800})
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width, page.name
        tab.close()
