"""The question file and the rule: what upstream makes of odd inputs is in the golden cases."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from support.dpg_bench import HEADER, ROWS, table
from support.paths import DATA

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.dpg_bench.data import DATA_FILES, PROMPTS
from selfreward_eval.tasks.dpg_bench.items import source
from selfreward_eval.tasks.dpg_bench.scoring import official_picture, official_rule, official_run, windows
from selfreward_eval.tasks.dpg_bench.table import Questions, official_questions, strict_questions


def chain(*numbers: int) -> Questions:
    """Questions that each depend on the number before, in the given order of the file."""
    return Questions(
        {number: f"{number}?" for number in numbers},
        {number: (number - 1,) for number in numbers},
        dict.fromkeys(numbers, "entity - whole (x)"),
    )


class TestRule:
    def test_a_zero_runs_down_a_chain_whose_parents_come_first(self) -> None:
        picture = official_picture(chain(1, 2, 3), {1: "no", 2: "yes", 3: "yes"})
        assert picture.kept == {1: 0, 2: 0, 3: 0}
        assert picture.raw == {1: 0, 2: 1, 3: 1}

    def test_it_stops_where_a_child_comes_before_its_parent(self) -> None:
        assert official_rule(chain(3, 2, 1), {3: 1, 2: 1, 1: 0}).kept == {3: 1, 2: 0, 1: 0}

    @pytest.mark.parametrize("said", ["Yes", "yes.", " yes", "y", "true", ""])
    def test_upstream_takes_nothing_but_yes(self, said: str) -> None:
        assert official_picture(chain(1), {1: said}).score == 0

    def test_a_missing_answer_is_no_no(self) -> None:
        with pytest.raises(InputError, match="question 2 has no answer"):
            official_picture(chain(1, 2), {1: "yes"})

    def test_three_perfect_pictures_and_a_bad_last_one_have_no_categories(self) -> None:
        answers = {"a.png": [{1: "yes"}] * 3 + [{1: "no"}]}
        run = official_run({"a": chain(1)}, answers, 64, 4)
        assert (run.score(), run.broad()) == (75, {"entity": 0})

    @pytest.mark.parametrize(("resolution", "pictures"), [(None, 4), (64, 0), ("64", 4)])
    def test_no_windows_are_an_error(self, resolution: Any, pictures: int) -> None:
        with pytest.raises(InputError):
            windows(resolution, pictures)


class TestStrictTable:
    def test_no_row_is_skipped(self) -> None:
        assert list(strict_questions(table())["partiprompts97"].texts) == [1, 2]
        assert list(official_questions(table())["partiprompts97"].texts) == [2]

    def test_parents_come_before_their_children(self) -> None:
        rows = [("a", 3, "2", "t (x)", "c?"), ("a", 2, "1", "t (x)", "b?"), ("a", 1, "0", "t (x)", "a?")]
        assert list(strict_questions(table(rows))["a"].texts) == [1, 2, 3]

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            (("a", 2, "9", "t (x)", "q?"), "depends on 9, which does not exist"),
            (("a", 2, "2", "t (x)", "q?"), r"questions \[2\] of item 'a' depend on each other"),
            (("a", 1, "0", "t (x)", "q?"), "row 2 is a second question 1"),
            (("a", 2, "", "t (x)", "q?"), "row 2 has nothing as its dependency"),
            (("a", 2, "0", "", "q?"), "row 2 has nothing as its tuple"),
            (("a", "two", "0", "t (x)", "q?"), "row 2 has no number"),
            (("a", 2, "1;2", "t (x)", "q?"), "row 2 has no number"),
        ],
    )
    def test_damage_is_named(self, row: tuple[Any, ...], message: str) -> None:
        with pytest.raises(InputError, match=message):
            strict_questions(table([("a", 1, "0", "t (x)", "q?"), row]))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is empty"),
            ("a,b\n", "no column item_id"),
            (HEADER + ",".join("x" * 10) + "\n", "row 1 has 10 fields"),
        ],
    )
    def test_another_file_is_refused(self, text: str, message: str) -> None:
        for read in (official_questions, strict_questions):
            with pytest.raises(InputError, match=message):
                read(text)


class TestOfficialFiles:
    def test_the_prompts_are_upstreams(self) -> None:
        folder = DATA.resolve() / "dpg" / "dpg_bench" / "prompts"
        if not folder.is_dir():
            pytest.skip(f"{folder} is not here: set SELFREWARD_DATA")
        assert {path.stem for path in folder.iterdir()} == set(PROMPTS)
        for name, file in PROMPTS.items():
            assert hashlib.sha256((folder / f"{name}.txt").read_bytes()).hexdigest() == file.sha256

    def test_every_file_is_pinned(self) -> None:
        assert len(DATA_FILES) == 1066
        assert all(len(file.sha256) == 64 or len(file.git_blob) == 40 for file in DATA_FILES)

    def test_sources(self) -> None:
        assert len({source(name) for name in PROMPTS}) == 12
        assert ROWS[0][0] in PROMPTS


def test_a_file_of_windows_line_ends_is_the_same(tmp_path: Path) -> None:
    assert strict_questions(table().replace("\n", "\r\n")) == strict_questions(table())
