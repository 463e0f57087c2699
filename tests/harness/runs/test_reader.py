"""Reading run folders back, whole and damaged ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from selfreward_eval.harness.errors import InputError, RunFolderError
from selfreward_eval.harness.runs.reader import load_run

MARKS = {"one": [[1, 0], [1, None]], "two": [[0, 0], [1, 1]]}


@pytest.fixture
def folder(make_run: Callable[..., Path]) -> Path:
    return make_run("tiny", MARKS)


def samples(folder: Path) -> Path:
    (path,) = folder.glob("samples_toy_*.jsonl")
    return path


def test_a_run_comes_back_as_it_was_written(folder: Path) -> None:
    run = load_run(folder)
    assert run.name == "tiny"
    assert run.manifest.identity["seed"] == 0
    assert run.scores["toy"].overall.value == 0.625
    assert [record.doc_id for record in run.records["toy"]] == list(range(8))
    assert run.torn == ()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no run folder at .*nowhere; `selfreward-eval run"):
        load_run(tmp_path / "nowhere")


def test_the_folder_above_a_run_leads_to_it(folder: Path) -> None:
    with pytest.raises(RunFolderError, match=r"no run\.json\); did you mean .*tiny\?"):
        load_run(folder.parent)


def test_a_folder_without_runs_is_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is not a run folder"):
        load_run(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"identity": {}}', '{"identity": 3, "environment": {}, '
                                     '"status": "success", "created": ""}', "\x00\x00"])  # fmt: skip
def test_a_damaged_manifest_is_named(folder: Path, content: str) -> None:
    (folder / "run.json").write_text(content)
    with pytest.raises(RunFolderError, match=r"run\.json is damaged .* run into a new folder"):
        load_run(folder)


@pytest.mark.parametrize("status", ["started", "error"])
def test_an_unfinished_run_is_refused(make_run: Callable[..., Path], status: str) -> None:
    with pytest.raises(RunFolderError, match=f"not finished .status: {status}.; run the same command again"):
        load_run(make_run("half", MARKS, status=status))


def test_a_torn_last_line_is_left_out_and_told(folder: Path) -> None:
    path = samples(folder)
    path.write_bytes(path.read_bytes()[:-20])
    run = load_run(folder)
    assert len(run.records["toy"]) == 7
    assert run.torn == (path,)


def test_the_newest_complete_sample_file_is_read(folder: Path) -> None:
    path = samples(folder)
    partial = folder / "samples_toy_2027-01-01T00-00-00.jsonl"
    partial.write_text(path.read_text().splitlines(keepends=True)[0])
    assert len(load_run(folder).records["toy"]) == 8
    newer = path.read_text().replace('"fine"', '"newer"')
    (folder / "samples_toy_2026-12-01T00-00-00.jsonl").write_text(newer)
    assert load_run(folder).records["toy"][0].measurement.reason == "newer"


def test_tasks_with_a_common_beginning_are_kept_apart(folder: Path) -> None:
    text = samples(folder).read_text()
    (folder / "samples_toy_hard_2027-01-01T00-00-00.jsonl").write_text(text.replace('"fine"', '"hard"'))
    assert load_run(folder).records["toy"][0].measurement.reason == "fine"


def test_a_damaged_line_in_the_middle_is_named(folder: Path) -> None:
    path = samples(folder)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], "{...\n", *lines[2:]]))
    with pytest.raises(InputError, match=r"samples_toy_.*\.jsonl:2 is not a JSON record"):
        load_run(folder)


def test_a_line_of_another_layout_is_named(folder: Path) -> None:
    path = samples(folder)
    path.write_text('{"doc_id": 0}\n' + path.read_text())
    with pytest.raises(InputError, match=r"record 1 of .*\.jsonl is not a sample .KeyError"):
        load_run(folder)


def test_missing_samples_are_named(folder: Path) -> None:
    samples(folder).unlink()
    with pytest.raises(InputError, match=r"scores but no samples_toy_\*\.jsonl"):
        load_run(folder)


def test_results_of_another_run_do_not_count(folder: Path) -> None:
    (results,) = folder.glob("results_*.json")
    content = json.loads(results.read_text())
    content["selfreward"]["fingerprint"] = "other"
    results.write_text(json.dumps(content))
    with pytest.raises(RunFolderError, match="none of its 1 results files is of this run"):
        load_run(folder)
    results.unlink()
    with pytest.raises(RunFolderError, match=r"it has no results_\*\.json"):
        load_run(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "has schema 2, this version reads 1"),
        ({"tasks": {"toy": {}}}, "written in another layout"),
        ({"tasks": None}, "written in another layout"),
    ],
)
def test_results_of_another_layout_are_refused(folder: Path, change: dict[str, object], message: str) -> None:
    (results,) = folder.glob("results_*.json")
    content = json.loads(results.read_text())
    content["selfreward"].update(change)
    results.write_text(json.dumps(content))
    with pytest.raises(RunFolderError, match=message):
        load_run(folder)


def test_damaged_results_are_named(folder: Path) -> None:
    (results,) = folder.glob("results_*.json")
    results.write_text("{")
    with pytest.raises(RunFolderError, match=r"results_.*\.json is damaged"):
        load_run(folder)
