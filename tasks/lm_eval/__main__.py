"""Prints the path of ``selfreward.yaml``.

``lm_eval --tasks "$(python -m selfreward_eval.tasks.lm_eval),TASK" ...``
"""

from __future__ import annotations

from selfreward_eval.tasks.lm_eval import PLUGIN

if __name__ == "__main__":
    print(PLUGIN)
