"""The official files, pinned: prompts and questions per dimension.

Upstream has no licence at its root, so nothing of it is bundled; the user downloads the files.
"""

from __future__ import annotations

from dataclasses import dataclass

from selfreward_eval.harness.data import PinnedFile

REPO = "KaiyueSun98/T2I-ReasonBench"
COMMIT = "efc1d206901b1be71688039a45c3ad8dec01a084"
LICENCE = "none stated by upstream; for your own use"


@dataclass(frozen=True)
class DimensionFiles:
    """The two files of one dimension."""

    prompts: PinnedFile
    questions: PinnedFile


def _pinned(path: str, sha256: str) -> PinnedFile:
    return PinnedFile("t2i_reasonbench", path, REPO, COMMIT, sha256, LICENCE, "t2i_reasonbench")


FILES = {
    "idiom": DimensionFiles(
        _pinned(
            "prompts/idiom_interpretation.json",
            "d0f21ef6111972f22dba1176f091f1b1a4390207fbaa806ab0ee0dbebd72956e",
        ),
        _pinned(
            "deepseek_evaluation_qs/evaluation_idiom.json",
            "9670e20f9694da1420402c97422fd0f09b8883fa21a254d186b84e01b7924090",
        ),
    ),
    "textual_image": DimensionFiles(
        _pinned(
            "prompts/textual_image_design.json",
            "e07a668f69b9fc057343de1cb7709d3bda68d972be9d84c12458096839f4c255",
        ),
        _pinned(
            "deepseek_evaluation_qs/evaluation_textual_image.json",
            "435d7f2b1d5886c7ddd99423b4bd315491b020ef1804aed9629e9037c2ac1de7",
        ),
    ),
    "entity": DimensionFiles(
        _pinned(
            "prompts/entity_reasoning.json",
            "8a0af91d579e9c22f0877b6443e7a86176e8f78b445dcbee1b9b4ccc99698045",
        ),
        _pinned(
            "deepseek_evaluation_qs/evaluation_entity.json",
            "84c91ae28c3ad53103475c182930fb071741dbc70cdc5f53618d859440f846da",
        ),
    ),
    "scientific": DimensionFiles(
        _pinned(
            "prompts/scientific_reasoning.json",
            "7b4a67711d33461d0ebd0962e6b7877485fb82d8d6c7b93e649be6f4683b1f32",
        ),
        _pinned(
            "deepseek_evaluation_qs/evaluation_scientific.json",
            "08c0f6a2be03952dc4d10d9a5dd5b877334875fc3cdb131a9ba707ff4c08ca30",
        ),
    ),
}
"""Dimension -> its two files, in the order of the paper's table."""

DATA_FILES = tuple(file for files in FILES.values() for file in (files.prompts, files.questions))
