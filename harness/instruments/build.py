"""Instruments by name: what tasks and rewarders build theirs with.

>>> build("mask2former", {"batch_size": 4})  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selfreward_eval.harness.registry import construct, registry


def build(name: str, arguments: Mapping[str, Any] | None = None) -> Any:
    """The instrument registered as ``name``; it loads its weights when it is first used.

    Args:
        name: of an entry point in ``selfreward_eval.instruments``.
        arguments: of its constructor.

    Raises:
        UnknownName: no such instrument.
        MissingExtra: it needs a package that is not installed.
        UsageError: it does not take these arguments.
    """
    factory = registry("instruments").load(name)
    return construct(factory, dict(arguments or {}), f"instrument {name!r}", "its constructor")
