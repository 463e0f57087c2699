"""The first page: tables at once, and why runs of one task are on several boards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.comparing.compare import compare_runs, load_run
from selfreward_eval.harness.errors import NotComparable
from selfreward_eval.leaderboards import build_leaderboard
from selfreward_eval.leaderboards.board import Board, make_board
from selfreward_eval.leaderboards.grouping import group_runs
from selfreward_eval.leaderboards.reading import read_entry
from selfreward_eval.leaderboards.views import LISTED, index_page, why_apart

MakeRun = Callable[..., Path]
MakeMarks = Callable[..., Any]

GUIDANCE = "model.generation.guidance"


def boards_of(folders: list[Path], *, own_settings: bool = False) -> list[Board]:
    entries = sorted((read_entry(folder, 0) for folder in folders), key=lambda one: one.name)
    groups = group_runs(entries, own_settings=own_settings)
    return [make_board(group, own_settings=own_settings) for group in groups]


def two(make_run: MakeRun, make_marks: MakeMarks, field: str, value: object) -> list[Path]:
    """Two runs that differ in one field beside the model."""
    marks = make_marks(0.5, 10, seed=1)
    return [make_run("plain", marks), make_run("other", marks, identity={field: value})]


def test_the_first_page_has_the_head_of_every_table(
    make_run: MakeRun, make_marks: MakeMarks, tmp_path: Path
) -> None:
    runs = [make_run(f"model-{k:02d}", make_marks(0.5, 12, seed=k)) for k in range(LISTED + 2)]
    (board,) = boards = boards_of(runs)
    (shown,) = index_page("Ours", boards)["boards"]
    assert [row["name"] for row in shown["rows"]] == [row.entry.name for row in board.overall.rows[:LISTED]]
    assert shown["rest"] == 2
    build_leaderboard(runs, tmp_path / "site")
    page = (tmp_path / "site" / "index.html").read_text()
    for row in shown["rows"]:
        assert row["interval"] in page
        assert f'href="models/{row["slug"]}.html"' in page
    assert "2 more models" in page
    assert "Why runs are on different boards" not in page


def test_boards_apart_by_generation_settings_are_joined_by_an_option(
    make_run: MakeRun, make_marks: MakeMarks, tmp_path: Path
) -> None:
    runs = two(make_run, make_marks, GUIDANCE, 5.0)
    (why,) = why_apart(boards_of(runs))
    assert [field["name"] for field in why["fields"]] == [GUIDANCE]
    assert sorted(why["fields"][0]["values"]) == ["2.0", "5.0"]
    assert why["joined"]
    assert len(boards_of(runs, own_settings=True)) == 1
    build_leaderboard(runs, tmp_path / "site")
    assert "--own-settings" in (tmp_path / "site" / "index.html").read_text()


def test_boards_apart_by_anything_else_are_not(make_run: MakeRun, make_marks: MakeMarks) -> None:
    runs = two(make_run, make_marks, "tasks.toy.instruments.detector.revision", "2")
    (why,) = why_apart(boards_of(runs))
    assert not why["joined"]
    assert len(boards_of(runs, own_settings=True)) == 2


@pytest.mark.parametrize(
    ("field", "value"), [(GUIDANCE, 5.0), ("tasks.toy.instruments.detector.revision", "2"), ("limit", 3)]
)
def test_a_field_has_the_name_that_compare_gives_it(
    make_run: MakeRun, make_marks: MakeMarks, field: str, value: object
) -> None:
    runs = two(make_run, make_marks, field, value)
    (why,) = why_apart(boards_of(runs))
    with pytest.raises(NotComparable) as error:
        compare_runs(*map(load_run, runs))
    for told in why["fields"]:
        assert f"{told['name']}: " in str(error.value)
