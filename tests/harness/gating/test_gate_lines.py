"""Which line a key of a TOML file stands on."""

from __future__ import annotations

from selfreward_eval.harness.gating.lines import line_numbers, line_of

TEXT = '''# A policy.
alpha = 0.05

[sequential]
  batch = 10
[[rule]]  # the first
task = "a"
"quoted" = 1
[[rule]]
name = """
[[rule]]
margin = 1
"""
margin = 0.02
dotted.key = 3
'''


def test_every_table_and_key_has_its_line() -> None:
    lines = line_numbers(TEXT)
    assert line_of(lines, "alpha") == 2
    assert line_of(lines, "sequential", "batch") == 5
    assert line_of(lines, "rule", 0) == 6
    assert line_of(lines, "rule", 0, "quoted") == 8
    assert line_of(lines, "rule", 1) == 9
    assert line_of(lines, "rule", 1, "dotted", "key") == 15


def test_a_text_over_several_lines_is_no_table() -> None:
    lines = line_numbers(TEXT)
    assert line_of(lines, "rule", 1, "margin") == 14
    assert ("rule", 2) not in lines


def test_what_is_missing_is_where_its_table_is() -> None:
    assert line_of(line_numbers(TEXT), "rule", 0, "margin") == 6
    assert line_of(line_numbers(TEXT), "family", 0, "name") == 1


def test_quoted_names_may_hold_brackets_dots_and_quotes() -> None:
    lines = line_numbers('["a]b.c"]\nx = 1\n[ "d\\"e" . f ] # [g]\ny = 2\n')
    assert line_of(lines, "a]b.c", "x") == 2
    assert line_of(lines, 'd\\"e', "f", "y") == 4


def test_only_line_feeds_end_lines() -> None:
    assert line_of(line_numbers("# a\u2028[[rule]]\u0085x = 1\r\nalpha = 1\r\n[t]\r\n"), "t") == 3
