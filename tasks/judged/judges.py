"""The judge of a task: by name, or one that exists; with what it said before, if that is kept."""

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
    """The judge that a task asks.

    Args:
        judge: registry name, or a judge.
        arguments: of its constructor, with a name.
        replies: a file of earlier replies, which are not asked for again; new ones are added to it.

    Raises:
        UnknownName: no such instrument.
        UsageError: it does not take these arguments, or gives no replies.
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
