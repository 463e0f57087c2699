"""Wall time by stage, kept on disk so that it adds up over resumed calls."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selfreward_eval.harness.files import atomic_write_json


class Clock:
    """Wall time by stage, over all resumed calls. A stage inside another one is not part of that.

    Args:
        path: where it is kept.
        digits: behind the decimal point.
    """

    def __init__(self, path: Path, digits: int = 1) -> None:
        self.path, self.digits = path, digits
        self.seconds: dict[str, float] = {}
        self._inside: list[float] = []
        if path.exists():
            self.seconds = json.loads(path.read_text(encoding="utf-8"))

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        began = time.monotonic()
        self._inside.append(0.0)
        try:
            yield
        finally:
            took = time.monotonic() - began
            own = took - self._inside.pop()
            if self._inside:
                self._inside[-1] += took
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + own, self.digits)
            if self.path.parent.is_dir():
                atomic_write_json(self.path, self.seconds)
