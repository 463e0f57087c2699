"""``selfreward-eval gate BASE CANDIDATE --policy gate.toml``: checks a checkpoint against a policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selfreward_eval.api.arguments import parse
from selfreward_eval.cli.gate_text import show_gate
from selfreward_eval.cli.log_with import LogWith, log, trackers
from selfreward_eval.cli.progress import BarProgress
from selfreward_eval.harness.errors import UsageError

if TYPE_CHECKING:
    from selfreward_eval.harness.gating.findings import Outcome
    from selfreward_eval.harness.gating.policy import Policy
    from selfreward_eval.harness.runs.reader import Run

__all__ = ["gate"]


def gate(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="Folder of the run before.")],
    candidate: Annotated[
        Path | None, typer.Argument(metavar="[CANDIDATE]", help="Folder of the run after.")
    ] = None,
    policy: Annotated[
        Path, typer.Option("--policy", "-p", help="The rules to check, as TOML; see docs/gating.md.")
    ] = Path("gate.toml"),
    sequential: Annotated[
        bool,
        typer.Option(
            "--sequential", help="Evaluate after every batch, and stop as soon as the verdict is decided."
        ),
    ] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="With --sequential: evaluate the finished CANDIDATE in batches.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            help="With --sequential, in place of CANDIDATE: the model adapter that generates its pictures."
        ),
    ] = None,
    model_args: Annotated[str, typer.Option(help="Arguments of --model: key=value,key=value.")] = "",
    task_args: Annotated[str, typer.Option(help="Task arguments with --model, as for run.")] = "",
    batch_size: Annotated[int, typer.Option(min=1, help="Samples per batch; changes speed only.")] = 32,
    output_path: Annotated[
        Path, typer.Option("--output-path", "-o", help="Folder of run folders, for the run of --model.")
    ] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
    json_file: Annotated[Path | None, typer.Option(help="Write the outcome as JSON here.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit report here.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a summary for a pull request here.")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page here, and the comparison's page beside it.")
    ] = None,
    log_with: LogWith = "",
) -> None:
    """Compare a candidate with a base by the rules of a policy: PASS, FAIL or INCONCLUSIVE.

    Exit codes: 0 PASS, 1 FAIL, 3 INCONCLUSIVE, 2 wrong command line, 4 missing or unfit input, 6 a
    plug-in or this program failed. A task that was not measured, and runs that differ in more than the
    model, are 4, never a pass; an error that nobody expected is 6, never a FAIL.
    """
    from selfreward_eval.api.gate import gate as judged
    from selfreward_eval.harness.gating.policy_file import read_policy
    from selfreward_eval.harness.runs.reader import load_run

    _check_options(candidate, sequential, replay, model, model_args, task_args)
    logged = trackers(log_with)
    if logged and candidate is None:
        raise UsageError("--log-with logs into the folder of a finished CANDIDATE; leave it out with --model")
    rules = read_policy(policy)
    before = load_run(base)
    after = load_run(candidate) if candidate is not None else None
    for run in (before, after):
        for torn in run.torn if run else ():
            typer.echo(f"note: the torn last line of {torn} was left out", err=True)
    if model is not None:
        outcome = _live(rules, before, model, model_args, task_args, batch_size, output_path)
    else:
        assert after is not None
        outcome = judged(before, after, rules, sequential=sequential)
    written = _write(outcome, json_file, junit, markdown, html, before, after)
    if as_json:
        import json

        typer.echo(json.dumps(outcome.to_json(), ensure_ascii=False, allow_nan=False))
    else:
        show_gate(outcome)
    for path in written:
        typer.echo(f"wrote {path}", err=as_json)
    if logged and candidate is not None:
        from selfreward_eval.harness.report.tracked import gate_entry

        log(gate_entry(outcome, candidate.resolve().name), logged, candidate)
    raise typer.Exit(outcome.exit_code)


def _check_options(
    candidate: Path | None, sequential: bool, replay: bool, model: str | None, model_args: str, task_args: str
) -> None:

    if candidate is None and model is None:
        raise UsageError("gate takes two run folders, BASE and CANDIDATE; or BASE, --sequential and --model")
    if candidate is not None and model is not None:
        raise UsageError("--model draws the candidate; leave out either it or the folder CANDIDATE")
    if model is not None and not sequential:
        raise UsageError("--model needs --sequential; for a gate on a whole run, run it first")
    if model is None and (model_args or task_args):
        raise UsageError("--model-args and --task-args are for --model, which is not given")
    if replay and (not sequential or candidate is None):
        raise UsageError("--replay goes with --sequential and a finished CANDIDATE")
    if sequential and candidate is not None and not replay:
        raise UsageError(
            "CANDIDATE is finished; add --replay to look at it in batches, or give --model in its place"
        )


def _live(
    rules: Policy,
    before: Run,
    model: str,
    model_args: str,
    task_args: str,
    batch_size: int,
    output_path: Path,
) -> Outcome:
    from selfreward_eval.api.gate import gate as judged
    from selfreward_eval.api.objects import build_model, build_tasks
    from selfreward_eval.harness.gating.candidates import Live
    from selfreward_eval.harness.gating.requirements import require_scores

    require_scores(rules, before, None)
    tasks = build_tasks(rules.tasks, parse(task_args, "--task-args"), "--task-args")
    adapter = build_model(model, parse(model_args, "--model-args"), "--model-args")
    with BarProgress() as progress:
        candidate = Live(
            adapter,
            tasks,
            before,
            output_path,
            batch_size=batch_size,
            progress=progress,
            call={"model_args": model_args},
        )
        return judged(before, candidate, rules, sequential=True)


def _write(
    outcome: Outcome,
    json_file: Path | None,
    junit: Path | None,
    markdown: Path | None,
    html: Path | None,
    before: Run,
    after: Run | None,
) -> list[Path]:
    """Writes the requested files, each atomically; returns them."""
    from selfreward_eval.harness.files import atomic_write_bytes, atomic_write_json, atomic_write_text

    written = [path for path in (json_file, junit, markdown) if path is not None]
    for path in written:
        path.parent.mkdir(parents=True, exist_ok=True)
    if json_file is not None:
        atomic_write_json(json_file, outcome.to_json())
    if junit is not None:
        from selfreward_eval.harness.gating.junit import junit as report

        atomic_write_bytes(junit, report(outcome))
    if markdown is not None:
        from selfreward_eval.harness.gating.summary import markdown as summary

        atomic_write_text(markdown, summary(outcome))
    if html is not None:
        from selfreward_eval.harness.report.gate_page import write_gate_page

        written += write_gate_page(outcome, html, (before, after) if after is not None else None)
    return written
