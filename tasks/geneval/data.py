"""The official GenEval files that this task reads, pinned."""

from __future__ import annotations

from selfreward_eval.harness.data import PinnedFile

REPO = "djghosh13/geneval"
COMMIT = "af4902f24d3ca90ebbb446dd9891a59e0f82725f"


def _pinned(path: str, sha256: str) -> PinnedFile:
    return PinnedFile("geneval", path, REPO, COMMIT, sha256, "MIT", "geneval")


METADATA = _pinned(
    "prompts/evaluation_metadata.jsonl", "5c48e0813e812e3c373fa5c8ed07a8f0a483be30272b4427b0559c8048e67c13"
)
"""One prompt per line: what a picture of it must show."""

OBJECT_NAMES = _pinned(
    "evaluation/object_names.txt", "608f6a0e5c8ca1c7a92b818430141fe268c85b7930b50f4160f1d65893b5bacd"
)
"""The 80 class names, in the order of the detector's outputs."""

DATA_FILES = (METADATA, OBJECT_NAMES)
