"""The official prompt and question files, pinned. Apache-2.0; downloaded by the user all the same."""

from __future__ import annotations

from pathlib import Path

from selfreward_eval.harness.data import PinnedFile

REPO = "TencentQQGYLab/ELLA"
COMMIT = "3c228f1dc6c4d3cad0a47493816151a419f14db3"
LICENCE = "Apache-2.0"
TASK = "dpg_bench"

QUESTIONS = PinnedFile(
    folder="dpg",
    path="dpg_bench/dpg_bench.csv",
    repo=REPO,
    commit=COMMIT,
    sha256="",
    licence=LICENCE,
    task=TASK,
    git_blob="98457fc9901943f51ff9a30367250fc292533bed",
)
"""One row per question. Its sha256 is nowhere published; a run records the one it finds."""


def _prompt_files() -> dict[str, PinnedFile]:
    lines = Path(__file__).with_name("prompt_files.txt").read_text(encoding="utf-8").split("\n")
    return {
        stem: PinnedFile("dpg", f"dpg_bench/prompts/{stem}.txt", REPO, COMMIT, sha256, LICENCE, TASK)
        for stem, sha256 in (line.split(" ") for line in lines if line)
    }


PROMPTS = _prompt_files()
"""Item id -> its prompt, 1,065 files of one line each.."""

DATA_FILES = (QUESTIONS, *PROMPTS.values())
