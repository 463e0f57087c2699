"""``selfreward-eval report``: the page of one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    run_folder: Annotated[Path, typer.Argument(help="A finished run: the folder that holds run.json.")],
    output_path: Annotated[
        Path | None,
        typer.Option(
            "--output-path", "-o", help="The page's file; report.html in the run folder by default."
        ),
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Draw a run as one HTML page: scores, settings and every picture with its verdict."""
    import json

    from selfreward_eval.harness.errors import UsageError
    from selfreward_eval.harness.report import write_run_page

    if output_path is not None and output_path.is_dir():
        raise UsageError(
            f"--output-path {output_path} is a folder; name a file, such as {output_path / 'report.html'}"
        )
    page = write_run_page(run_folder, output_path)
    if json_output:
        print(json.dumps({"page": str(page), "bytes": page.stat().st_size}))
    else:
        print(page)
