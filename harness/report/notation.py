"""How numbers are written on a page: one rule for every table, headline and label.

A share in [0, 1] is written in per cent, any other metric as it is. What is
absent is written as an en dash, never as a zero.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

ABSENT = "–"
MINUS = "\N{MINUS SIGN}"

_DASHED = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d(?:\.\d+)?)$")


def _signed(text: str) -> str:
    """``text`` with a typographic minus; a rounded zero carries no sign."""
    if text.lstrip("-").strip("0.") == "":
        return text.lstrip("-")
    return text.replace("-", MINUS)


@dataclass(frozen=True)
class Notation:
    """How the numbers of one metric are written.

    Attributes:
        factor: what a value is multiplied with before it is written.
        digits: decimals.
        unit: behind a value, with its space; empty for a bare number.
        difference_unit: behind a difference.
    """

    factor: float
    digits: int
    unit: str = ""
    difference_unit: str = ""

    def number(self, value: float | None) -> str:
        """A value without its unit.

        >>> SHARE.number(0.4406), SHARE.number(None)
        ('44.1', '–')
        """
        return ABSENT if value is None else _signed(f"{value * self.factor:.{self.digits}f}")

    def value(self, value: float | None) -> str:
        """A value with its unit.

        >>> SHARE.value(0.4406)
        '44.1 %'
        """
        return ABSENT if value is None else self.number(value) + self.unit

    def interval(self, low: float | None, high: float | None) -> str:
        """Both ends, or a dash where there is no interval.

        >>> SHARE.interval(0.401, 0.48), SHARE.interval(None, None)
        ('40.1 to 48.0', '–')
        """
        if low is None or high is None:
            return ABSENT
        return f"{self.number(low)} to {self.number(high)}"

    def difference(self, value: float | None) -> str:
        """A difference, always with its sign.

        >>> SHARE.difference(-0.052), SHARE.difference(0.0)
        ('−5.2', '0.0')
        """
        if value is None:
            return ABSENT
        text = self.number(value)
        return text if text.startswith(MINUS) or text.strip("0.") == "" else f"+{text}"

    def difference_interval(self, low: float | None, high: float | None) -> str:
        """Both ends of a difference's interval, with their signs."""
        if low is None or high is None:
            return ABSENT
        return f"{self.difference(low)} to {self.difference(high)}"


SHARE = Notation(100.0, 1, " %", " points")
"""For metrics in [0, 1]: 0.441 is written 44.1 %."""

PLAIN = Notation(1.0, 3)
"""For every other metric."""


RELATIVE = Notation(1.0, 1, " %", " points")
"""For relative scores, which are in per cent as they are."""


def notation_for(value_range: tuple[float, float]) -> Notation:
    """:data:`SHARE` for a metric in [0, 1], else :data:`PLAIN`.

    >>> notation_for((0.0, 1.0)) is SHARE, notation_for((1.0, 10.0)) is PLAIN
    (True, True)
    """
    return SHARE if tuple(value_range) == (0.0, 1.0) else PLAIN


def signed(value: float, digits: int = 2) -> str:
    """A bare number with a typographic minus.

    >>> signed(-0.081)
    '−0.08'
    """
    return _signed(f"{value:.{digits}f}")


def moment(text: str) -> str:
    """An ISO 8601 time for a human; what is none is shown as it is.

    Run folders write times as lm-eval does, in UTC with dashes for colons.

    >>> moment("2026-01-10T09:30:12Z"), moment("2026-01-10T09-30-12.5"), moment("yesterday")
    ('10 Jan 2026, 09:30 UTC', '10 Jan 2026, 09:30 UTC', 'yesterday')
    """
    try:
        time = datetime.fromisoformat(_DASHED.sub(r"\1:\2:\3Z", text))
    except ValueError:
        return text
    zone = "" if time.tzinfo is None else f" {time.tzname()}"
    return f"{time.day} {time:%b %Y, %H:%M}{zone}"


def p_number(p: float | None) -> str:
    """A p-value as it may be printed: never 0.

    >>> p_number(0.0000012), p_number(0.0312), p_number(0.274), p_number(None)
    ('< 0.001', '0.031', '0.27', '–')
    """
    if p is None:
        return ABSENT
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def p_value(p: float | None) -> str:
    """The same as a statement.

    >>> p_value(0.0000012), p_value(0.0312)
    ('p < 0.001', 'p = 0.031')
    """
    text = p_number(p)
    return text if p is None else f"p {text}" if text.startswith("<") else f"p = {text}"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number and its noun.

    >>> count(1, "item"), count(2212, "picture")
    ('1 item', '2,212 pictures')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def share(part: int, whole: int) -> str:
    """``part`` of ``whole`` in per cent; 100 % and 0 % are written only where they are exact.

    >>> share(2211, 2212), share(0, 0), share(5, 5)
    ('99.9 %', '–', '100 %')
    """
    if whole == 0:
        return ABSENT
    if part in (0, whole):
        return "100 %" if part else "0 %"
    return f"{min(99.9, max(0.1, 100 * part / whole)):.1f} %"
