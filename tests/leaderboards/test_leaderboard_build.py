"""The site: the same bytes from the same runs, and no more work than a change asks for."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.task import Metric
from selfreward_eval.leaderboards import build_leaderboard
from selfreward_eval.leaderboards.board import Board, make_board
from selfreward_eval.leaderboards.grouping import group_runs
from selfreward_eval.leaderboards.reading import read_entry
from selfreward_eval.leaderboards.views import board_page

MakeRun = Callable[..., Path]
MakeMarks = Callable[..., Any]


def board_of(folders: list[Path]) -> Board:
    (group,) = group_runs([read_entry(folder, 0) for folder in folders])
    return make_board(group)


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def table(site: Path, category: str | None = None) -> list[dict[str, Any]]:
    boards = json.loads((site / "leaderboard.json").read_text())["boards"]
    (found,) = [one for board in boards for one in board["tables"] if one["category"] == category]
    return list(found["rows"])


def test_the_better_model_leads_and_the_others_share_a_rank(three_runs: list[Path], tmp_path: Path) -> None:
    build_leaderboard(three_runs, tmp_path / "site")
    rows = table(tmp_path / "site")
    assert rows[0]["model"] == "strong"
    assert [(row["rank"], row["rank_worst"], row["tie_group"]) for row in rows] == [
        (1, 1, 1),
        (2, 3, 2),
        (2, 3, 2),
    ]
    assert rows[0]["low"] < rows[0]["value"] < rows[0]["high"]


def test_the_same_runs_give_the_same_bytes(three_runs: list[Path], tmp_path: Path) -> None:
    build_leaderboard(three_runs, tmp_path / "first")
    build_leaderboard(list(reversed(three_runs)), tmp_path / "second")
    assert content(tmp_path / "first") == content(tmp_path / "second")


def test_runs_from_elsewhere_and_other_processes_give_the_same_bytes(
    three_runs: list[Path], make_run: MakeRun, make_marks: MakeMarks, tmp_path: Path
) -> None:
    for number in range(7):
        make_run(f"more{number}", make_marks(0.5, 6, seed=10 + number), task="other")
    shutil.copytree(tmp_path / "runs", tmp_path / "moved" / "far" / "away")
    build_leaderboard([tmp_path / "runs"], tmp_path / "first")
    build_leaderboard([tmp_path / "moved" / "far" / "away"], tmp_path / "second", processes=2)
    assert content(tmp_path / "first") == content(tmp_path / "second")


def test_no_file_knows_where_or_when_it_was_made(three_runs: list[Path], tmp_path: Path) -> None:
    build_leaderboard(three_runs, tmp_path / "site")
    for name, data in content(tmp_path / "site").items():
        assert str(tmp_path).encode() not in data, name


def test_nothing_is_read_or_made_again(three_runs: list[Path], tmp_path: Path) -> None:
    build_leaderboard(three_runs, tmp_path / "site")
    again = build_leaderboard(three_runs, tmp_path / "site")
    assert again.read == 0
    assert again.written.made == ()
    assert again.written.removed == ()


def test_a_run_that_is_added_is_the_only_one_read(
    three_runs: list[Path], make_run: MakeRun, make_marks: MakeMarks, tmp_path: Path
) -> None:
    site, new = tmp_path / "site", make_run("new", make_marks(0.5, 40, seed=9), pictures=True)
    build_leaderboard(three_runs, site)
    built = build_leaderboard([*three_runs, new], site)
    assert built.read == 1
    pages = [name for name in built.written.made if name.startswith("models/")]
    assert [name.split("-")[0] for name in pages] == ["models/new"]
    assert "reported.html" not in built.written.made
    build_leaderboard([*three_runs, new], tmp_path / "whole")
    assert content(site) == content(tmp_path / "whole")


def test_a_run_of_another_task_leaves_the_tables_of_this_one(
    three_runs: list[Path], make_run: MakeRun, make_marks: MakeMarks, tmp_path: Path
) -> None:
    build_leaderboard(three_runs, tmp_path / "site")
    other = make_run("other", make_marks(0.5, 5, seed=4), task="elsewhere")
    built = build_leaderboard([*three_runs, other], tmp_path / "site")
    assert not [name for name in built.written.made if name.startswith("boards/toy")]


def test_a_run_that_is_taken_out_leaves_nothing_behind(three_runs: list[Path], tmp_path: Path) -> None:
    build_leaderboard(three_runs, tmp_path / "site")
    built = build_leaderboard(three_runs[:2], tmp_path / "site")
    assert any(name.startswith("models/weaker") for name in built.written.removed)
    build_leaderboard(three_runs[:2], tmp_path / "fresh")
    assert content(tmp_path / "site") == content(tmp_path / "fresh")


def test_a_page_that_was_changed_by_hand_is_made_again(three_runs: list[Path], tmp_path: Path) -> None:
    build_leaderboard(three_runs, tmp_path / "site")
    (tmp_path / "site" / "index.html").write_text("mine now")
    built = build_leaderboard(three_runs, tmp_path / "site")
    assert built.written.made == ("index.html",)


def test_a_damaged_cache_is_only_slower(three_runs: list[Path], tmp_path: Path) -> None:
    build_leaderboard(three_runs, tmp_path / "site")
    before = content(tmp_path / "site")
    for path in (tmp_path / "site.cache").iterdir():
        path.write_bytes(path.read_bytes()[:500])
    assert build_leaderboard(three_runs, tmp_path / "site").read == 3
    assert content(tmp_path / "site") == before


def test_a_run_that_was_measured_again_is_read_again(
    three_runs: list[Path], make_run: MakeRun, make_marks: MakeMarks, tmp_path: Path
) -> None:
    build_leaderboard(three_runs, tmp_path / "site")
    shutil.rmtree(three_runs[2])
    make_run("weaker", make_marks(0.95, 40, seed=8), pictures=True)
    assert build_leaderboard(three_runs, tmp_path / "site").read == 1
    assert {row["model"]: row["rank"] for row in table(tmp_path / "site")}["weaker"] == 1


def test_a_missing_picture_is_told_and_looked_for_again(three_runs: list[Path], tmp_path: Path) -> None:
    site = tmp_path / "site"
    lost = sorted((three_runs[0] / "images").rglob("0_*.png"))
    kept = [path.read_bytes() for path in lost]
    for path in lost:
        path.unlink()
    build_leaderboard(three_runs, site, pictures=2)
    (page,) = (site / "models").glob("strong-*.html")
    assert page.read_text().count("The picture&#39;s file is missing") == 2
    for path, data in zip(lost, kept, strict=True):
        path.write_bytes(data)
    build_leaderboard(three_runs, site, pictures=2)
    assert "is missing" not in page.read_text()


def test_another_picture_in_place_of_the_measured_one_is_not_shown(
    three_runs: list[Path], tmp_path: Path
) -> None:
    for path in (three_runs[0] / "images").rglob("*.png"):
        path.write_bytes(next((three_runs[1] / "images").rglob("*.png")).read_bytes())
    build_leaderboard(three_runs, tmp_path / "site", pictures=2)
    (page,) = (tmp_path / "site" / "models").glob("strong-*.html")
    assert page.read_text().count("is not the one that was measured") == 2


def test_a_picture_outside_the_run_folder_is_not_copied(
    make_run: MakeRun, make_marks: MakeMarks, tmp_path: Path
) -> None:
    run = make_run("a", make_marks(0.5, 2, seed=1), pictures=True)
    (tmp_path / "secret.png").write_bytes(next((run / "images").rglob("*.png")).read_bytes())
    (path,) = run.glob("samples_*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line.update(image="../../secret.png", image_sha256=None)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    build_leaderboard([run], tmp_path / "site")
    assert not (tmp_path / "site" / "pictures").exists()
    assert "points outside the run folder" in next((tmp_path / "site" / "models").iterdir()).read_text()


def test_every_link_leads_to_a_file_of_the_site(three_runs: list[Path], tmp_path: Path) -> None:
    site = tmp_path / "site"
    build_leaderboard(three_runs, site)
    for page in site.rglob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#]*)', page.read_text()):
            if link and not link.startswith(("https://", "http://", "data:")):
                assert (page.parent / link).resolve().is_file(), f"{page.name}: {link}"


def test_words_of_a_run_are_text_on_every_page(
    make_run: MakeRun, make_marks: MakeMarks, tmp_path: Path
) -> None:
    hostile = '<script>alert(1)</script>"><img src=https://example.com/x.png>'
    runs = [
        make_run(f"m{k}", make_marks(0.5, 3, seed=k), model=f"{hostile}{k}", prompt=hostile, pictures=True)
        for k in range(2)
    ]
    build_leaderboard(runs, tmp_path / "site", title=hostile)
    for page in (tmp_path / "site").rglob("*.html"):
        assert "<script>alert" not in page.read_text()
        assert "<img src=https" not in page.read_text()
    assert "<script>" not in (tmp_path / "site" / "leaderboard.md").read_text()
    for script in (tmp_path / "site" / "data").rglob("*.js"):
        assert script.read_bytes().isascii()


def test_csv_has_every_row_of_every_table(three_runs: list[Path], tmp_path: Path) -> None:
    build_leaderboard(three_runs, tmp_path / "site")
    with (tmp_path / "site" / "leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (rows[0]["category"], rows[0]["model"]) == ("overall", "strong")
    assert len(rows) == 9
    assert float(rows[0]["value"]) == table(tmp_path / "site")[0]["value"]


def test_a_name_is_no_formula_in_a_spreadsheet(
    make_run: MakeRun, make_marks: MakeMarks, tmp_path: Path
) -> None:
    build_leaderboard([make_run("a", make_marks(0.5, 3, seed=1), model="=1+1")], tmp_path / "site")
    assert ",'=1+1," in (tmp_path / "site" / "leaderboard.csv").read_text()


def test_markdown_tells_rank_and_interval(three_runs: list[Path], tmp_path: Path) -> None:
    build_leaderboard(three_runs, tmp_path / "site")
    lines = (tmp_path / "site" / "leaderboard.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| ") and "strong" in line]
    assert rows[0].startswith("| 1 | 1 | strong | ")


def test_a_model_without_any_score_has_no_rank(make_run: MakeRun, tmp_path: Path) -> None:
    good = make_run("good", {"one": [[1.0], [0.0]]})
    failed = make_run("failed", {"one": [[None], [None]]})
    build_leaderboard([good, failed], tmp_path / "site")
    rows = table(tmp_path / "site")
    assert [(row["model"], row["rank"], row["value"]) for row in rows] == [
        ("good", 1, 0.5),
        ("failed", None, None),
    ]
    assert rows[0]["rank_worst"] == 1


def test_lower_may_be_better(make_run: MakeRun, make_marks: MakeMarks, tmp_path: Path) -> None:
    metric = Metric("correct", higher_is_better=False)
    runs = [make_run(f"rate{k}", make_marks(k / 10, 40, seed=k), metric=metric) for k in (2, 8)]
    build_leaderboard(runs, tmp_path / "site")
    assert [(row["model"], row["rank"]) for row in table(tmp_path / "site")] == [("rate2", 1), ("rate8", 2)]


def test_samples_without_a_score_can_keep_models_tied(make_run: MakeRun, tmp_path: Path) -> None:
    # Where both have scores, the second is better beyond doubt; half of its samples have none.
    weak = make_run("weak", {"one": [[0.0, 0.0]] * 60})
    lucky = make_run("lucky", {"one": [[1.0, None], [1.0, None], [0.0, None]] * 20})
    build_leaderboard([weak, lucky], tmp_path / "site")
    assert [row["rank"] for row in table(tmp_path / "site")] == [1, 2]
    worse = make_run("worse", {"one": [[1.0, 0.0]] * 60})
    build_leaderboard([worse, lucky], tmp_path / "site")
    assert [row["rank"] for row in table(tmp_path / "site")] == [1, 1]


def test_the_same_run_twice_is_refused(three_runs: list[Path], tmp_path: Path) -> None:
    shutil.copytree(three_runs[0], tmp_path / "copy")
    with pytest.raises(UsageError, match="hold the same run"):
        build_leaderboard([three_runs[0], tmp_path / "copy"], tmp_path / "site")


def test_a_folder_with_other_things_is_not_written_into(three_runs: list[Path], tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="other things in it"):
        build_leaderboard(three_runs, tmp_path / "home")


def test_a_list_of_files_from_elsewhere_removes_nothing_outside(
    three_runs: list[Path], tmp_path: Path
) -> None:
    build_leaderboard(three_runs, tmp_path / "site")
    (tmp_path / "thesis.txt").write_text("years of work")
    listed = json.loads((tmp_path / "site" / "site.json").read_text())
    listed["files"]["../thesis.txt"] = {"inputs": "x", "sha256": "x"}
    (tmp_path / "site" / "site.json").write_text(json.dumps(listed))
    build_leaderboard(three_runs, tmp_path / "site")
    assert (tmp_path / "thesis.txt").exists()


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty is no run folder and holds none"):
        build_leaderboard([tmp_path / "empty"], tmp_path / "site")


def test_the_plot_is_as_wide_as_the_intervals_and_no_wider_than_the_metric(
    make_run: MakeRun, make_marks: MakeMarks
) -> None:
    wide = board_of([make_run("wide", {"one": [[1.0], [0.0]]})])
    labels = [mark["label"] for mark in board_page(wide, wide.overall, [wide], [])["scale"]]
    assert labels == ["0", "25", "50", "75", "100"]
    close = board_of([make_run(f"m{k}", make_marks(0.5, 400, seed=k)) for k in range(2)])
    labels = [mark["label"] for mark in board_page(close, close.overall, [close], [])["scale"]]
    assert len(labels) >= 2
    assert all(30 < float(label) < 70 for label in labels)
