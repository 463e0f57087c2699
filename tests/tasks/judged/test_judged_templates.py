"""What a judge is told comes from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.tasks.judged.templates import Template, hashes, load_template


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    path = tmp_path / "ours.txt"
    path.write_text("Rate $answer.\n", encoding="utf-8")
    return path


def own(folder: Path, text: str) -> Path:
    path = folder / "own.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_names_are_filled_in_and_values_are_not_looked_into(ours: Path) -> None:
    template = load_template("rating", ours, None, needs=["answer"])
    assert template.fill(answer="$answer costs $5", other="x") == "Rate $answer costs $5."


def test_braces_and_dollars_may_stand_in_a_template() -> None:
    assert Template("t", 'Answer {"score": $$1} to $name').fill(name="a") == 'Answer {"score": $1} to a'


def test_a_users_file_takes_the_place_of_ours(ours: Path, tmp_path: Path) -> None:
    mine = load_template("rating", ours, own(tmp_path, "What of $answer?"), needs=["answer"])
    assert mine.fill(answer="it") == "What of it?"
    assert mine.sha256 != load_template("rating", ours, None, needs=["answer"]).sha256


def test_white_space_around_a_file_changes_nothing(ours: Path, tmp_path: Path) -> None:
    mine = load_template("rating", ours, own(tmp_path, "\n\nRate $answer.  "), needs=["answer"])
    assert mine == load_template("rating", ours, None, needs=["answer"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Rate it.", r"lacks \$answer"),
        ("Rate $answer and $anwser.", r"unknown name \$anwser; it may hold \$answer"),
        ("Rate $answer for 5$.", r"lone \$"),
    ],
)
def test_a_template_that_cannot_work_is_refused(ours: Path, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_template("rating", ours, own(tmp_path, text), needs=["answer"])
    assert "own.txt" in str(caught.value)


def test_a_file_that_is_not_there_is_named(ours: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.txt"):
        load_template("rating", ours, tmp_path / "absent.txt", needs=[])


def test_hashes_by_name() -> None:
    one, other = Template("a", "x"), Template("b", "x")
    assert hashes({"a": one, "b": other}) == {"a": one.sha256, "b": one.sha256}
    assert len(one.sha256) == 64
