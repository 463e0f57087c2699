"""What plug-in authors import for their tests."""

from __future__ import annotations

import subprocess
import sys

import pytest

from selfreward_eval.harness import testing

LIGHT = """
import sys
import selfreward_eval.harness.testing
loaded = [name for name in sys.modules if name.startswith("selfreward_eval.harness.testing.")]
sys.exit(f"imports {loaded}" if loaded else 0)
"""


@pytest.mark.parametrize("name", testing.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(testing, name) is not None
    assert name in dir(testing)


def test_another_name_is_refused_as_usual() -> None:
    with pytest.raises(AttributeError, match="no attribute 'DumyModel'"):
        testing.DumyModel  # noqa: B018


def test_nothing_is_imported_before_it_is_used() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
