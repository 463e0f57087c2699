"""All sections of the study, each with its own seed, so that one can change without the others."""

from __future__ import annotations

from collections.abc import Callable

from calibration import bounded_runs, designs, few_data, guards, one_run, promises, rare, two_runs
from calibration.counting import Table

RUNS = 10_000
"""Simulated runs per row: the Monte-Carlo error of 5 % is then 0.22 %."""

SECTIONS: tuple[Callable[[int], Table], ...] = (
    lambda runs: two_runs.no_difference(runs, 1),
    lambda runs: two_runs.a_difference(runs, 2),
    lambda runs: two_runs.skewed(runs, 3),
    lambda runs: two_runs.unequal(runs, 4),
    lambda runs: one_run.right_or_wrong(0.7, runs, 5),
    lambda runs: one_run.right_or_wrong(0.9, runs, 6),
    lambda runs: one_run.skewed(runs, 7),
    lambda runs: one_run.extreme(runs, 17),
    lambda runs: bounded_runs.ceiling(runs, 18),
    # Single data sets with clusters and failures: a tenth of the runs.
    lambda runs: bounded_runs.torn(max(1, runs // 10), 19),
    lambda runs: rare.one_way(max(1, runs // 5), 20),
    lambda runs: rare.tiny_strata(max(1, runs // 5), 21),
    lambda runs: rare.leaderboards(max(1, runs // 10), 22),
    lambda runs: guards.guards(runs, 23),
    lambda runs: guards.equivalence_section(runs, 24),
    # Loops over single data sets with an interval found by search: half the runs.
    lambda runs: designs.categories(max(1, runs // 2), 8),
    lambda runs: designs.clusters(max(1, runs // 2), 9),
    lambda runs: designs.training_runs(max(1, runs // 2), 10),
    lambda runs: promises.gates(runs, 11),
    lambda runs: promises.families(runs, 12),
    lambda runs: promises.looks(runs, 13),
    lambda runs: promises.judges(runs, 14),
    lambda runs: promises.plans(runs, 16),
    # Written for fewer runs: a rate of 5 % is then known to within 0.5 %.
    lambda runs: few_data.pooled_seeds(max(1, runs // 5), 31),
    lambda runs: few_data.plans_of_few(max(1, runs // 10), 32),
    lambda runs: few_data.few_labels(max(1, runs // 5), 33),
)
