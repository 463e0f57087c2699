"""Writes the page of several training runs: what the checkpoints show, and what the method.

>>> write_pooled_page(pooled, runs[0], Path("results/compare_runs.html"))  # doctest: +SKIP
PosixPath('results/compare_runs.html')
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.files import write_page
from selfreward_eval.harness.report.drawing import Drawing, to_svg
from selfreward_eval.harness.report.figures import runs_forest
from selfreward_eval.harness.report.notation import notation_for
from selfreward_eval.harness.report.pooled_view import pooled_view
from selfreward_eval.harness.report.rendering import render_page

if TYPE_CHECKING:
    from selfreward_eval.harness.comparing.claims import PooledComparison
    from selfreward_eval.harness.runs.reader import Run

__all__ = ["write_pooled_page"]


def write_pooled_page(pooled: PooledComparison, run: Run, path: Path) -> Path:
    """Writes the page.

    Args:
        pooled: of several training runs.
        run: any of them; what its metrics mean holds for all.
        path: of the page; its folder is made where it is missing.

    Returns:
        ``path``.

    Raises:
        OSError: the page cannot be written.
    """
    ranges = {name: run.scores[name].range for name in pooled.tasks}
    plots = {}
    for name, task in pooled.tasks.items():
        better = task.higher_is_better
        drawing = runs_forest(
            "Every training run", task.overall, notation_for(ranges[name]), higher_is_better=better
        )
        if drawing is not None:
            plots[name] = picture(drawing)
    html = render_page("pooled.jinja", view=pooled_view(pooled, ranges), plots=plots)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A page can be drawn again at any time, so it need not wait for the disk.
    write_page(path, html)
    return path


def picture(drawing: Drawing) -> dict[str, Any]:
    """A drawing for an ``img`` of a page: ``url``, ``width``, ``height`` and ``alt``."""
    encoded = base64.b64encode(to_svg(drawing).encode("utf-8")).decode("ascii")
    return {
        "url": f"data:image/svg+xml;base64,{encoded}",
        "width": f"{drawing.width:g}",
        "height": f"{drawing.height:g}",
        "alt": drawing.title,
    }
