"""``docs/python-api.md``: its blocks are one program that runs, and its names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.installing import environment, python
from support.paths import ROOT

import selfreward_eval

PAGE = (ROOT / "docs" / "python-api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_blocks_run_one_after_another(tmp_path: Path) -> None:
    done = python(["-c", "\n".join(BLOCKS)], tmp_path, environment())
    assert done.returncode == 0, done.stderr
    assert "unknown model 'tniy'; did you mean tiny" in done.stdout
    for made in ("results/tiny-final/report.html", "comparison", "rewards/rewards.html", "training", "site"):
        assert (tmp_path / made).exists(), made


def test_every_public_name_is_explained() -> None:
    named = set(re.findall(r"`(?:se\.)?([A-Za-z_]+)", PAGE))
    assert set(selfreward_eval.__all__) - {"__version__"} - named == set()
