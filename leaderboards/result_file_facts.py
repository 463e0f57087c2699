"""Which model an lm-eval result file is about, and when it was written: every version says it otherwise.

====================== =====================================================================
lm-eval 0.4.3 and on   ``model_name``, from one of the model's arguments; eight random letters
                       and digits where it knows none of them
lm-eval before         ``config.model`` is the kind of model (``hf-causal``), its name is in
                       ``config.model_args``
lmms-eval              ``model_name`` is empty where it knows none of the arguments
our bridge             ``config.selfreward`` is the adapter's identity
====================== =====================================================================

Dates are seconds since 1970 (lm-eval), or texts: ``20260211_093015`` (lmms-eval), ``0719_0345`` (earlier
versions of it, without a year), ISO 8601.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from selfreward_eval.harness.models.layouts.base import printable

__all__ = ["date_of", "model_of"]

NAMING = ("peft", "delta", "pretrained", "model", "model_version", "model_name", "model_id", "path", "engine")
"""Arguments that name a model, in the order of lm-eval and lmms-eval: an adapter comes before its base."""

FIRST_YEAR, LAST_YEAR = 2017, 2100
"""A date outside is none: no such file is older than lm-eval's first commit by years."""

_RANDOM = re.compile(r"[a-z0-9]{8}")
_SECONDS = re.compile(r"[0-9]{9,10}(\.[0-9]+)?")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([_T-][0-9]{4}([0-9]{2})?)?")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.+Z-]*)?")
_NO_YEAR = re.compile(r"[0-9]{4}[_-][0-9]{4}")


def model_of(content: Mapping[str, Any], config: Mapping[str, Any], *, ours: bool) -> tuple[str, str]:
    """The model's name, and a note on how it was found; empty texts where there is none.

    Args:
        content: of the file.
        config: its part ``config``; empty where it has none.
        ours: whether this harness wrote the file.
    """
    given = _text(content.get("model_name"))
    if given and ours:
        return given, ""
    arguments = _arguments(config.get("model_args"))
    named = next((arguments[key] for key in NAMING if arguments.get(key)), "")
    # Only a name that lm-eval found in no argument is random.
    random = bool(_RANDOM.fullmatch(given)) and not named and bool(config)
    if given and not random:
        return given, ""
    adapter = config.get("selfreward")
    identity = _text(adapter.get("name")) if isinstance(adapter, dict) else ""
    kind = _text(config.get("model"))
    told = ",".join(f"{key}={value}" for key, value in arguments.items())
    name = named or identity or (f"{kind} ({told})" if kind and told else kind) or given
    if random and name != given:
        return name, f"its model_name {given!r} is random; {name!r} is what its config says"
    return name, ""


def _text(value: Any) -> str:
    return printable(value.strip()) if isinstance(value, str) else ""


def _arguments(given: Any) -> dict[str, str]:
    """lm-eval's ``model_args``, as a text or as an object."""
    if isinstance(given, str):
        pairs = [pair.partition("=") for pair in given.split(",")]
        return {key.strip(): printable(value.strip()) for key, equals, value in pairs if equals}
    if isinstance(given, dict):
        plain = {str(key): value for key, value in given.items() if isinstance(value, str | int | float)}
        return {printable(key): printable(str(value).strip()) for key, value in plain.items()}
    return {}


def date_of(given: Any) -> tuple[str | None, str]:
    """The day, ``YYYY-MM-DD`` (in UTC where the file tells the zone), and what is wrong with it, if anything.

    >>> date_of("20260211_093015"), date_of(1768037400.25)
    (('2026-02-11', ''), ('2026-01-10', ''))
    """
    if given is None or given == "":
        return None, ""
    text = given.strip() if isinstance(given, str) else ""
    if _NO_YEAR.fullmatch(text):
        return None, f"its date {text!r} has no year and is left out"
    try:
        day = _day(given, text)
    except (ValueError, OverflowError, OSError):
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        return None, f"its date {printable(str(given))[:40]!r} is left out: no date of an evaluation"
    return day.date().isoformat(), ""


def _day(given: Any, text: str) -> datetime | None:
    if isinstance(given, int | float) and not isinstance(given, bool):
        return datetime.fromtimestamp(given, UTC)
    if match := _COMPACT.fullmatch(text):
        return datetime(int(match[1]), int(match[2]), int(match[3]))
    if _SECONDS.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    if not _ISO.fullmatch(text):
        return None
    # File names have dashes for colons, and the time behind the day does not matter without a zone.
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(text[:10])
    return moment.astimezone(UTC) if moment.tzinfo else moment
