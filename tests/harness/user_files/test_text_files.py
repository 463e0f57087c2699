"""Text of unknown origin: where a line ends, and which JSON can be used."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.paths import ROOT

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.user_files.text_files import parse_json, read_lines, read_text, split_lines

NO_LINE_ENDS = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\x1eh"


def test_a_line_ends_at_newlines_only() -> None:
    assert split_lines(f"{NO_LINE_ENDS}\r\nsecond\n\nfourth") == [NO_LINE_ENDS, "second", "", "fourth"]


def test_the_last_line_needs_no_end() -> None:
    assert split_lines("a\nb") == split_lines("a\nb\n") == ["a", "b"]
    assert split_lines("") == []


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    assert read_lines(tmp_path / "a.txt") == ["one", "two"]


def test_a_mark_inside_the_text_stays(tmp_path: Path) -> None:
    assert split_lines("a\n\ufeffb") == ["a", "\ufeffb"]


@pytest.mark.parametrize("data", [b"caf\xe9", "x".encode("utf-16"), b"\xed\xa0\x80"])
def test_what_is_not_utf_8_is_refused_by_name(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.txt is not UTF-8 .*; save it again"):
        read_text(tmp_path / "a.txt", "save it again")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.txt cannot be read \(No such file"):
        read_text(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Expecting property name"),
        ("[" * 100_000, "nested too deeply"),
        ("[" * 500 + "]" * 500, "nested more than 100 deep"),
        ('{"a":' * 101 + "1" + "}" * 101, "nested more than 100 deep"),
        ("1" * 400, "a number of 400 digits"),
        ("1" * 5000, "a number of 5000 digits"),
        ("1e400", "the number 1e400, which is too large"),
        ("NaN", "it holds NaN, which is no JSON"),
        (r'"\ud800"', r"half a character \(the lone surrogate '\\ud800'\)"),
        (r'{"\udc00": 1}', "half a character"),
    ],
)
def test_json_that_later_code_could_not_use_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_json(text)


def test_sound_json_passes() -> None:
    sound = {"pair": "\U0001f600", "deep": [[[1]]], "wide": [[]] * 500, "number": 10**300, "real": -1e300}
    assert parse_json(json.dumps(sound)) == sound
    assert parse_json("[" * 100 + "]" * 100)


def test_a_lenient_reader_gets_single_odd_values() -> None:
    assert parse_json(rf'["\ud800", {"1" * 400}, {"1" * 5000}]', lenient=True) == ["\ud800", 10**400, 10**400]
    assert parse_json("-" + "1" * 5000, lenient=True) == -(10**400)


OPENERS = {"harness/user_files/pictures.py"}
SPLITTERS = {
    "tasks/llava_bench/parsing.py": "a judge's reply",
    "tasks/shapes/judge/facts.py": "our own text",
    "harness/instruments/groundingdino_py.py": "an error message",
    "harness/instruments/backends/weights.py": "an error message",
    "harness/registry.py": "an error message",
    "harness/instruments/backends/packaged.py": "a message of pip",
    "leaderboards/export/hub_errors.py": "an error message",
    "selfreward_eval/cli/config/yaml_text.py": "an error message",
    "selfreward_eval/cli/listing_arguments.py": "our own docstrings",
}
"""Files that may split otherwise, and what they split."""


def sources() -> dict[str, str]:
    folders = ("harness", "tasks", "rewarders", "trainers", "leaderboards", "selfreward_eval/cli")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    return {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in files}


def test_only_one_module_opens_pictures() -> None:
    opening = {name for name, text in sources().items() if re.search(r"\bImage\.open\(|ImageFile", text)}
    assert {name for name in opening if name not in OPENERS} == set()


def test_no_file_is_split_where_a_line_does_not_end() -> None:
    splitting = {name for name, text in sources().items() if ".splitlines(" in text}
    assert splitting - set(SPLITTERS) == set()
