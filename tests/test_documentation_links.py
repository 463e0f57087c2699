"""Links between the pages of the documentation lead somewhere, and the files that they name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.paths import ROOT

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md")
    for path in ROOT.glob(pattern)
)  # fmt: skip

LINK = re.compile(r"\]\(([^)#\s]+)")
NAMED = re.compile(r"`((?:benchmarks|docs|examples|harness|selfreward_eval|tasks|tests)/[\w/.*-]+)`")


def missing_links(page: Path) -> list[str]:
    """Relative links of ``page`` that lead to nothing."""
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    return [target for target in targets if "://" not in target and not (page.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page: str) -> None:
    assert missing_links(ROOT / page) == []


def test_a_link_to_nothing_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[a](there.md), [b](gone.md#part), [c](https://example.org/gone), [d](#part)")
    (tmp_path / "there.md").touch()
    assert missing_links(page) == ["gone.md"]


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md", *(
    page for page in PAGES if page.startswith("docs/decisions/")
)])  # fmt: skip
def test_named_files_are_there(page: str) -> None:
    named = NAMED.findall((ROOT / page).read_text(encoding="utf-8"))
    assert [name for name in named if "NAME" not in name and not list(ROOT.glob(name))] == []
