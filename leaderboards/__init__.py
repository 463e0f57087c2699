"""Leaderboards: many runs side by side, with ties where the data cannot tell them apart.

>>> from selfreward_eval.leaderboards import build_leaderboard
>>> build_leaderboard([Path("results/a"), Path("results/b")], Path("site"))  # doctest: +SKIP

Only runs that :mod:`selfreward_eval.harness.comparing.comparable` lets stand side by side share a table.
Numbers from papers live in ``published/``, are shown apart, and are never ranked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selfreward_eval.leaderboards.build import build_leaderboard

__all__ = ["build_leaderboard"]


def __getattr__(name: str) -> Any:
    # NumPy and Jinja2 are loaded only when a leaderboard is built.
    if name in __all__:
        from selfreward_eval.leaderboards import build

        return getattr(build, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
