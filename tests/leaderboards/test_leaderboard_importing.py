"""Result files of lm-eval: read whole, checked, and never taken for comparable without a reason."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import BrokenPlugin, InputError
from selfreward_eval.harness.registry import Registry
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.leaderboards.importing import (
    RANKABLE,
    Imported,
    import_results,
    known_tasks,
    load_imported,
    write_imported,
)
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

TASKS = {"shapes_geneval": "1", "geneval": "1"}

THEIRS: dict[str, Any] = {
    "results": {
        "hellaswag": {
            "alias": "hellaswag",
            "acc,none": 0.61,
            "acc_stderr,none": 0.005,
            "acc_norm,none": 0.79,
            "acc_norm_stderr,none": "N/A",
        },
        "geneval": {"accuracy,none": 0.5},
    },
    "versions": {"hellaswag": 1.0, "geneval": "1"},
    "n-samples": {"hellaswag": {"original": 10042, "effective": 1000}},
    "higher_is_better": {"hellaswag": {"acc": True, "acc_norm": True}},
    "config": {"model": "hf"},
    "model_name": "EleutherAI/pythia-14m",
    "date": 1768037400.25,
}


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return write(tmp_path / "results_2026-01-10T09-30-00.json", THEIRS)


def by_key(rows: Sequence[Imported]) -> Mapping[tuple[str, str], Imported]:
    return {(row.task, row.metric): row for row in rows}


def test_a_file_of_others_is_read_whole(theirs: Path) -> None:
    rows = by_key(import_results([theirs], TASKS).rows)
    assert set(rows) == {("hellaswag", "acc"), ("hellaswag", "acc_norm"), ("geneval", "accuracy")}
    acc = rows["hellaswag", "acc"]
    assert (acc.value, acc.se, acc.n, acc.version, acc.filter) == (0.61, 0.005, 1000, "1.0", "none")
    assert (acc.model, acc.date, acc.ours) == ("EleutherAI/pythia-14m", "2026-01-10", False)
    assert rows["hellaswag", "acc_norm"].se is None


def test_an_unknown_task_is_not_comparable(theirs: Path) -> None:
    row = by_key(import_results([theirs], TASKS).rows)["hellaswag", "acc"]
    assert row.standing == "not comparable: no task 'hellaswag' is registered here"


def test_a_known_task_measured_by_others_is_not_comparable(theirs: Path) -> None:
    row = by_key(import_results([theirs], TASKS).rows)["geneval", "accuracy"]
    assert row.standing.startswith("not comparable: 'geneval' was measured by another program")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ours")
    finished = run(DummyModel(name="lab/dummy"), [ShapesGenEval()], out, limit=6, batch_size=6)
    assert finished.results_path is not None
    return finished.results_path


def test_a_file_of_ours_says_that_its_run_can_be_ranked(ours: Path) -> None:
    rows = import_results([ours], TASKS).rows
    assert rows[0].task == "shapes_geneval"
    assert {row.standing for row in rows} == {RANKABLE}
    assert len(rows) == 7
    assert all(row.ours for row in rows)


def test_a_file_of_ours_at_another_version_is_not_comparable(ours: Path) -> None:
    rows = import_results([ours], {"shapes_geneval": "2"}).rows
    assert {row.standing for row in rows} == {"not comparable: version 1 of 'shapes_geneval', here it is 2"}


def test_registered_tasks_are_known_by_version() -> None:
    assert known_tasks()["shapes_geneval"] == ShapesGenEval.info.version


def test_a_metric_that_is_no_number_has_no_value(tmp_path: Path) -> None:
    content = {**THEIRS, "results": {"x": {"bleu,none": float("nan"), "ppl,none": "N/A"}}}
    rows = import_results([write(tmp_path / "results.json", content)], TASKS).rows
    assert [row.value for row in rows] == [None, None]


def test_metrics_of_older_files_have_no_filter(tmp_path: Path) -> None:
    content = {"results": {"x": {"acc": 0.5, "acc_stderr": 0.1}}, "config": {"model": "gpt2"}}
    (row,) = import_results([write(tmp_path / "results.json", content)], TASKS).rows
    assert (row.metric, row.value, row.se, row.model, row.version) == ("acc", 0.5, 0.1, "gpt2", "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"results": []}, "has no object 'results'"),
        ({"results": {}}, "has no task in 'results'"),
        ({"results": {"x": 1}}, "results.x is a int, expected an object"),
        ({"results": {"x": {"acc,none": [1]}}}, r"results.x.acc,none is \[1\], expected a number"),
        ({"results": {"x": {"acc,none": True}}}, "results.x.acc,none is True"),
        ({"results": {"x": {"acc,none": 1, "acc_stderr,none": -1}}}, "a standard error is not negative"),
        ({"versions": 1}, "'versions' is a int"),
        ({"group_subtasks": {"g": "x"}}, "'group_subtasks' is a str"),
        ({"model_name": None, "config": {}}, "names no model"),
        ({"selfreward": {"schema": 99, "fingerprint": "x"}}, "has schema 99"),
        ({"selfreward": {}}, "has no fingerprint"),
    ],
)
def test_a_file_that_is_laid_out_otherwise_is_named(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = write(tmp_path / "results_bad.json", {**THEIRS, **changes})
    with pytest.raises(InputError, match=rf"results_bad.json.*{message}"):
        import_results([path], TASKS)


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a": "caf\xe9"}', b"\xff\xfe{\x00}\x00", b""])
def test_bytes_that_are_no_json_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "results.json").write_bytes(data)
    with pytest.raises(InputError, match=r"results\.json is not JSON"):
        import_results([tmp_path / "results.json"], TASKS)


def test_a_byte_order_mark_is_skipped(theirs: Path) -> None:
    theirs.write_bytes(b"\xef\xbb\xbf" + theirs.read_bytes())
    assert len(import_results([theirs], TASKS).rows) == 3


def test_a_task_that_cannot_be_imported_is_known_without_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Registry.load

    def load(self: Registry, name: str) -> Any:
        if name == "geneval":
            raise BrokenPlugin("its import raised")
        return real(self, name)

    monkeypatch.setattr(Registry, "load", load)
    assert known_tasks()["geneval"] == ""
    assert known_tasks()["shapes_geneval"] == "1"


def test_a_missing_file_a_folder_and_a_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.json").write_text("not json")
    for name, message in (("no.json", "no result file"), ("", "is a folder"), ("text.json", "is not JSON")):
        with pytest.raises(InputError, match=message):
            import_results([tmp_path / name], TASKS)


def test_the_same_file_twice_is_refused(theirs: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.json"
    copy.write_bytes(theirs.read_bytes())
    with pytest.raises(InputError, match="are the same file"):
        import_results([theirs, copy], TASKS)


def test_rows_survive_being_written_and_read(theirs: Path, tmp_path: Path) -> None:
    rows = list(import_results([theirs], TASKS).rows)
    write_imported(tmp_path / "rows.jsonl", rows)
    assert load_imported(tmp_path / "rows.jsonl") == rows
    assert str(tmp_path) not in (tmp_path / "rows.jsonl").read_text()


@pytest.mark.parametrize("line", ["{}", "[]", "nonsense"])
def test_a_line_that_is_no_row_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "rows.jsonl").write_text(line + "\n")
    with pytest.raises(InputError, match=r"rows.jsonl:1 is not an imported row"):
        load_imported(tmp_path / "rows.jsonl")


ROW: dict[str, Any] = {
    "model": "m", "task": "t\u2028", "version": "1", "metric": "acc", "filter": "none", "value": 0.5,
    "se": 0.1, "n": 3, "higher_is_better": True, "date": "2026-01-01", "file": "f", "sha256": "s",
    "ours": False, "standing": "not comparable",
}  # fmt: skip


def test_a_row_with_a_line_separator_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW, ensure_ascii=False) + "\n\n", encoding="utf-8")
    assert [row.task for row in load_imported(tmp_path / "rows.jsonl")] == ["t\u2028"]


@pytest.mark.parametrize(
    "changes",
    [
        {"value": 10**400}, {"value": True}, {"value": "1"}, {"value": float("nan")}, {"se": -1},
        {"n": "3"}, {"n": -3}, {"n": 1.5}, {"n": True}, {"n": 10**300}, {"higher_is_better": "yes"},
        {"date": 5}, {"date": "yesterday"}, {"ours": "no"}, {"model": " "}, {"task": ""}, {"file": None},
        {"model": "\ud800"}, {"more": 1},
    ],
)  # fmt: skip
def test_a_row_with_an_impossible_value_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps({**ROW, **changes}) + "\n")
    with pytest.raises(InputError, match=r"rows\.jsonl:1 is not an imported row"):
        load_imported(tmp_path / "rows.jsonl")
