"""How numbers with intervals are written on the pages."""

from __future__ import annotations

from selfreward_eval.harness.report.notation import ABSENT, MINUS
from selfreward_eval.rewarders.auditing.clusters import Estimate

__all__ = ["estimate", "milliseconds", "number"]


def number(value: float | None, digits: int = 3) -> str:
    """A number, or a dash.

    >>> number(-0.25, 2), number(None)
    ('−0.25', '–')
    """
    if value is None:
        return ABSENT
    text = f"{value:.{digits}f}"
    if text.lstrip("-").strip("0.") == "":
        return text.lstrip("-")
    return text.replace("-", MINUS)


def estimate(one: Estimate) -> dict[str, str]:
    """``value``, ``interval`` and ``why``, the last for what is missing."""
    ends = "" if one.low is None or one.high is None else f"{number(one.low)} to {number(one.high)}"
    return {"value": number(one.value), "interval": ends, "why": one.why}


def milliseconds(seconds: float | None) -> str:
    """A cost per picture."""
    return ABSENT if seconds is None else f"{1000 * seconds:,.1f}"
