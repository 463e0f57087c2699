"""Result files of every version and of strangers: which model, which day, and which rows cannot be true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.leaderboards.importing import Import, import_results, load_imported, write_imported

TASKS = {"geneval": "1"}

THEIRS: dict[str, Any] = {
    "results": {"hellaswag": {"acc,none": 0.61, "acc_stderr,none": 0.005}},
    "config": {"model": "hf"},
    "model_name": "EleutherAI/pythia-14m",
    "date": 1768037400.25,
}


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def imported(tmp_path: Path, name: str = "results_x.json", **changes: Any) -> Import:
    """What THEIRS gives with other parts."""
    return import_results([write(tmp_path / name, {**THEIRS, **changes})], TASKS)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"acc,none": 10**400}, "results.x.acc,none has 401 digits or more, expected a number"),
        ({"acc,none": -(10**400)}, "results.x.acc,none has 401 digits"),
        ({"acc,none": [0.5]}, "results.x.acc,none is [0.5], expected a number"),
        ({"acc,none": True}, "results.x.acc,none is True, expected a number"),
        ({"acc,none": {"deep": "x" * 99}}, "results.x.acc,none is {'deep': 'xxx"),
        (
            {"acc,none": 0.5, "acc_stderr,none": -1},
            "acc_stderr,none is -1.0, a standard error is not negative",
        ),
        ({"acc,none": 0.5, "acc_stderr,none": 10**400}, "acc_stderr,none has 401 digits"),
    ],
)
def test_an_odd_row_is_left_out_alone_and_named(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    found = imported(tmp_path, results={"x": {**row, "f1,none": 0.25}})
    assert [(one.metric, one.value) for one in found.rows] == [("f1", 0.25)]
    (note,) = found.notes
    assert reason in note
    assert note.startswith(str(tmp_path))
    assert note.endswith("the row is left out")


@pytest.mark.parametrize(
    "changes",
    [
        {"results": {"x": 1, "y": {"acc,none": 0.5}}},
        {"results": {"x": {"acc": 1}, "y": {"acc,none": 0.5}}, "n-samples": {"x": {"effective": -1}}},
        {"results": {"x": {"acc": 1}, "y": {"acc,none": 0.5}}, "n-samples": {"x": {"effective": 10**400}}},
    ],
)
def test_an_odd_task_is_left_out_alone(tmp_path: Path, changes: dict[str, Any]) -> None:
    found = imported(tmp_path, **changes)
    assert [row.task for row in found.rows] == ["y"]
    assert len(found.notes) == 1


def test_a_number_of_too_many_digits_for_python_is_one_odd_row(tmp_path: Path) -> None:
    text = json.dumps({**THEIRS, "results": {"x": {"acc": 77, "f1": 0.5}}}).replace("77", "7" * 5000)
    (tmp_path / "results.json").write_text(text)
    assert [row.metric for row in import_results([tmp_path / "results.json"], TASKS).rows] == ["f1"]


@pytest.mark.parametrize(
    ("date", "day"),
    [
        (1768037400.25, "2026-01-10"),
        ("1768037400.25", "2026-01-10"),
        ("20260211_093015", "2026-02-11"),
        ("20240719_0345", "2024-07-19"),
        ("20240719", "2024-07-19"),
        ("2024-07-19T03:45:10.123", "2024-07-19"),
        ("2024-07-19T03-45-10.123", "2024-07-19"),
        ("2024-07-19T23:45:10-05:00", "2024-07-20"),
        ("2024-07-19", "2024-07-19"),
    ],
)
def test_a_date_is_read_in_every_versions_way(tmp_path: Path, date: Any, day: str) -> None:
    found = imported(tmp_path, date=date)
    assert {row.date for row in found.rows} == {day}
    assert found.notes == ()


@pytest.mark.parametrize(
    ("date", "note"),
    [
        ("0719_0345", "its date '0719_0345' has no year and is left out"),
        ("20241332_0345", "no date of an evaluation"),
        ("1_768_037_400", "no date of an evaluation"),
        (True, "no date of an evaluation"),
        (0, "no date of an evaluation"),
        (202407190345, "no date of an evaluation"),
        (-5, "no date of an evaluation"),
        (10**400, "no date of an evaluation"),
        (float("nan"), "no date of an evaluation"),
        ("yesterday", "its date 'yesterday' is left out"),
        (["2024"], "no date of an evaluation"),
    ],
)
def test_a_date_that_is_none_is_left_out_and_named(tmp_path: Path, date: Any, note: str) -> None:
    found = imported(tmp_path, date=date)
    assert {row.date for row in found.rows} == {None}
    assert note in found.notes[0]


@pytest.mark.parametrize(
    ("changes", "model"),
    [
        ({"model_name": "a/b"}, "a/b"),
        ({"config": {"model": "hf-causal", "model_args": "pretrained=a/b,dtype=float"}}, "a/b"),
        ({"config": {"model": "hf", "model_args": {"pretrained": "a/b", "dtype": "float"}}}, "a/b"),
        ({"config": {"model": "hf", "model_args": "pretrained=base,peft=a/b"}}, "a/b"),
        ({"config": {"model": "gpt3", "model_args": "engine=davinci"}}, "davinci"),
        ({"config": {"model": "llava", "model_args": "model_version=a/b"}, "model_name": ""}, "a/b"),
        ({"config": {"model": "vila", "model_args": "base_model=a"}}, "vila (base_model=a)"),
        ({"config": {"model": "gpt2", "model_args": None}}, "gpt2"),
        ({"config": {"model": "gpt2", "model_args": ["x"]}}, "gpt2"),
        ({"config": {}, "model_name": "abcdefgh"}, "abcdefgh"),
        (
            {"config": {"model": "hf", "model_args": "pretrained=llama32b"}, "model_name": "llama32b"},
            "llama32b",
        ),
    ],
)
def test_a_model_is_named_in_every_versions_way(tmp_path: Path, changes: dict[str, Any], model: str) -> None:
    found = imported(tmp_path, **{"model_name": None, **changes})
    assert {row.model for row in found.rows} == {model}
    assert found.notes == ()


@pytest.mark.parametrize(
    ("config", "model"),
    [
        (
            {"model": "selfreward", "model_args": {"adapter": "tiny"}, "selfreward": {"name": "tiny-final"}},
            "tiny-final",
        ),
        ({"model": "dummy", "model_args": "size=3"}, "dummy (size=3)"),
    ],
)
def test_a_random_name_of_lm_eval_is_replaced(tmp_path: Path, config: dict[str, Any], model: str) -> None:
    found = imported(tmp_path, config=config, model_name="mpq2kd8a")
    assert {row.model for row in found.rows} == {model}
    assert f"its model_name 'mpq2kd8a' is random; {model!r} is what its config says" in found.notes[0]


def test_no_standard_error_is_a_metric(tmp_path: Path) -> None:
    row = {
        "alias": " - x", " ": " ", "acc,none": 0.5, "acc_stderr,none": "N/A", "acc_stderr_clt,none": 0.1,
        "acc_stderr_clustered,none": 0.2, "paired_ci_lower,none": -0.1, "paired_pvalue,none": 0.3,
    }  # fmt: skip
    (one,) = imported(tmp_path, results={"x": row}).rows
    assert (one.metric, one.value, one.se) == ("acc", 0.5, 0.2)


def test_names_of_strangers_cannot_steer_a_terminal_or_break_a_file(tmp_path: Path) -> None:
    rows = imported(tmp_path, model_name="a\x1b[2J\ud800", results={"t\n": {"acc\r,f\x00": 0.5}}).rows
    assert [(one.model, one.task, one.metric, one.filter) for one in rows] == [
        ("a\\x1b[2J\\ud800", "t\\n", "acc\\r", "f\\x00")
    ]
    write_imported(tmp_path / "rows.jsonl", rows)
    assert load_imported(tmp_path / "rows.jsonl") == list(rows)
