"""Prints where ``selfreward.yaml`` lies: ``lm_eval --tasks "$(python -m tasks.lm_eval),TASK" ...``."""

from __future__ import annotations

from tasks.lm_eval import PLUGIN

if __name__ == "__main__":
    print(PLUGIN)
