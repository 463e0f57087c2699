"""Builds the judge of a task from a name or an instance, with a cache of replies if one is given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError

if TYPE_CHECKING:
    from selfreward_eval.harness.instruments.judging import Judge


def choose_judge(
    judge: str | Judge, arguments: Mapping[str, Any] | None = None, replies: str | Path | None = None
) -> Judge:
    """The judge that a task uses.

    Args:
        judge: registry name, or an instance.
        arguments: of its constructor, if a name is given.
        replies: cache file of earlier replies, which are reused; new ones are appended.

    Raises:
        UnknownName: no such instrument.
        UsageError: it does not take these arguments, or is not a judge.
    """
    from selfreward_eval.harness.instruments.build import build
    from selfreward_eval.harness.instruments.judging import Judge

    chosen = build(judge, arguments) if isinstance(judge, str) else judge
    if not isinstance(chosen, Judge):
        raise UsageError(f"the instrument {judge!r} is no judge: it gives no replies; name another as judge")
    if replies is None:
        return chosen
    from selfreward_eval.tasks.judged.replies import CachingJudge

    return CachingJudge(chosen, Path(replies).expanduser())
