"""How much memory a piece of work takes, watched while it runs.

>>> with MemoryWatch(device) as memory:  # doctest: +SKIP
...     work()
>>> memory.peak - memory.before  # doctest: +SKIP
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import torch

__all__ = ["MemoryWatch"]

INTERVAL = 0.005
"""Seconds between two looks at the memory in use."""


class MemoryWatch:
    """Watches the memory in use; ``before`` and ``peak`` in bytes."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None
        self.before = self.peak = 0

    def __enter__(self) -> Self:
        if self._device.type == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats(self._device)
            self.before = self.peak = torch.cuda.memory_allocated(self._device)
            return self
        self.before = self.peak = _resident()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def _watch(self) -> None:
        while not self._stop.wait(INTERVAL):
            self.peak = max(self.peak, _resident())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watcher is None:
            import torch

            self.peak = torch.cuda.max_memory_allocated(self._device)
            return
        self._stop.set()
        self._watcher.join()
        self.peak = max(self.peak, _resident())


def _resident() -> int:
    """Bytes of this process in main memory."""
    import psutil

    return int(psutil.Process().memory_info().rss)
