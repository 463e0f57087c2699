"""Any task of lm-eval as a benchmark of ours: ``--tasks lm_eval:NAME``. See ``docs/lm_eval.md``."""

from __future__ import annotations

from pathlib import Path

PLUGIN = Path(__file__).with_name("selfreward.yaml")
"""If it is among the tasks of lm-eval's own command, ``--model selfreward`` is registered there."""
