"""``selfreward-eval demo``: two shipped checkpoints, four benchmarks, one comparison, one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TASKS = ("shapes_geneval", "shapes_t2i_compbench", "shapes_t2i_reasonbench", "shapes_llava_bench")
"""The embedded benchmarks that the demonstration runs."""


def demo(
    output_path: Annotated[Path, typer.Option("--output-path", "-o", help="Where the runs go.")] = Path(
        "demo"
    ),
    limit: Annotated[
        int | None, typer.Option(min=1, help="Items, evenly over categories; all by default.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Run an early and a final checkpoint of the tiny model on the embedded benchmarks and compare them.

    Nothing is downloaded. Takes a few minutes on two CPU cores; the same command goes on where
    it was stopped.
    """
    import json

    from rich.console import Console

    from harness.cli.compare import show
    from harness.cli.progress import BarProgress
    from harness.cli.run import score_table
    from harness.compare import compare_runs, load_run
    from harness.comparison import comparison_file, write_comparison
    from harness.registry import registry
    from harness.report import write_comparison_page, write_run_page
    from harness.run import run

    console = Console(stderr=json_)
    model = registry("models").load("tiny")
    tasks = [registry("tasks").load(name) for name in TASKS]
    folders = []
    for checkpoint in ("early", "final"):
        with BarProgress(label=f"tiny-{checkpoint}") as progress:
            finished = run(
                model(checkpoint=checkpoint),
                [task() for task in tasks],
                output_path,
                limit=limit,
                progress=progress,
                call={"model_args": f"checkpoint={checkpoint}"},
            )
        page = write_run_page(finished.folder)
        folders.append(finished.folder)
        for scores in finished.scores.values():
            console.print(score_table(scores, finished.folder.name))
        console.print(f"page of this run: {page}\n", soft_wrap=True, highlight=False, markup=False)
    before, after = (load_run(folder) for folder in folders)
    comparison = compare_runs(before, after)
    file = write_comparison(comparison, comparison_file(comparison, output_path))
    page = write_comparison_page(comparison, before, after, file.with_suffix(".html"))
    if json_:
        print(json.dumps(comparison.to_json() | {"page": str(page)}, ensure_ascii=False, allow_nan=False))
        return
    show(comparison)
    console.print(f"\nopen this page: {page.resolve()}", soft_wrap=True, highlight=False, markup=False)
