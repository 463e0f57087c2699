"""Names to objects: what is offered for a wrong name, and what a broken entry says."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from selfreward_eval.harness import registry as module
from selfreward_eval.harness.errors import MissingExtra, UnknownName, UsageError
from selfreward_eval.harness.registry import Registry

Declared = dict[str, list[tuple[str, str]]]


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The models that packages declare, as (name, value); a test adds its own."""
    entries = [("painter", "json:loads"), ("printer", "json:dumps")]
    monkeypatch.setattr(
        module, "entry_points", lambda group: [EntryPoint(name, value, group) for name, value in entries]
    )
    return entries


def test_the_built_in_entries_are_there_and_load() -> None:
    assert "shapes_geneval" in Registry("tasks").names()
    assert {"dummy", "janus", "tiny"} <= set(Registry("models"))
    assert Registry("tasks").load("shapes_geneval").info.name == "shapes_geneval"


@pytest.mark.usefixtures("declared")
def test_a_name_leads_to_its_object_and_its_origin() -> None:
    import json

    models = Registry("models")
    assert list(models) == models.names() == ["painter", "printer"]
    assert models.origin("painter") == "json:loads"
    assert models.load("painter") is json.loads


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("paintr", "did you mean painter or printer?"),
        ("pinter", "did you mean"),
        ("zzz", "known: painter, printer"),
        ("", "known: painter, printer"),
    ],
)
def test_an_unknown_name_gets_the_nearest_ones(name: str, hint: str) -> None:
    with pytest.raises(UnknownName) as caught:
        Registry("models").load(name)
    assert str(caught.value).startswith(f"unknown model {name!r}; {hint}")


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(UnknownName, match="unknown registry 'paints'; known: tasks, models"):
        Registry("paints")


def test_a_missing_package_is_named(declared: list[tuple[str, str]]) -> None:
    declared.append(("broken", "no_such_package.model:Model"))
    with pytest.raises(MissingExtra, match="the model 'broken' needs the package 'no_such_package'"):
        Registry("models").load("broken")


def test_two_packages_may_not_claim_one_name(declared: list[tuple[str, str]]) -> None:
    declared.append(("painter", "csv:reader"))
    with pytest.raises(UsageError, match=r"two packages declare the model 'painter': json:loads and csv:r"):
        Registry("models")


def test_one_entry_seen_twice_is_one_entry(declared: list[tuple[str, str]]) -> None:
    """An editable installation can list its metadata twice."""
    declared.append(("painter", "json:loads"))
    assert Registry("models").names() == ["painter", "printer"]
