"""The official files. Those of LLaVA-Bench (COCO) are pinned; In-the-Wild is provided by the user.

COCO's questions, reference answers and captions are in upstream's repository. Its images are not, and
nothing of In-the-Wild is; that dataset is on the hub as ``liuhaotian/llava-bench-in-the-wild``.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from selfreward_eval.harness.data import PinnedFile
from selfreward_eval.harness.errors import MissingData

REPO = "haotian-liu/LLaVA"
COMMIT = "c121f0432da27facab705978f83c4ada465e46fd"
FOLDER = "llava-bench"
LICENCE = "Apache-2.0 repository; answers by GPT-4, under OpenAI's terms; captions of COCO"


def _pinned(path: str, sha256: str) -> PinnedFile:
    return PinnedFile(FOLDER, path, REPO, COMMIT, sha256, LICENCE, "llava_bench_coco")


QUESTIONS = _pinned(
    "playground/data/coco2014_val_qa_eval/qa90_questions.jsonl",
    "2a77196696b5602b544244ace9aeac21300513be85b5e53eb2414d00cddbe1c7",
)
REFERENCES = _pinned(
    "playground/data/coco2014_val_qa_eval/qa90_gpt4_answer.jsonl",
    "5fd1a760483fb54e62a717a406add8a986f3e03a40d037b5d6515828cc90dbc5",
)
CONTEXTS = _pinned(
    "llava/eval/table/caps_boxes_coco2014_val_80.jsonl",
    "818d3df2b52784699bbdc129b6bc68e035d78ff8f5093c3e2ce5e0f726549b15",
)
RULES = _pinned(
    "llava/eval/table/rule.json", "dd7345a44ce9f7a24e51a30ee030cdab32346f9d08e3359c80545ff1312b1e07"
)
"""Upstream's instructions to the judge, by category; read only if a template asks for ``$rule``."""

COCO_FILES = (QUESTIONS, REFERENCES, CONTEXTS, RULES)

WILD = "llava-bench-in-the-wild"
"""Name of the user's folder below ``SELFREWARD_DATA``, as upstream calls it."""

WILD_FILES = ("questions.jsonl", "answers_gpt4.jsonl", "context.jsonl")
"""Questions, reference answers and contexts in it; the pictures are in ``images``."""


def wild_folder(given: str | None) -> Path:
    """The user's copy of In-the-Wild.

    Raises:
        MissingData: it is not there, or lacks a file.
    """
    chosen = os.environ.get("SELFREWARD_DATA")
    default = Path(chosen).expanduser() / WILD if chosen else None
    folder = Path(given).expanduser() if given is not None else default
    if folder is None or not folder.is_dir():
        where = "no folder was given" if folder is None else f"there is no folder {folder}"
        raise MissingData(
            f"task 'llava_bench_wild': {where}; copy the dataset liuhaotian/{WILD} from the hub, and give "
            f"its place as folder, or put it under SELFREWARD_DATA as {WILD}"
        )
    for name in WILD_FILES:
        if not (folder / name).is_file():
            raise MissingData(
                f"task 'llava_bench_wild': {folder} holds no {name}; copy the whole dataset liuhaotian/{WILD}"
            )
    return folder


def file_sha256(path: Path) -> str:
    """64 hex digits: how an unpinned file enters the run's identity."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
