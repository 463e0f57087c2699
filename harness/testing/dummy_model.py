"""A model without weights: for tests, for trying out a task, and for timing the harness itself.

``--model dummy`` draws one coloured rectangle on a plain ground, whatever the
prompt. It loads nothing, and it can be made to fail.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

GROUND = (240, 240, 240)


class DummyModel:
    """Draws a picture that depends on (prompt, seed) alone.

    >>> model = DummyModel(missing="unicorn")
    >>> [picture and picture.size for picture in model.generate(["a unicorn", "a horse"], [0, 0])]
    [None, (48, 48)]

    Args:
        name: how the run is called.
        size: side of a picture in pixels, at least 8.
        fail: a text, or several; a prompt that contains one raises RuntimeError, and with it its batch.
        missing: a text, or several; a prompt that contains one gives None instead of a picture.
        log: a file that gets the line ``seed<tab>prompt`` for every picture drawn.
        seconds: how long drawing one picture takes.

    Attributes:
        drawn: (prompt, seed) of every picture drawn, in order.
    """

    def __init__(
        self,
        name: str = "dummy",
        size: int = 48,
        fail: str | Sequence[str] = (),
        missing: str | Sequence[str] = (),
        log: str | Path | None = None,
        seconds: float = 0.0,
    ) -> None:
        if not isinstance(size, int) or size < 8:
            raise UsageError(f"size must be a whole number of at least 8 pixels, got {size!r}")
        if not isinstance(seconds, int | float) or seconds < 0:
            raise UsageError(f"seconds must be a number of at least 0, got {seconds!r}")
        self.name = str(name)
        self.size = size
        self.fail = _texts(fail)
        self.missing = _texts(missing)
        self.log = None if log is None else Path(log)
        self.seconds = float(seconds)
        self.drawn: list[tuple[str, int]] = []

    def identity(self) -> dict[str, Any]:
        """What can change a picture: not the log, and not how long drawing takes."""
        return {
            "adapter": "dummy",
            "name": self.name,
            "revision": "1",
            "generation": {"size": self.size, "fail": list(self.fail), "missing": list(self.missing)},
        }

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image | None]:
        """One RGB picture per (prompt, seed), or None for a prompt in ``missing``.

        Raises:
            RuntimeError: a prompt in ``fail``; nothing of the batch is drawn.
        """
        for prompt in prompts:
            if any(text in prompt for text in self.fail):
                raise RuntimeError(f"asked to fail for {prompt!r}")
        return [
            None if any(text in prompt for text in self.missing) else self._draw(prompt, seed)
            for prompt, seed in zip(prompts, seeds, strict=True)
        ]

    def _draw(self, prompt: str, seed: int) -> Image:
        from PIL import Image as PillowImage

        if self.seconds:  # Sleeping for no time gives the processor away, too.
            time.sleep(self.seconds)
        self.drawn.append((prompt, seed))
        if self.log is not None:
            # One write to a descriptor opened for appending: the line is there even if the process is killed.
            descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                os.write(descriptor, f"{seed}\t{prompt}\n".encode())
            finally:
                os.close(descriptor)
        draw = hashlib.sha256(f"{seed}\x1f{prompt}".encode()).digest()
        width, height = (self.size // 6 + byte % (self.size // 6) for byte in draw[:2])
        left, top = draw[2] % (self.size - width), draw[3] % (self.size - height)
        picture = PillowImage.new("RGB", (self.size, self.size), GROUND)
        picture.paste((draw[4], draw[5], draw[6]), (left, top, left + width, top + height))
        return picture


def _texts(given: str | Sequence[str]) -> tuple[str, ...]:
    """One text or several as a tuple; an empty text would be in every prompt, so it is left out."""
    several = given if isinstance(given, list | tuple) else (given,)
    return tuple(str(text) for text in several if text != "")
