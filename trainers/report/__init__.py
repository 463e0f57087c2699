"""Pages of training: one run, one method with several seeds, several methods side by side.

>>> from selfreward_eval.trainers.report import write_training_page
>>> write_training_page(Path("training/srum-0"))  # doctest: +SKIP
PosixPath('training/srum-0/report.html')

A page holds its pictures, styles and script itself, opens from the disk and makes no request.

==============  ============================================================================
``reading``     a training run's folder as records: the comparison, audits, rounds, steps
``view``        what the page of one training run says
``sections``    its parts: verdicts, reward beside score, rounds, what was trained
``guidance``    scores over the scale grid, and whether a gain is only guidance
``curves``      line charts
``selection``   which pictures stand side by side
``methods``     what the pages of one method and of several say
``themed``      a drawing as SVG inside the page, in the page's colours
``page``        the only module here that touches files
==============  ============================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selfreward_eval.trainers.report.page import (
        write_method_page,
        write_methods_page,
        write_training_page,
    )

__all__ = ["write_method_page", "write_methods_page", "write_training_page"]


def __getattr__(name: str) -> Any:
    # Jinja2 and Pillow are loaded only when a page is written.
    if name in __all__:
        from selfreward_eval.trainers.report import page

        return getattr(page, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
