"""What changed from one run to another, as a record and, if asked for, as files."""

from __future__ import annotations

from pathlib import Path

from selfreward_eval.api.objects import PathLike
from selfreward_eval.api.run import load_run
from selfreward_eval.harness.comparing import compare
from selfreward_eval.harness.comparing.records import Comparison, comparison_file, write_comparison
from selfreward_eval.harness.runs.reader import Run

__all__ = ["compare_runs", "loaded", "write_files"]


def compare_runs(
    a: PathLike | Run,
    b: PathLike | Run,
    *,
    family: str = "headlines",
    correction: str = "holm",
    output_path: PathLike | None = None,
    plots: bool = False,
) -> Comparison:
    """Compares two runs over the same items and seeds: paired differences, intervals, p-values.

    Args:
        a: the run before: its folder, or what :func:`selfreward_eval.load_run` gave.
        b: the run after, likewise.
        family: what is corrected together: ``headlines``, ``categories``, ``none``, or scores by name.
        correction: ``holm``, ``bh`` or ``by``.
        output_path: also write JSON and a page here: a file, or a folder.
        plots: also write the plots there, as SVG and PNG.

    Raises:
        NotComparable: the runs differ in more than the model.
        InputError: a run that cannot be read.
        UsageError: an unknown family or correction, or plots without an output path.
    """
    first, second = loaded(a), loaded(b)
    comparison = compare.compare_runs(first, second, family=family, correction=correction)
    write_files(comparison, first, second, output_path, plots)
    return comparison


def write_files(
    comparison: Comparison, a: Run, b: Run, output_path: PathLike | None, plots: bool = False
) -> list[Path]:
    """Writes JSON, page and plots, each whole or not at all; returns the files, none without a path.

    Raises:
        UsageError: plots without a path.
    """
    from selfreward_eval.harness.errors import UsageError
    from selfreward_eval.harness.report import write_comparison_page

    if output_path is None:
        if plots:
            raise UsageError("plots need an output path: say where they go")
        return []
    file = comparison_file(comparison, Path(output_path))
    written = [
        write_comparison(comparison, file),
        write_comparison_page(comparison, a, b, file.with_suffix(".html")),
    ]
    if plots:
        from selfreward_eval.harness.report.figures import write_comparison_plots

        written += write_comparison_plots(comparison, a, b, file.with_suffix(""))
    return written


def loaded(run: PathLike | Run) -> Run:
    """A run that was read already, or the one in that folder."""
    return run if isinstance(run, Run) else load_run(run)
