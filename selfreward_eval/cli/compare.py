"""``selfreward-eval compare A B``: the difference between two runs, with intervals and p-values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selfreward_eval.cli.comparison_text import show
from selfreward_eval.cli.log_with import LogWith, log, trackers
from selfreward_eval.cli.pooled_text import show_pooled
from selfreward_eval.harness.errors import UsageError

if TYPE_CHECKING:
    from selfreward_eval.harness.runs.reader import Run

__all__ = ["compare", "show"]

INDEPENDENT = "independent"


def compare(
    run_a: Annotated[Path | None, typer.Argument(help="Folder of the first run (A, before).")] = None,
    run_b: Annotated[Path | None, typer.Argument(help="Folder of the second run (B, after).")] = None,
    runs_a: Annotated[
        list[Path] | None,
        typer.Option("--runs-a", metavar="DIR...", help="In place of A: one run per training seed."),
    ] = None,
    runs_b: Annotated[
        list[Path] | None, typer.Option("--runs-b", metavar="DIR...", help="In place of B, likewise.")
    ] = None,
    design: Annotated[
        str,
        typer.Option(
            help="Of several runs: independent, paired (run k of both arms shared its training seed), or "
            "untrained-a (A is the one given base model)."
        ),
    ] = INDEPENDENT,
    method_claim: Annotated[
        bool,
        typer.Option(
            "--method-claim",
            help="With several runs: an error if they do not support a claim about the method.",
        ),
    ] = False,
    family: Annotated[
        str,
        typer.Option(
            help="Scores that are corrected together: headlines, categories (of each task), none, or "
            "task,task/category,..."
        ),
    ] = "headlines",
    correction: Annotated[str, typer.Option(help="holm, bh or by.")] = "holm",
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
    output_path: Annotated[
        Path | None,
        typer.Option(
            "--output-path",
            "-o",
            help="Write JSON and a page here: a file, or a folder for compare_A_vs_B.json (of several runs "
            "compare_runs.json).",
        ),
    ] = None,
    plots: Annotated[
        bool, typer.Option("--plots", help="Write the plots there too, as SVG and PNG.")
    ] = False,
    log_with: LogWith = "",
) -> None:
    """Compare two runs over the same items and seeds: paired differences, intervals, p-values.

    Runs that differ in more than the model are refused, with every differing field. With several
    training runs per arm two claims are tested: about these checkpoints, and about the training method.
    """
    if plots and output_path is None:
        raise UsageError("--plots needs --output-path: say where the plots go")
    logged = trackers(log_with)
    if logged and output_path is None:
        raise UsageError("--log-with needs --output-path: say where the log goes")
    if runs_a or runs_b:
        if logged:
            raise UsageError("--log-with is for two runs; leave it out with --runs-a and --runs-b")
        if run_a or run_b:
            raise UsageError("give either two folders, or --runs-a and --runs-b; not both")
        _compare_pools(
            runs_a or [],
            runs_b or [],
            design,
            method_claim,
            family,
            correction,
            as_json,
            output_path,
            plots,
        )
        return
    if method_claim or design != INDEPENDENT:
        raise UsageError("--method-claim and --design are for several training runs: --runs-a and --runs-b")
    if run_a is None or run_b is None:
        raise UsageError("compare takes two run folders, A and B; for several per arm, --runs-a and --runs-b")
    _compare_two(run_a, run_b, family, correction, as_json, output_path, plots, logged)


def _compare_two(
    run_a: Path,
    run_b: Path,
    family: str,
    correction: str,
    as_json: bool,
    output_path: Path | None,
    plots: bool,
    logged: list[str],
) -> None:
    from selfreward_eval.api.compare import write_files
    from selfreward_eval.harness.comparing.compare import compare_runs, load_run

    first, second = load_run(run_a), load_run(run_b)
    say_if_same(first, second)
    comparison = compare_runs(first, second, family=family, correction=correction)
    written = write_files(comparison, first, second, output_path, plots)
    for torn in (*first.torn, *second.torn):
        typer.echo(f"note: the torn last line of {torn} was left out", err=True)
    if as_json:
        _print_json(comparison.to_json())
    else:
        show(comparison)
    _print_written(written, as_json)
    if logged:
        from selfreward_eval.harness.report.tracked import comparison_entry

        log(comparison_entry(comparison), logged, written[0].parent)


def say_if_same(first: Run, second: Run) -> None:
    """Says on standard error that two folders are one run, or copies of one."""
    same = first.folder.resolve() == second.folder.resolve()
    copies = not same and first.manifest == second.manifest
    if same or copies:
        what = "are the same folder" if same else "are copies of one run"
        typer.echo(
            f"note: {first.folder} and {second.folder} {what}, so that every difference is 0; "
            "name another run",
            err=True,
        )


def _compare_pools(
    runs_a: list[Path],
    runs_b: list[Path],
    design: str,
    method_claim: bool,
    family: str,
    correction: str,
    as_json: bool,
    output_path: Path | None,
    plots: bool,
) -> None:
    from selfreward_eval.harness.comparing.claims import Design, write_pooled
    from selfreward_eval.harness.comparing.compare import load_run
    from selfreward_eval.harness.comparing.pooled import compare_pools

    if design not in [known.value for known in Design]:
        raise UsageError(f"--design {design!r} is not known; choose {', '.join(Design)}")
    first, second = [load_run(folder) for folder in runs_a], [load_run(folder) for folder in runs_b]
    pooled = compare_pools(first, second, design=Design(design), family=family, correction=correction)
    for name, task in pooled.tasks.items():
        if method_claim and task.overall.method is None:
            raise UsageError(f"{name}: no claim about the method can be made: {task.overall.refused}")
    written: list[Path] = []
    if output_path is not None:
        from selfreward_eval.harness.report.pooled_page import write_pooled_page

        file = write_pooled(pooled, output_path)
        written = [file, write_pooled_page(pooled, first[0], file.with_suffix(".html"))]
        if plots:
            from selfreward_eval.harness.report.figures import write_pooled_plots

            written += write_pooled_plots(pooled, file.with_suffix(""), first[0])
    for run in (*first, *second):
        for torn in run.torn:
            typer.echo(f"note: the torn last line of {torn} was left out", err=True)
    if as_json:
        _print_json(pooled.to_json())
    else:
        show_pooled(pooled)
    _print_written(written, as_json)


def _print_json(content: dict[str, object]) -> None:
    import json

    typer.echo(json.dumps(content, ensure_ascii=False, allow_nan=False))


def _print_written(written: list[Path], as_json: bool) -> None:
    for path in written:
        typer.echo(f"wrote {path}", err=as_json)
