"""Prompts with their questions as items.

One line per prompt (an invented one)::

    {"prompt": "two teal teapots", "atom_count": 3, "skills": ["count", "attribute", "object"],
     "vqa_list": [["How many teapots are in the image?", "two"], ["Are the teapots teal?", "Yes"],
                  ["Are there any teapots in the image?", "Yes"]]}

There may be more questions than atoms: a single object is asked about, though "a" is no atom.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.user_files.text_files import parse_json, read_lines
from selfreward_eval.tasks.geneval2.analysis import require_atoms, require_skill
from selfreward_eval.tasks.geneval2.scoring import COUNTING, YES_ANSWER

KEYS = ("prompt", "atom_count", "vqa_list", "skills")


def load_items(path: Path) -> list[Item]:
    """One item per prompt, in file order; the category is its number of atoms.

    Raises:
        InputError: a line is damaged; the message names it.
    """
    lines = read_lines(path, "replace it by the official file")
    rows = [_row(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise InputError(f"{path} holds no prompts; replace it by the official file")
    return [
        Item(
            id=f"{number:03d}",
            text=row["prompt"],
            category=category(row["atom_count"]),
            metadata={"atom_count": row["atom_count"], "vqa_list": row["vqa_list"], "skills": row["skills"]},
        )
        for number, row in enumerate(rows)
    ]


def category(atoms: int) -> str:
    """The category of prompts with so many atoms.

    >>> category(3)
    'atoms_3'
    """
    return f"atoms_{atoms}"


def _row(line: str, where: str) -> dict[str, Any]:
    """A line's content, with everything that scoring needs."""
    try:
        row = parse_json(line)
    except ValueError as error:
        raise InputError(f"{where} is not JSON ({error}); replace the file") from error
    if not isinstance(row, dict) or (lacking := [key for key in KEYS if key not in row]):
        raise InputError(f"{where} lacks {', '.join(lacking) if isinstance(row, dict) else 'an object'}")
    pairs, skills = row["vqa_list"], row["skills"]
    if not isinstance(row["prompt"], str):
        raise InputError(f"{where} has no text as prompt; replace the file")
    if not isinstance(pairs, list) or not pairs or not all(_is_question(pair) for pair in pairs):
        raise InputError(f"{where} holds no questions with answers in its vqa_list; replace the file")
    if not isinstance(skills, list) or len(skills) != len(pairs):
        raise InputError(f"{where} does not name one skill for each of its {len(pairs)} questions")
    try:
        require_atoms(row["atom_count"])
        for skill in skills:
            require_skill(skill)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    for question, answer in pairs:
        if not question.startswith(COUNTING) and answer != YES_ANSWER:
            # Upstream would score the probability of "Yes", whatever the file calls right.
            raise InputError(
                f"{where}: {question!r} has the answer {answer!r}, but only {COUNTING!r} questions have "
                f"another answer than {YES_ANSWER!r}; correct the row"
            )
    return row


def _is_question(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
