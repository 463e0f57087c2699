"""Run files from strangers: whatever a value is replaced by, there is a result or one line that says why."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

DEEP = "[" * 100_000 + "]" * 100_000
VALUES = (
    "1" * 400,
    "-" + "1" * 5000,
    r'"\ud800"',
    "null",
    "true",
    '"x"',
    "-1",
    "[]",
    "{}",
    "[1]",
    DEEP,
    "NaN",
)
PATTERNS = ("run.json", "results_*.json", "samples_*.jsonl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    finished = run(DummyModel(name="a"), [ShapesGenEval()], out, limit=1, batch_size=8)
    assert finished.results_path is not None
    return finished.results_path.parent


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value; of a list the first entry's."""
    yield before
    for key in (
        value if isinstance(value, dict) else range(min(1, len(value)) if isinstance(value, list) else 0)
    ):
        yield from paths(value[key], (*before, key))


def changed(value: Any, place: tuple[Any, ...], new: str) -> str:
    if not place:
        return new
    value = copy.deepcopy(value)
    part = value
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = "@here@"
    return json.dumps(value).replace('"@here@"', new)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_value_of_another_kind_never_ends_in_a_traceback(folder: Path, pattern: str) -> None:
    (file,) = folder.glob(pattern)
    sound = file.read_text(encoding="utf-8")
    first, _, rest = sound.partition("\n") if pattern.endswith("l") else (sound, "", "")
    value = json.loads(first)
    refused = 0
    try:
        for place in list(paths(value))[::3]:
            for new in VALUES:
                file.write_text(changed(value, place, new) + "\n" + rest, encoding="utf-8")
                try:
                    found = load_run(folder)
                    json.dumps([record.to_json() for record in found.records["shapes_geneval"]]).encode()
                except InputError:
                    refused += 1
    finally:
        file.write_text(sound, encoding="utf-8")
    assert refused > len(VALUES)


@pytest.mark.parametrize("data", [b"caf\xe9", b"[" * 100_000, b"\xff\xfe", b"null", b""])
@pytest.mark.parametrize("pattern", PATTERNS[:2])
def test_bytes_that_are_no_json_are_refused(folder: Path, pattern: str, data: bytes) -> None:
    (file,) = folder.glob(pattern)
    sound = file.read_bytes()
    file.write_bytes(data)
    try:
        with pytest.raises(InputError, match=r"is damaged|is not JSON"):
            load_run(folder)
    finally:
        file.write_bytes(sound)
