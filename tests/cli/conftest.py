"""Fixtures of the command line's tests."""

from __future__ import annotations

from support.commands import command

__all__ = ["command"]
