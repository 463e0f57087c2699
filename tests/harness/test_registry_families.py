"""One entry for a family of names: ``family:member``."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from selfreward_eval.harness import registry as module
from selfreward_eval.harness.errors import UnknownName
from selfreward_eval.harness.registry import Registry


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> Registry:
    entries = [EntryPoint("paths", "os.path:join", "selfreward_eval.tasks")]
    monkeypatch.setattr(module, "entry_points", lambda group: entries)
    return Registry("tasks")


def test_a_member_is_the_familys_first_argument(tasks: Registry) -> None:
    assert tasks.load("paths:a")("b") == tasks.load("paths")("a", "b")


def test_a_member_may_hold_a_colon_itself(tasks: Registry) -> None:
    assert tasks.load("paths:a:b").args == ("a:b",)


def test_an_unknown_family_is_an_unknown_name(tasks: Registry) -> None:
    with pytest.raises(UnknownName, match="unknown task 'figures:3'"):
        tasks.load("figures:3")
