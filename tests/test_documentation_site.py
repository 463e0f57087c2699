"""The documentation as a site: its navigation, its API page, its links. ``make docs`` builds all of it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from support.paths import ROOT

import selfreward_eval

CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def hook(name: str) -> ModuleType:
    """A file of ``docs/hooks``, as mkdocs imports it."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "hooks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_api_page_has_every_public_name_and_no_other() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    shown = re.findall(r"^::: selfreward_eval\.(\w+)$", page, re.MULTILINE)
    assert sorted(shown) == sorted(set(selfreward_eval.__all__) - {"__version__"})


def test_every_page_is_in_the_navigation() -> None:
    navigation = re.findall(r"[\w./-]+\.md", yaml.safe_dump(CONFIG["nav"]))
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    benchmarks = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("tasks/*/README.md")]
    assert {*pages, *benchmarks} <= set(navigation)


def test_the_theme_asks_no_other_host() -> None:
    assert CONFIG["theme"]["font"] is False
    assert not {"repo_url", "extra_javascript"} & set(CONFIG)


@pytest.mark.parametrize(
    ("page", "link", "moved"),
    [
        ("index.md", "docs/gating.md", "gating.md"),
        ("index.md", "tasks/geneval/README.md#seeds", "tasks/geneval/README.md#seeds"),
        ("architecture.md", "../CONTRIBUTING.md", "CONTRIBUTING.md"),
        ("tasks/geneval/README.md", "../../docs/small_models.md", "../../small_models.md"),
        ("tutorials/write-a-plugin.md", "../../examples/selfreward_examples/my_task.py", "../examples.md"),
        ("gating.md", "no-such-page.md", "no-such-page.md"),
    ],
)
def test_a_link_is_moved_into_the_site(page: str, link: str, moved: str) -> None:
    assert hook("repository_pages").relinked(f"[a]({link})", page) == f"[a]({moved})"


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<a href="b.html">', None),
        ('<a href="b.html#part">', None),
        ('<a href="https://example.org/">', None),
        ('<a href="gone.html">', "page.html links to gone.html, which is not there"),
        ('<a href="b.html#x">', "page.html links to b.html#x, and b.html has no such anchor"),
        ('<img src="gone.png">', "page.html links to gone.png, which is not there"),
        ('<script src="https://a.example/x.js">', "page.html loads https://a.example/x.js from another host"),
        ('<script src="//a.example/x.js">', "page.html loads //a.example/x.js from another host"),
    ],
)  # fmt: skip
def test_a_dead_link_is_found(tmp_path: Path, html: str, problem: str | None) -> None:
    (tmp_path / "b.html").write_text('<h2 id="part">Part</h2>')
    (tmp_path / "page.html").write_text(html)
    found = list(hook("dead_links").problems(tmp_path))
    assert found == ([problem] if problem else [])
