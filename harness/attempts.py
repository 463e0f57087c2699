"""A batch first, then one by one: a member that fails costs its own result, not the batch's.

Whatever computes in batches (drawing, answering, measuring, rewarding, judging) goes through
:func:`attempt_each`, so that a failure means the same everywhere:

>>> def double(words):
...     return [2 * int(word) for word in words]
>>> attempt_each(double, ["1", "2"], lambda word, error: word)
[2, 4]
>>> attempt_each(double, ["1", "x"], lambda word, error: f"{word}: {type(error).__name__}")
[2, 'x: ValueError']
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from selfreward_eval.harness.errors import SelfRewardError

__all__ = ["attempt_each", "is_general", "reason_of"]

Member = TypeVar("Member")
Result = TypeVar("Result")


def is_general(error: Exception) -> bool:
    """Whether ``error`` says that the request is wrong, not one member: every :class:`SelfRewardError`."""
    return isinstance(error, SelfRewardError)


def attempt_each(
    compute: Callable[[Sequence[Member]], Sequence[Result]],
    members: Sequence[Member],
    failed: Callable[[Member, Exception], Result],
    *,
    general: Callable[[Exception], bool] = is_general,
    repeat_single: bool = False,
) -> list[Result]:
    """One result per member, aligned with ``members``.

    All members are computed together. If that raises, each is computed alone, in order, and one that
    raises again gets what ``failed`` makes of it. So one bad member costs one status, and no member is
    computed more than twice.

    Args:
        compute: gives one result per member, or raises; never called without members. No result may
            depend on the other members. Another number of results counts as a failure.
        members: what to compute.
        failed: the result that says why a member has none.
        general: errors that concern every member, which are raised at once, in the batch or alone.
        repeat_single: whether a batch of one that failed is computed once more, as a member of a larger
            batch is: for failures that may pass, such as a dropped connection.

    Raises:
        Exception: one that ``general`` is true of.
        BaseException: what is no Exception, such as KeyboardInterrupt, is never caught.
    """
    if not members:
        return []
    try:
        return _computed(compute, members)
    except Exception as error:
        if general(error):
            raise
        if len(members) == 1 and not repeat_single:
            return [failed(members[0], error)]
    # Outside the handler: the first error would keep the batch's memory alive, which may be what lacked.
    results: list[Result] = []
    for member in members:
        try:
            results += _computed(compute, [member])
        except Exception as error:
            if general(error):
                raise
            results.append(failed(member, error))
    return results


def _computed(
    compute: Callable[[Sequence[Member]], Sequence[Result]], members: Sequence[Member]
) -> list[Result]:
    results = list(compute(members))
    if len(results) != len(members):
        raise ValueError(f"{len(results)} results came back for {len(members)} members of a batch")
    return results


def reason_of(error: Exception) -> str:
    """The error as a record gives it: its type and its message, in text that a file can hold."""
    try:
        message = str(error)
    except Exception:  # A plug-in's own __str__.
        message = "(its message cannot be read)"
    # Half a surrogate pair cannot be written.
    return f"{type(error).__name__}: {message}".encode("utf-8", "backslashreplace").decode("utf-8")
