"""What one row of reported numbers may say, as a schema, and what is wrong with a row that breaks it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

__all__ = ["Conditions", "Kind", "Reported", "Source", "problem"]

Kind = Literal["score", "gain"]
"""``score``: values on the protocol's scale. ``gain``: claimed changes, in the unit that the row names."""

_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")


class _Strict(BaseModel):
    """Immutable; refuses unknown fields, values of another type, NaN and infinities."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.netloc:
        raise ValueError("give a whole https address or null")
    return url


def _date(text: str) -> str:
    if not _DATE.fullmatch(text):
        raise ValueError("write YYYY, YYYY-MM or YYYY-MM-DD, or null")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("name the model")
    return text


def _not_empty(values: dict[str, float]) -> dict[str, float]:
    if not values:
        raise ValueError("a row needs at least one number")
    return values


class Source(_Strict):
    """Where a number was printed.

    Attributes:
        title: of the paper or page.
        url: of it, or None where only its title is known.
        locator: table, section or file within it.
        via: the copy it was read in, for second-hand rows.
    """

    title: str
    url: Annotated[str, AfterValidator(_web_address)] | None = None
    locator: str = ""
    via: str = ""


class Conditions(_Strict):
    """What a row may say about how its number came about; it says only what the source tells.

    Attributes:
        prompts: original, or how they were rewritten.
        reasoning: whether the model reasoned in words before it drew.
        images_per_prompt: pictures scored per prompt.
        judge: judging model.
        trained_on: what it was trained on that bears on this benchmark.
        setting: any other setting that changes the number.
    """

    prompts: str = ""
    reasoning: bool = False
    images_per_prompt: int = 0
    judge: str = ""
    trained_on: str = ""
    setting: str = ""


def _conditions(given: dict[str, Any]) -> dict[str, Any]:
    """``given`` itself, in its own order: a condition that is not told has no default."""
    Conditions.model_validate(given)
    return given


class Reported(_Strict):
    """One row.

    Attributes:
        model: as the source calls it.
        protocol: id of a :class:`~selfreward_eval.leaderboards.reported.Protocol`.
        values: column -> number as printed, on the protocol's scale.
        source: where.
        date: of the source: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; None where unknown.
        second_hand: read in a copy, not in the source.
        kind: see :data:`Kind`.
        unit: of a gain.
        baseline: what a gain is measured from.
        uncertainty: column -> half width or standard deviation as printed; ``notes`` says which.
        conditions: some fields of :class:`Conditions`, in the row's order.
        notes: what to compare it with, and what not.
    """

    model: Annotated[str, AfterValidator(_not_blank)]
    protocol: str
    values: Annotated[dict[str, float], AfterValidator(_not_empty)]
    source: Source
    date: Annotated[str, AfterValidator(_date)] | None = None
    second_hand: bool
    kind: Kind = "score"
    unit: str = ""
    baseline: str = ""
    uncertainty: dict[str, float] = {}
    conditions: Annotated[dict[str, Any], AfterValidator(_conditions)] = {}
    notes: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "gain" and not (self.unit and self.baseline):
            raise ValueError("a gain needs its unit and its baseline; add them")
        if self.second_hand and not self.source.via:
            raise ValueError("a second-hand row names the copy it was read in; add source.via")
        return self


_FIELDS: Mapping[tuple[int | str, ...], type[BaseModel]] = {
    (): Reported,
    ("source",): Source,
    ("conditions",): Conditions,
}
"""Place within a row -> what may stand there."""


def problem(error: ValidationError, where: str) -> str:
    """The first thing that is wrong with a row, missing fields before all else."""
    problems = sorted(error.errors(include_url=False), key=lambda one: one["type"] != "missing")
    first = problems[0]
    kind, place = first["type"], first["loc"]
    within = place[:-1]
    parent = f"{where}: {_dotted(within)}" if within else where
    if kind == "missing":
        missing = [
            str(one["loc"][-1]) for one in problems if one["type"] == kind and one["loc"][:-1] == within
        ]
        return f"{parent} lacks {', '.join(missing)}; add it"
    if kind == "extra_forbidden":
        known = ", ".join(_FIELDS[within].model_fields)
        return f"{parent} has the unknown field {str(place[-1])!r}; there are: {known}"
    advice = str(first["ctx"]["error"]) if kind == "value_error" else first["msg"]
    if not place:
        return f"{where}: {advice}"
    return f"{where}: {_dotted(place)} is {first['input']!r}; {advice[:1].lower()}{advice[1:]}"


def _dotted(place: tuple[int | str, ...]) -> str:
    return ".".join(map(str, place))
