"""Wall time by stage, kept on disk so that it adds up over resumed calls."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selfreward_eval.harness.files import atomic_write_json


class Clock:
    """Wall time by stage, over all resumed calls.

    Args:
        path: where it is kept.
        digits: behind the decimal point.
    """

    def __init__(self, path: Path, digits: int = 1) -> None:
        self.path, self.digits = path, digits
        self.seconds: dict[str, float] = {}
        if path.exists():
            self.seconds = json.loads(path.read_text(encoding="utf-8"))

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.monotonic() - began, self.digits)
            if self.path.parent.is_dir():
                atomic_write_json(self.path, self.seconds)
