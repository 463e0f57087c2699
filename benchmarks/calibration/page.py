"""The tables as one Markdown page."""

from __future__ import annotations

from collections.abc import Sequence

from calibration.counting import COVERAGE_AT_LEAST, ERROR_AT_MOST, Column, Rate, Table

HEAD = """\
# Calibration

How often the statistics of `harness/stats` are right, counted on simulated data of known truth.
`make calibration` regenerates this page; the seeds are fixed, so it changes only with the code.

What is promised, at a nominal 5 %: a test rejects a true null hypothesis in at most {error:.0%} of the
runs, and a 95 % interval contains the truth in at least {coverage:.0%}. Columns that promise it are
**bold**, the others are shown for comparison. A number in *italics with a cross* ✗ lies outside
of these bounds, promised or not. The Monte-Carlo error of 5 % is {noise:.2%} (one standard error) over
{runs:,} simulated runs, and larger where the line above a table names fewer.

G is the number of prompts, m the pictures per prompt and run, ICC how alike the pictures of one
prompt are. Resampling methods use 999 resamples here, 9,999 in a comparison.
"""

FOOT = """\
## What follows

- Pictures are not independent. As soon as prompts differ, counting pictures rejects far too often, and
  the more pictures the worse.
- The chosen test keeps its promise for 24 to 553 prompts, right-or-wrong or skewed scores. Exact tests on
  few or coarse marks reject less than 5 %; that is their price, and more pictures lower it.
- The mean of one run needs more care than a difference: a t interval covers too little where scores
  pile up at an end of their range, so every bounded score gets the bounded interval.
- Where few items differ, or nearly all one way, t and sign flips see too little of what may happen, and
  the interval made of gains and losses replaces theirs. Nothing is claimed from strata of fewer than
  {few} items.
- Guards, gates and equivalence use one test; Student's t lets rare losses through.
- The BCa bootstrap rejects too often for 24 prompts and is therefore a second opinion only.
- A few training runs cannot carry Satterthwaite's approximation; below {runs}, the method claim uses a
  bound that is never too narrow, and often too wide.
"""


def page(tables: Sequence[Table], runs: int) -> str:
    """The whole page."""
    from selfreward_eval.harness.stats.choosing import FEW_IN_STRATUM
    from selfreward_eval.harness.stats.crossed import ENOUGH_RUNS

    head = HEAD.format(
        error=ERROR_AT_MOST, coverage=COVERAGE_AT_LEAST, runs=runs, noise=Rate(runs // 20, runs).error
    )
    broken = [one for table in tables for one in table.broken()]
    verdict = (
        "Every promise is kept.\n" if not broken else "Not kept:\n\n" + "".join(f"- {b}\n" for b in broken)
    )
    foot = FOOT.format(few=FEW_IN_STRATUM, runs=ENOUGH_RUNS)
    return "\n".join([head, verdict, *(_section(table) for table in tables), foot])


def _section(table: Table) -> str:
    names = [f"**{one.name}**" if one.promised else one.name for one in table.columns]
    lines = [f"## {table.title}", "", table.text, "", _runs(table), ""]
    lines.append("| " + " | ".join([*table.labels, *names]) + " |")
    lines.append("|" + "---|" * len(table.labels) + "--:|" * len(names))
    for labels, rates in table.rows:
        cells = [_cell(rates.get(column.name), column) for column in table.columns]
        lines.append("| " + " | ".join([*labels, *cells]) + " |")
    return "\n".join([*lines, ""])


def _runs(table: Table) -> str:
    """How many simulated runs stand behind the columns."""
    most: dict[str, int] = {}
    for _, rates in table.rows:
        for name, rate in rates.items():
            if rate is not None:
                most[name] = max(most.get(name, 0), rate.runs)
    usual = max(most.values())
    fewer = [f"{most[c.name]:,} for {c.name}" for c in table.columns if most.get(c.name, usual) < usual]
    return f"Runs: {usual:,}" + (f" ({', '.join(fewer)})" if fewer else "") + "."


def _cell(rate: Rate | None, column: Column) -> str:
    if rate is None:
        return ""
    text = f"{100 * rate.value:.1f}"
    return text if column.within(rate) else f"*{text}* ✗"
