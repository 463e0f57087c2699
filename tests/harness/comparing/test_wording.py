"""Intervals and degrees of freedom beside p-values that are not theirs."""

from __future__ import annotations

from dataclasses import replace

from selfreward_eval.harness.comparing.records import Contrast
from selfreward_eval.harness.comparing.wording import UNADJUSTED_INTERVALS, interval_note, t_freedom

BY_T = Contrast(
    n_items=100, m=4, coverage=1.0, method="paired t", why="", verdict="", effect=0.0243, se=0.01, df=99.0,
    low=0.0045, high=0.0441, t=2.43, p=0.016897, p_adjusted=0.0507, n_units=100,
)  # fmt: skip


def test_an_interval_without_0_beside_an_adjusted_p_above_5_percent_is_explained() -> None:
    assert interval_note([BY_T]) == UNADJUSTED_INTERVALS


def test_where_interval_and_adjusted_p_agree_nothing_is_said() -> None:
    assert interval_note([replace(BY_T, p_adjusted=0.03), replace(BY_T, low=-0.01), None]) == ""


def test_the_degrees_of_freedom_of_a_t_test_are_shown() -> None:
    exact = replace(BY_T, t=2.0, p=0.048239)
    assert t_freedom(replace(exact, p=2 * (1 - 0.9758804))) is None
    from scipy.special import stdtr

    assert t_freedom(replace(exact, p=2 * float(stdtr(99.0, -2.0)))) == 99.0


def test_those_beside_the_p_of_another_test_are_not() -> None:
    assert t_freedom(replace(BY_T, method="exact McNemar", p=0.031)) is None
    assert t_freedom(replace(BY_T, t=None, df=None)) is None
