"""Only runs that differ in the model alone share a table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.leaderboards.grouping import Group, group_runs
from selfreward_eval.leaderboards.reading import read_entry

MakeRun = Callable[..., Path]

MARKS = {"one": [[1.0, 0.0], [1.0, 1.0]]}


def groups_of(*folders: Path, own_settings: bool = False) -> list[Group]:
    entries = sorted((read_entry(folder, 0) for folder in folders), key=lambda one: one.name)
    return group_runs(entries, own_settings=own_settings)


def names(groups: list[Group]) -> set[frozenset[str]]:
    return {frozenset(entry.name for entry in group.entries) for group in groups}


def test_runs_that_differ_in_the_model_share_a_table(make_run: MakeRun) -> None:
    groups = groups_of(make_run("a", MARKS), make_run("b", {"one": [[0.0, 0.0], [1.0, 1.0]]}))
    assert names(groups) == {frozenset("ab")}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", 1),
        ("seed_policy", "official"),
        ("limit", 2),
        ("tasks.toy.version", "2"),
        ("tasks.toy.items_sha256", "other"),
        ("tasks.toy.instruments", {"detector": {"name": "oracle", "revision": "2"}}),
        ("tasks.toy.options", {"fixed": True}),
        ("model.generation.guidance", 5.0),
    ],
)
def test_any_other_difference_keeps_runs_apart(make_run: MakeRun, field: str, value: object) -> None:
    groups = groups_of(make_run("a", MARKS), make_run("b", MARKS, identity={field: value}))
    assert names(groups) == {frozenset("a"), frozenset("b")}
    assert groups[0].key != groups[1].key


def test_models_may_keep_their_own_generation_settings_if_asked(make_run: MakeRun) -> None:
    a = make_run("a", MARKS)
    b = make_run("b", MARKS, identity={"model.generation.guidance": 5.0})
    c = make_run("c", MARKS, identity={"seed": 3})
    assert names(groups_of(a, b, c, own_settings=True)) == {frozenset("ab"), frozenset("c")}


def test_tasks_have_tables_of_their_own(make_run: MakeRun) -> None:
    groups = groups_of(make_run("a", MARKS), make_run("b", MARKS, task="other"))
    assert [group.task for group in groups] == ["other", "toy"]


def test_the_name_of_a_table_does_not_hang_on_who_stands_in_it(make_run: MakeRun) -> None:
    a, b = make_run("a", MARKS), make_run("b", MARKS)
    assert groups_of(a)[0].key == groups_of(b)[0].key == groups_of(a, b)[0].key


def test_equal_settings_with_other_seeds_contradict_themselves(make_run: MakeRun) -> None:
    own = {"seed_policy": "official"}  # Seeds that are hashed are checked when a run is read.
    a, b = make_run("a", MARKS, identity=own), make_run("b", MARKS, identity=own)
    (path,) = b.glob("samples_*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[3]["seed"] = 7
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(InputError, match=r"sample 1 of item 'one-1' was drawn from the seed .* from 7 in b-"):
        groups_of(a, b)
