"""The layout of the pictures at a path: named by the user, or recognised."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.models.layouts.base import Layout, printable
from selfreward_eval.harness.models.layouts.compbench import CompBenchLayout
from selfreward_eval.harness.models.layouts.geneval import GenEvalLayout
from selfreward_eval.harness.models.layouts.ids import IdsLayout
from selfreward_eval.harness.models.layouts.listed import ListedLayout

AUTO = "auto"

FOLDERS: dict[str, Callable[[Path, bool], Layout]] = {
    GenEvalLayout.name: GenEvalLayout,
    CompBenchLayout.name: CompBenchLayout,
}
"""Layouts that are recognised."""

ASKED_FOR: dict[str, Callable[[Path, bool], Layout]] = {IdsLayout.name: IdsLayout}
"""Layouts that any folder would fit."""

LAYOUTS = (AUTO, *FOLDERS, *ASKED_FOR, ListedLayout.name)

EXPECTED = (
    "<number>/samples/<number>.png (geneval), [<category>/]samples/<prompt>_<number>.png (t2i_compbench), "
    "one .jsonl file (jsonl), or <item id>[_<number>].png with layout=ids"
)


def open_layout(path: Path, layout: str, outside: bool) -> Layout:
    """The pictures at ``path``.

    Args:
        path: a folder, or a JSONL file.
        layout: one of ``LAYOUTS``; ``auto`` takes the official folder layout that finds
            pictures, or else the folder's only JSONL file.
        outside: whether links and listed paths may lead out of the folder.

    Raises:
        UsageError: no such layout.
        InputError: nothing at ``path``, nothing of that layout, or of two layouts at once.
    """
    if layout not in LAYOUTS:
        raise UsageError(f"the folder model has no layout {layout!r}; it has {', '.join(LAYOUTS)}")
    place = printable(str(path))
    if not path.exists():
        raise InputError(f"no pictures at {place}: there is no such file or folder; correct path=")
    if path.is_file():
        if layout not in (AUTO, ListedLayout.name):
            raise InputError(f"{place} is a file; the layout {layout} is a folder: {EXPECTED}")
        return ListedLayout(path, outside)
    root = path.resolve()
    if layout in FOLDERS or layout in ASKED_FOR:
        chosen = (FOLDERS | ASKED_FOR)[layout](root, outside)
        if layout in ASKED_FOR and not chosen.pictures:
            raise InputError(f"{place} holds no pictures; expected {EXPECTED}")
        return chosen
    if layout == AUTO:
        layouts = [
            candidate
            for candidate in (make(root, outside) for make in FOLDERS.values())
            if candidate.pictures
        ]
        if len(layouts) > 1:
            names = " and ".join(f"{candidate.name} ({len(candidate.pictures)})" for candidate in layouts)
            raise InputError(f"{place} holds pictures of two layouts, {names}; choose one by layout=")
        if layouts:
            return layouts[0]
    lists = sorted(candidate for candidate in root.glob("*.jsonl") if candidate.is_file())
    if len(lists) == 1:
        return ListedLayout(lists[0], outside)
    elsewhere = ""
    if layout == AUTO and not lists:
        stray = GenEvalLayout(root, outside).stray
        if stray:
            name, reason = next(iter(stray.items()))
            elsewhere = f", and {len(stray)} elsewhere (the first, {name}: {reason})"
    several = f" ({len(lists)} .jsonl files: name one of them)" if lists else ""
    raise InputError(
        f"{place} holds no pictures that are known by their place{several}{elsewhere}; expected {EXPECTED}"
    )
