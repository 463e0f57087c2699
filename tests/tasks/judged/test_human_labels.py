"""People's scores of a run's samples, from a stranger's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.judged.human_labels import labels_by_task, read_labels


def write(tmp_path: Path, text: str | bytes, name: str = "labels.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_csv_and_json_lines_hold_the_same_labels(tmp_path: Path) -> None:
    table = read_labels(write(tmp_path, "\ufeffitem,index,score\na,0,0.5\nb,1,1\n"))
    lines = '{"item": "a", "index": 0, "score": 0.5}\n\n{"item": "b", "index": 1, "score": 1}\n'
    records = read_labels(write(tmp_path, lines, "labels.jsonl"))
    assert [(one.item, one.index, one.score) for one in table] == [("a", 0, 0.5), ("b", 1, 1.0)]
    assert [(one.item, one.index, one.score) for one in records] == [("a", 0, 0.5), ("b", 1, 1.0)]


def test_a_name_with_a_line_separator_is_one_line(tmp_path: Path) -> None:
    (label,) = read_labels(write(tmp_path, '{"item": "a\u2028b", "score": 1}\n', "labels.jsonl"))
    assert label.item == "a\u2028b"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("item,index\na,0\n", "lacks the column score"),
        ("item,index,score\n", "holds no label"),
        ("item,index,score\na,0,good\n", r":2 has score = 'good'"),
        ("item,index,score\na,0,nan\n", r":2 has score = 'nan'"),
        ("item,index,score\na,0,\n", r":2 has score = None"),
        ("item,index,score\n,0,1\n", r":2 has item = None"),
        ("item,index,score\na,-1,1\n", r":2 has index = '-1'"),
        ("item,index,score\na,1.5,1\n", r":2 has index = '1.5'"),
        ("item,index,score\na,0,1\na,0,0\n", r":3 scores the same sample as line 2"),
        ("item,index,score\na,0,1,2\n", r":2 has more cells"),
        (b"item,index,score\n\xff,0,1\n", "give a file in UTF-8"),
    ],
)
def test_a_damaged_csv_is_told_with_its_line(tmp_path: Path, rows: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_labels(write(tmp_path, rows))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", ":1 is no JSON object"),
        ("{", ":1 is no JSON "),
        ("[" * 100_000, ":1 is no JSON"),
        ('{"item": 3, "score": 1}', ":1 has item = 3"),
        ('{"item": "a", "score": true}', ":1 has score = True"),
        ('{"item": "a", "score": 1' + "0" * 400 + "}", ":1 has score = 1000"),
        ('{"item": "a", "score": Infinity}', ":1 has score = inf"),
        ('{"item": "a", "index": true, "score": 1}', ":1 has index = True"),
        ('{"item": "a", "task": 1, "score": 1}', ":1 has task = 1"),
    ],
)
def test_a_damaged_line_of_json_is_told_by_its_number(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_labels(write(tmp_path, f"{line}\n", "labels.jsonl"))


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \.csv and no \.jsonl"):
        read_labels(write(tmp_path, "a", "labels.xlsx"))


def test_with_several_tasks_a_label_names_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, "item,index,score\na,0,1\n")
    with pytest.raises(InputError, match=":2 names no task, and the run has x, y"):
        labels_by_task(path, read_labels(path), ["x", "y"])
    named = write(tmp_path, "task,item,index,score\nz,a,0,1\n")
    with pytest.raises(InputError, match=":2: 'z' is no judged task"):
        labels_by_task(named, read_labels(named), ["x", "y"])
