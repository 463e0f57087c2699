"""``selfreward-eval merge RUN [RUN ...]``: finishes a run whose shards have recorded every sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from selfreward_eval.api.arguments import parse


def merge(
    run: Annotated[Path, typer.Argument(help="Run folder to finish.")],
    others: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders of the same run, from machines without a common disk; not changed."),
    ] = None,
    task_args: Annotated[
        str | None, typer.Option(help="Arguments of the tasks; by default those that its shards recorded.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Merge the parts of a run, and write its samples, results and page as one process writes them.

    Neither the model nor an instrument is loaded. What other folders hold of the run is copied into the
    first one before. Exit codes: 0 done, 2 wrong command line, 4 samples are missing or damaged.
    """
    import json

    from selfreward_eval.api.objects import build_tasks
    from selfreward_eval.cli.run import print_scores
    from selfreward_eval.harness.report import write_run_page
    from selfreward_eval.harness.runs.merging import merge_run, recorded_call
    from selfreward_eval.harness.runs.reader import read_manifest

    manifest = read_manifest(run)
    text = recorded_call(run, manifest).get("task_args", "") if task_args is None else task_args
    tasks = build_tasks(list(manifest.identity["tasks"]), parse(text, "--task-args"), "--task-args")
    finished = merge_run(run, others or [], tasks)
    page = write_run_page(run)
    if json_:
        summary = {
            "folder": str(run),
            "results": str(finished.results_path),
            "page": str(page),
            "samples_copied": finished.reused,
            "tasks": {name: scores.to_json() for name, scores in finished.scores.items()},
        }
        print(json.dumps(summary, indent=2))
        return
    print_scores(finished, page)
