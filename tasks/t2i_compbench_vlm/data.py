"""The prompt file that this task reads, pinned."""

from __future__ import annotations

from pathlib import Path

from harness.data import PinnedFile, locate
from harness.errors import InputError

PROMPTS = PinnedFile(
    task="srum",
    path="val_comp.json",
    repo="WayneJin0918/SRUM",
    commit="a53ba18ddf095a0acaf45899ccbdb2f4cafd6e60",
    sha256="2b11f966a1d4f800150c0b4770c271bf5bd5b759f70ce6a6df72833db6432bfa",
    licence="Apache-2.0 (prompts of T2I-CompBench: MIT)",
)
"""2,670 prompts in ten categories. Its colours are T2I-CompBench's list before September 2025."""

DATA_FILES = (PROMPTS,)


def prompt_file() -> Path:
    """The verified prompt file on this machine.

    Raises:
        MissingData: it is not there.
        InputError: the file there is not the pinned one.
    """
    try:
        return locate(PROMPTS)
    except InputError as error:
        # The folder is named after the repository, the command wants the task.
        named = str(error).replace(f"data fetch {PROMPTS.task}`", "data fetch t2i_compbench_vlm`")
        raise type(error)(named) from error
