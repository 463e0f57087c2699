"""The prompt file that this task reads, pinned."""

from __future__ import annotations

from selfreward_eval.harness.data import PinnedFile

PROMPTS = PinnedFile(
    folder="srum",
    path="val_comp.json",
    repo="WayneJin0918/SRUM",
    commit="a53ba18ddf095a0acaf45899ccbdb2f4cafd6e60",
    sha256="2b11f966a1d4f800150c0b4770c271bf5bd5b759f70ce6a6df72833db6432bfa",
    licence="Apache-2.0 (prompts of T2I-CompBench: MIT)",
    task="t2i_compbench_vlm",
)
"""2,670 prompts in ten categories. Its colours are T2I-CompBench's list before September 2025."""

DATA_FILES = (PROMPTS,)
