"""Pages: a run or a comparison as one self-contained HTML file.

>>> from selfreward_eval.harness.report import write_run_page
>>> write_run_page(Path("results/tiny"))  # doctest: +SKIP
PosixPath('results/tiny/report.html')

A page holds its pictures, styles and filters itself, opens from the disk and
makes no request. Views (``*_view.py``) are pure and turn records into
dictionaries; templates turn dictionaries into HTML; :mod:`selfreward_eval.harness.report.pages`
is the only module that touches files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selfreward_eval.harness.report.pages import write_comparison_page, write_run_page

__all__ = ["write_comparison_page", "write_run_page"]


def __getattr__(name: str) -> Any:
    # Jinja2 and Pillow are loaded only when a page is written.
    if name in __all__:
        from selfreward_eval.harness.report import pages

        return getattr(pages, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
