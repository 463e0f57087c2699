"""Instruments by name."""

from __future__ import annotations

import pytest

from selfreward_eval.harness.errors import UnknownName, UsageError
from selfreward_eval.harness.instruments.build import build
from selfreward_eval.harness.instruments.mask2former import Mask2FormerDetector


def test_an_instrument_is_built_with_its_arguments() -> None:
    built = build("mask2former", {"batch_size": 3})
    assert isinstance(built, Mask2FormerDetector)
    assert built.batch_size == 3


def test_no_arguments_are_needed() -> None:
    assert isinstance(build("mask2former"), Mask2FormerDetector)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownName, match="did you mean mask2former"):
        build("mask2fromer")


def test_an_argument_that_it_lacks_is_named() -> None:
    with pytest.raises(UsageError, match=r"'mask2former': .*'colour_depth'; its constructor takes: weights="):
        build("mask2former", {"colour_depth": 3})
