"""The official prompt files that this task reads, pinned, and their lines.

Two versions of the colour prompts exist. Upstream replaced five duplicates on
2025-09-03. Numbers published before that date use the older list, which is still
available in SRUM's copy of the prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from selfreward_eval.harness.data import PinnedFile, locate
from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.user_files.text_files import parse_json, read_lines, read_text
from selfreward_eval.tasks.t2i_compbench.three_in_one import Kind, keys, kind

REPO = "Karine-Huang/T2I-CompBench"
COMMIT = "1b7094991a57f3c22abdd4f6e8ba6c1a15517073"
FOLDER = "examples/dataset"
WAY_OUT = "replace it by the official file"
TASK = "t2i_compbench"

CATEGORIES = ("color", "shape", "texture", "spatial", "3d_spatial", "numeracy", "non_spatial", "complex")
"""The eight categories of T2I-CompBench++, in the paper's order."""

PROMPTS_PER_CATEGORY = 300

FIRST_UNSEEN = 200
"""Of colour, shape and texture the first 200 prompts are upstream's *seen* pairs, the others *unseen*."""

COLOUR_LISTS = ("2025-09", "2023")
"""Versions of the colour prompts: upstream's file since September 2025, and the one before."""


def _pinned(name: str, sha256: str) -> PinnedFile:
    return PinnedFile("t2i-compbench", f"{FOLDER}/{name}", REPO, COMMIT, sha256, "MIT", TASK)


PROMPT_FILES = {
    "color": _pinned("color_val.txt", "1634259756dbc77d13093d907d414480080ec9790a8c97ad09efaea7b2534f2d"),
    "shape": _pinned("shape_val.txt", "37e1a276906c7ea9516cbd7ac8501be896006c0c17ca7344f260562834455bae"),
    "texture": _pinned("texture_val.txt", "fbb5363515b4a28009e360afaaaf389d2dd2289e50dbb0c6ef4ea0c7fe4f3d4f"),
    "spatial": _pinned("spatial_val.txt", "8707a1d7e42ce3002d95363cf55f74bd043c843ae27108f5125aaaa7840ca988"),
    "3d_spatial": _pinned(
        "3d_spatial_val.txt", "c9953597315f36a5fcb41291bb19bdc6ab5f64a0fa760d691b4854a73f5d1fe9"
    ),
    "numeracy": _pinned(
        "numeracy_val.txt", "dad8df141604b70ba7554bec724e3db0a80023680769b5c514854ea2d2527bbe"
    ),
    "non_spatial": _pinned(
        "non_spatial_val.txt", "04c56cc9ac441dc9ea6c5157652058bd1635b5308526dd31bb29a1caab9a758d"
    ),
    "complex": _pinned("complex_val.txt", "1b808018b8d9916db3d47d5aa2ef18377a3549a56901a474156f799824cdf3b4"),
}
"""Category -> its 300 evaluation prompts, one a line."""

KIND_FILES = {
    "spatial": _pinned(
        "complex_val_spatial.txt", "6c7ac0ab75c7c9080cfc7b421fb059b9b0febb98471707aeedf58771088abc02"
    ),
    "action": _pinned(
        "complex_val_action.txt", "d49ee4c7f99e3f3379fb8704a54ff5288b83bb412971edf616a4721c2473308e"
    ),
}
"""Kind -> the complex prompts of it; the 30 in neither file are of both kinds."""

OLD_COLOURS = PinnedFile(
    "srum",
    "val_comp.json",
    "WayneJin0918/SRUM",
    "a53ba18ddf095a0acaf45899ccbdb2f4cafd6e60",
    "2b11f966a1d4f800150c0b4770c271bf5bd5b759f70ce6a6df72833db6432bfa",
    "Apache-2.0",
    TASK,
)
"""SRUM's copy of all prompts; its colour rows are upstream's list of 2023, with the five duplicates."""

DATA_FILES = (*PROMPT_FILES.values(), *KIND_FILES.values(), OLD_COLOURS)


def prompt_file(category: str, colour_list: str = "2025-09") -> PinnedFile:
    """The file that the prompts of ``category`` come from."""
    if category == "color" and require_colour_list(colour_list) == "2023":
        return OLD_COLOURS
    return PROMPT_FILES[category]


def prompts(category: str, colour_list: str = "2025-09") -> tuple[str, ...]:
    """The 300 prompts of ``category`` in official order.

    Raises:
        MissingData: the file is not on this machine.
        InputError: it does not hold 300 prompts.
        UsageError: no such colour list.
    """
    file = prompt_file(category, colour_list)
    path = locate(file)
    lines = _old_colours(path) if file is OLD_COLOURS else _lines(path)
    if len(lines) != PROMPTS_PER_CATEGORY:
        raise InputError(f"{path} holds {len(lines)} prompts of {category}, not {PROMPTS_PER_CATEGORY}")
    return lines


def kinds(category: str, texts: Sequence[str]) -> tuple[Kind | None, ...]:
    """The 3-in-1 kind of every complex prompt; None for the other categories.

    Raises:
        MissingData: upstream's lists of kinds are not on this machine.
    """
    if category != "complex":
        return (None,) * len(texts)
    spatial, action = (keys(_lines(locate(KIND_FILES[name]))) for name in ("spatial", "action"))
    return tuple(kind(text, spatial, action) for text in texts)


def require_colour_list(colour_list: str) -> str:
    """``colour_list`` itself, if it names a version of the colour prompts."""
    # A year comes from the command line as a number.
    chosen = str(colour_list)
    if chosen not in COLOUR_LISTS:
        raise UsageError(
            f"t2i_compbench has no colour_list {chosen!r}; choose one of {', '.join(COLOUR_LISTS)}"
        )
    return chosen


def _lines(path: Path) -> tuple[str, ...]:
    lines = read_lines(path, WAY_OUT)
    return tuple(line.strip() for line in lines if line.strip())


def _old_colours(path: Path) -> tuple[str, ...]:
    try:
        rows = parse_json(read_text(path, WAY_OUT))
        return tuple(str(row["Question"]) for row in rows if row["Category"] == "color")
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is no list of prompts ({error}); {WAY_OUT}") from error
