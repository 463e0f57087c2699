"""A run becomes an entry, and a run that contradicts itself is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfreward_eval.harness.errors import InputError, RunFolderError
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.leaderboards.entries import NOT_DRAWN, Items, chosen_items, item_means, slug_of
from selfreward_eval.leaderboards.reading import read_entry

MakeRun = Callable[..., Path]

MARKS = {"one": [[1.0, 0.0], [1.0, None]], "two": [[0.0, 0.0], [1.0, 1.0]]}


def samples_file(folder: Path) -> Path:
    (path,) = folder.glob("samples_*.jsonl")
    return path


def edit_line(folder: Path, number: int, **changes: Any) -> None:
    """Changes keys of one sample line."""
    path = samples_file(folder)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[number].update(changes)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_an_entry_has_the_marks_and_seeds_that_the_run_reader_reads(make_run: MakeRun) -> None:
    folder = make_run("a", MARKS)
    entry, run = read_entry(folder, 4), load_run(folder)
    task = entry.tasks["toy"]
    assert task.scores == run.scores["toy"]
    assert task.items.ids == ("one-0", "one-1", "two-0", "two-1")
    for record in run.records["toy"]:
        row = task.items.ids.index(record.item.id)
        value = record.measurement.values.get("correct")
        found = task.values[row, record.sample.index]
        assert np.isnan(found) if value is None else found == value
        assert task.seeds[row, record.sample.index] == record.sample.seed


def test_a_sample_without_a_line_is_not_drawn(make_run: MakeRun) -> None:
    folder = make_run("a", {"one": [[1.0, None], [0.0, 1.0]]})
    path = samples_file(folder)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for number, line in enumerate(lines) if number != 1))
    task = read_entry(folder, 0).tasks["toy"]
    assert task.seeds[0, 1] == NOT_DRAWN
    assert np.isnan(task.values[0, 1])


def test_a_torn_last_line_is_left_out(make_run: MakeRun) -> None:
    folder = make_run("a", {"one": [[1.0, None]]})
    path = samples_file(folder)
    path.write_bytes(path.read_bytes()[:-9])
    assert read_entry(folder, 0).tasks["toy"].seeds[0, 1] == NOT_DRAWN


def test_results_that_do_not_follow_from_the_samples_are_refused(make_run: MakeRun) -> None:
    folder = make_run("a", MARKS)
    edit_line(folder, 0, correct=0.0)
    with pytest.raises(InputError, match=r"the samples give toy \(overall\) 0.5, the results say 0.625"):
        read_entry(folder, 0)


def test_a_sample_that_is_recorded_twice_is_named(make_run: MakeRun) -> None:
    folder = make_run("a", MARKS)
    path = samples_file(folder)
    path.write_text(path.read_text() + path.read_text().splitlines(keepends=True)[1])
    with pytest.raises(InputError, match=r"sample 1 of item 'one-0' is recorded twice; run the same command"):
        read_entry(folder, 0)


def test_another_run_s_samples_are_not_read(make_run: MakeRun) -> None:
    folder, other = make_run("a", MARKS), make_run("b", {"one": [[1.0, 1.0]]})
    before = read_entry(folder, 0).tasks["toy"].values
    (folder / "samples_toy_2027-01-01T00-00-00.jsonl").write_bytes(samples_file(other).read_bytes())
    np.testing.assert_array_equal(read_entry(folder, 0).tasks["toy"].values, before)


def test_a_failure_that_the_results_do_not_count_is_found(make_run: MakeRun) -> None:
    folder = make_run("a", {"one": [[1.0, 1.0], [1.0, 1.0]]})
    edit_line(folder, 0, status="missing_image", metrics=[])
    with pytest.raises(InputError, match=r"the samples give toy \(overall\) 3 scored, the results say 4"):
        read_entry(folder, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"correct": 1.5}, r"record 1 of .*samples_toy.* has correct = 1.5, which is not in \[0, 1\]"),
        ({"image_idx": 2}, r"sample 2 of item 'one-0', which is not of this run \(its index is 2, the plan"),
        ({"image_idx": 1}, r"sample 1 of item 'one-0', which is not of this run \(its seed is \d+, the plan"),
        ({"status": "lost"}, r"record 1 of .* has the unknown status 'lost'"),
        ({"status": "missing_image"}, r"record 1 of .* has the status missing_image and yet values"),
        ({"seed": -1}, r"sample 0 of item 'one-0', which is not of this run \(its seed is -1, the plan has"),
        ({"doc": {}}, r"record 1 of .* is not a sample \(KeyError: 'prompt_id'\)"),
    ],
)
def test_a_line_that_cannot_be_is_named(make_run: MakeRun, changes: dict[str, Any], message: str) -> None:
    folder = make_run("a", MARKS)
    edit_line(folder, 0, **changes)
    with pytest.raises(InputError, match=message):
        read_entry(folder, 0)


def test_an_unfinished_run_is_refused(make_run: MakeRun) -> None:
    folder = make_run("a", MARKS)
    manifest = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**manifest, "status": "started"}))
    with pytest.raises(RunFolderError, match="is not finished"):
        read_entry(folder, 0)


def test_two_runs_show_the_same_items_whatever_they_recorded() -> None:
    items = Items(tuple("abcdefgh"), ("x",) * 4 + ("y",) * 4, tuple("abcdefgh"))
    some = Items(tuple("bcdefgh"), ("x",) * 3 + ("y",) * 4, tuple("bcdefgh"))
    shown = {items.ids[k] for k in chosen_items(items, 4)}
    assert len(shown) == 4
    assert {some.ids[k] for k in chosen_items(some, 4)} >= shown - {"a"}
    assert [items.categories[k] for k in chosen_items(items, 4)] == ["x", "x", "y", "y"]


def test_cards_are_of_first_samples(make_run: MakeRun) -> None:
    cards = read_entry(make_run("a", MARKS), 3).tasks["toy"].cards
    assert len(cards) == 3
    assert {card["index"] for card in cards} == {0}
    assert {card["badge"] for card in cards} <= {"Right", "Wrong"}


def test_an_item_mean_is_over_scored_samples_only() -> None:
    means = item_means(np.array([[1.0, np.nan], [np.nan, np.nan], [1.0, 0.0]]))
    assert means[0] == 1.0
    assert np.isnan(means[1])
    assert means[2] == 0.5


def test_a_slug_is_safe_and_unique() -> None:
    assert slug_of("../../etc/passwd", "f" * 64) == "etc-passwd-ffffffff"
    assert slug_of("模型", "0" * 64) == "model-00000000"
