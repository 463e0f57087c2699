"""Reading a policy: what it means, and errors that name the file and the line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from support.paths import ROOT

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.gating.policy import BATCH, COVERAGE, Kind
from selfreward_eval.harness.gating.policy_file import read_policy

WHOLE = """\
schema = 1
alpha = 0.025
power = 0.9
coverage = 0.95
inconclusive = "fail"

[sequential]
batch = 10
seed = 3

[[family]]
name = "gains"
correction = "holm"
require = "any"

[[rule]]
task = "geneval"
margin = 0.02

[[rule]]
name = "counting gets better"
task = "geneval"
category = "counting"
improve = 0
coverage = 1
family = "gains"

[[rule]]
task = "geneval"
floor = 0.5
"""


def test_a_whole_policy(policy: Callable[[str], Path]) -> None:
    found = read_policy(policy(WHOLE))
    assert (found.alpha, found.power, found.undecided_fails) == (0.025, 0.9, True)
    assert (found.sequential.batch, found.sequential.seed) == (10, 3)
    assert found.tasks == ["geneval"]
    margin, improve, floor = found.rules
    assert (margin.name, margin.kind, margin.number, margin.line) == ("geneval margin", Kind.MARGIN, 0.02, 16)
    assert (improve.name, improve.score) == ("counting gets better", "geneval/counting")
    assert [one.coverage for one in found.rules] == [0.95, 1.0, 0.95]
    assert [one.name for one in found.members("gains")] == ["counting gets better"]
    assert (found.groups["gains"].require, floor.asks) == ("any", "no worse than 0.5")
    assert found.sha256 == hashlib.sha256(WHOLE.encode()).hexdigest()


def test_what_is_left_out_has_a_default(policy: Callable[[str], Path]) -> None:
    found = read_policy(policy('[[rule]]\ntask = "a"\nmargin = 0.1\n'))
    assert (found.alpha, found.power, found.undecided_fails) == (0.05, 0.8, False)
    assert (found.sequential.batch, found.sequential.seed, found.rules[0].coverage) == (BATCH, 0, COVERAGE)


RULE = '[[rule]]\ntask = "a"\nmargin = 0.1\n'


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (RULE + "margn = 0.2\n", 4, "unknown key 'margn'; did you mean margin?"),
        ("alfa = 0.1\n" + RULE, 1, "did you mean alpha?"),
        ("[[rule]]\nmargin = 0.1\n", 1, "task is missing here"),
        ('[[rule]]\ntask = "a"\n', 1, "this one has none of them"),
        (RULE + "floor = 0.1\n", 4, "this one has margin and floor"),
        ('[[rule]]\ntask = "a"\nmargin = "2 %"\n', 3, "margin must be a number above 0, got the text '2 %'"),
        ('[[rule]]\ntask = "a"\nmargin = true\n', 3, "got the truth value True"),
        ('[[rule]]\ntask = "a"\nmargin = nan\n', 3, "got the number nan"),
        ('[[rule]]\ntask = "a"\nmargin = 0\n', 3, "margin must be a number above 0"),
        ('[[rule]]\ntask = "a"\nimprove = -0.1\n', 3, "improve must be a number of at least 0, got"),
        ("[[rule]]\ntask = 3\nmargin = 0.1\n", 2, "that is not empty, got the number 3"),
        ("\nalpha = 0.5\n" + RULE, 2, "a number above 0 and below 0.5, got the number 0.5"),
        ("coverage = 99\n" + RULE, 1, "at least 0 and at most 1, got the number 99"),
        ('inconclusive = "pass"\n' + RULE, 1, "one of report, fail, got the text 'pass'"),
        ("power = 0.04\n" + RULE, 1, "power must be above alpha (0.05), got 0.04"),
        ("batch = 3\n" + RULE, 1, "unknown key 'batch'; known here: schema"),
        ('[[rule]]\ntsk = "a"\nmargin = 0.1\n', 2, "unknown key 'tsk'; did you mean task?"),
        ("[sequential]\nbatch = 2.0\n" + RULE, 2, "got the number 2.0"),
        ('[[rule]]\ntask = " "\nmargin = 0.1\n', 2, "not empty, got the text ' '"),
        ("[[rule]]\ntask = 2026-11-29\nmargin = 0.1\n", 2, "not empty, got a date"),
        ("rule = [3]\n", 1, "rule must be tables, each under [[rule]], got the number 3"),
        ("schema = 2\n" + RULE, 1, "schema 2 is not known"),
        ("[sequential]\nbatch = 0\n" + RULE, 2, "whole number of at least 1"),
        ("sequential = 3\n" + RULE, 1, "sequential must be a table"),
        ("rule = 3\n", 1, "each under [[rule]]"),
        ("alpha = 0.05\n", 1, "at least one [[rule]]"),
        (RULE + RULE, 4, "stands on line 1 already"),
        (RULE + 'family = "f"\n', 4, "the family 'f' is not declared"),
        (RULE + '[[family]]\nname = "f"\n', 4, "no rule belongs to the family 'f'"),
        ('[[family]]\nname = "f"\ncorrection = "bonferroni"\n' + RULE, 3, "one of holm, bh, by, none"),
        (
            '[[family]]\nname = "f"\nrequire = "any"\ncorrection = "none"\n' + RULE,
            4,
            "needs a correction",
        ),
        ('[[family]]\nname = "f"\n[[family]]\nname = "f"\n' + RULE, 4, "declared above already"),
        (
            '[[family]]\nname = "f"\n[[rule]]\ntask = "a"\nfloor = 0.1\nfamily = "f"\n',
            6,
            "belongs to no family",
        ),
        ("alpha = \n" + RULE, 1, "this is not TOML"),
    ],
)
def test_an_error_names_the_file_and_the_line(
    policy: Callable[[str], Path], text: str, line: int, said: str
) -> None:
    path = policy(text)
    with pytest.raises(InputError) as error:
        read_policy(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert said in str(error.value)
    assert error.value.exit_code == 4


def test_a_missing_policy_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no policy at .*docs/gating.md"):
        read_policy(tmp_path / "none.toml")


def test_bytes_that_are_no_text_are_no_policy(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not UTF-8"):
        read_policy(path)


DIGITS = "1" * 400


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"alpha = {DIGITS}\n" + RULE,
            r"toml:1: alpha must .*, got the number 1{40}\.\.\. \(400 char",
        ),
        (
            f'[[rule]]\ntask = "a"\nfloor = -{DIGITS}\n',
            r":3: floor must be .*got the number -1{39}\.\.\.",
        ),
        (
            f"[sequential]\nbatch = {DIGITS}\n" + RULE,
            r":2: batch must be a whole number of at least 1",
        ),
        (
            f"[sequential]\nseed = {DIGITS}\n" + RULE,
            r":2: seed must be a whole number of at least 0",
        ),
        (f"schema = {DIGITS}\n" + RULE, r":1: schema must be a whole number"),
        (f"alpha = {'1' * 5000}\n" + RULE, "this is not TOML"),
        (f"a = {'[' * 500}{']' * 500}\n" + RULE, "nested too deeply"),
        ("a = " + "{a = " * 100_000 + "\n" + RULE, "nested too deeply"),
        ("a" + ".a" * 20_000 + " = 1\n" + RULE, r"gate\.toml:1 has more than 200 dots"),
        ("[a" + ".a" * 20_000 + "]\n" + RULE, r"gate\.toml:1 has more than 200 dots"),
        ('[[rule]]\ntask = "a\\u001b[2J"\nmargin = 0.1\n', r":2: task must be a text without control char"),
        ('[[rule]]\ntask = "\\ud800"\nmargin = 0.1\n', r":2: this is not TOML"),
    ],
)
def test_a_strangers_policy_cannot_do_harm(policy: Callable[[str], Path], text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        read_policy(policy(text))
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("mark", ["\u2028", "\u0085", "\u2029"])
def test_lines_are_counted_as_toml_counts_them(policy: Callable[[str], Path], mark: str) -> None:
    with pytest.raises(InputError, match=r"gate\.toml:5: unknown key 'margn'"):
        read_policy(policy(f"# a{mark}b\n" + RULE + "margn = 1\n"))


def test_a_byte_order_mark_and_dotted_comments_do_no_harm(policy: Callable[[str], Path]) -> None:
    assert read_policy(policy("\ufeff# " + "." * 300 + "\r\n" + RULE)).rules[0].task == "a"


def test_the_documented_policy_is_one(policy: Callable[[str], Path]) -> None:
    page = (ROOT / "docs" / "gating.md").read_text()
    found = read_policy(policy(page.split("```toml\n")[1].split("```")[0]))
    assert [one.kind for one in found.rules] == [Kind.MARGIN, Kind.IMPROVE, Kind.IMPROVE, Kind.FLOOR]
