"""Progress where standard error is no terminal: lines, not bars, and not too many."""

from __future__ import annotations

import io

from rich.console import Console

from selfreward_eval.cli.progress import BarProgress


def test_lines_come_every_half_minute_with_count_rate_and_estimate() -> None:
    out, now = io.StringIO(), [0.0]
    with BarProgress(Console(file=out, width=60), label="seed 1:", clock=lambda: now[0]) as progress:
        progress.start("geneval", 1000, 100)
        for _ in range(9):
            now[0] += 10.0
            progress.advance("geneval", 100)
    assert out.getvalue().splitlines() == [
        "seed 1: geneval: 100 of 1,000 there already",
        "seed 1: geneval: 400 of 1,000, 10/s, about 0:01:00 left",
        "seed 1: geneval: 700 of 1,000, 10/s, about 0:00:30 left",
        "seed 1: geneval: 1,000 of 1,000, 10/s, done in 0:01:30",
    ]


def test_a_line_does_not_call_steps_samples_and_writes_rates_out() -> None:
    out, now = io.StringIO(), [0.0]
    with BarProgress(Console(file=out, width=60), clock=lambda: now[0]) as progress:
        progress.start("round 1 candidates", 2100, 0)
        now[0] += 2.0
        progress.advance("round 1 candidates", 2100)
    assert out.getvalue().splitlines() == [
        "round 1 candidates: 0 of 2,100",
        "round 1 candidates: 2,100 of 2,100, 1,050/s, done in 0:00:02",
    ]


def test_a_terminal_has_bars() -> None:
    out = io.StringIO()
    with BarProgress(Console(file=out, width=100, force_terminal=True)) as progress:
        progress.start("geneval", 4, 0)
        progress.advance("geneval", 4)
    assert "4/4" in out.getvalue()
    assert "0 of 4" not in out.getvalue()
