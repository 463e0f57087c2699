"""What ``reward`` and ``reward-audit`` share: rewarders from the text of their options."""

from __future__ import annotations

from collections.abc import Mapping

from selfreward_eval.api.rewarders import Choice
from selfreward_eval.harness.errors import UsageError

REWARDER, REWARDER_ARGS = "--rewarder", "--rewarder-args"


def one_choice(text: str) -> Choice:
    """``"srum,reading=paper"`` as a choice.

    Raises:
        UsageError: no name, or arguments that are not key=value.
    """
    from selfreward_eval.api.arguments import parse

    name, _, rest = text.partition(",")
    if not name.strip() or "=" in name:
        raise UsageError(f"{REWARDER} {text!r} names no rewarder; write {REWARDER} NAME,key=value")
    return Choice(name.strip(), name.strip(), parse(rest, REWARDER))


def several_choices(text: str, arguments: str) -> list[Choice]:
    """``"srum,strict=srum"`` with ``"strict.parser=released"`` as choices; ``label=name`` names one twice.

    Raises:
        UsageError: a label that comes twice, or arguments for one that is not there.
    """
    from selfreward_eval.api.arguments import parse

    given = parse(arguments, REWARDER_ARGS)
    named: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        label, _, name = part.partition("=")
        if label in named:
            raise UsageError(f"--rewarders: {label!r} comes twice; write another_label={name or label}")
        named[label.strip()] = (name or label).strip()
    for label, value in given.items():
        if named and label not in named:
            known = ", ".join(named)
            raise UsageError(f"{REWARDER_ARGS}: {label!r} is none of the rewarders ({known})")
        if not isinstance(value, Mapping):
            raise UsageError(f"{REWARDER_ARGS}: write {label}.key=value, got {label}={value}")
    return [Choice(label, name, given.get(label, {})) for label, name in named.items()]
