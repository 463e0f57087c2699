"""The study behind ``docs/calibration.md``, much reduced: no promise is broken beyond chance."""

from __future__ import annotations

from types import ModuleType

import pytest
from support.paths import ROOT

RUNS = 120
SLACK = 4.5
"""Monte-Carlo errors that a rate may lie outside its bounds: some 500 rates are looked at."""


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from calibration import study

    return study


@pytest.mark.parametrize("section", range(26))
def test_every_promise_is_kept_within_chance(study: ModuleType, section: int) -> None:
    table = study.SECTIONS[section](RUNS)
    assert table.rows
    assert table.broken(SLACK) == []


def test_all_sections_are_looked_at(study: ModuleType) -> None:
    assert len(study.SECTIONS) == 26


def test_a_section_gives_the_same_numbers_again(study: ModuleType) -> None:
    assert study.SECTIONS[18](50) == study.SECTIONS[18](50)


def test_pictures_taken_as_independent_fail(study: ModuleType) -> None:
    table = study.SECTIONS[4](400)
    naive = dict(table.rows)[("10", "0.6", "300")]["naive"]
    assert naive.value < 0.75


def test_a_broken_promise_is_named_and_marked(study: ModuleType) -> None:
    from calibration.counting import Column, Rate, Table
    from calibration.page import page

    columns = (Column("t", "error", promised=True), Column("naive", "error"))
    rates = {"t": Rate(700, 10_000), "naive": Rate(3000, 10_000)}
    table = Table("Two runs", "What is seen.", ("G",), columns, [(("24",), rates)])
    assert table.broken() == ["Two runs, 24: t 7.0%"]
    text = page([table], 10_000)
    assert "| 24 | *7.0* ✗ | *30.0* ✗ |" in text
    assert "Not kept" in text


def test_the_committed_page_keeps_every_promise() -> None:
    text = (ROOT / "docs" / "calibration.md").read_text(encoding="utf-8")
    assert "Every promise is kept." in text
