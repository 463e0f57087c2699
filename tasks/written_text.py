"""What a prompt wants to be written in a picture, and how near to it a reading comes.

>>> wanted_texts("a sign that says 'Don\\'t Panic!' above a door")
["Don't Panic!"]
>>> likeness("OPEN 24 HOURS", "open 24 hours")
1.0
>>> likeness("OPEN", "open 24 hours"), is_written("We are OPEN!", "open")
(0.36363636363636365, True)
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 2000
"""Characters of a reading, and of a wanted text, that are compared."""

_QUOTED = re.compile(
    r"\"([^\"\n]{1,200})\"|“([^“”\n]{1,200})”|(?<!\w)['‘](?=[^\s'’])([^\n]{1,200}?)['’](?!\w)"
)


def wanted_texts(prompt: str) -> list[str]:
    """The texts between quotation marks, in order, without a comma or full stop at the end.

    An apostrophe within a word ends none.
    """
    found = []
    for match in _QUOTED.finditer(prompt):
        text = next(group for group in match.groups() if group is not None).strip().rstrip(".,;:").strip()
        if plain(text):
            found.append(text)
    return found


def plain(text: str) -> str:
    """What is compared: letters and digits only, in one case. Lines break anywhere, and so do spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())[:LONGEST]


def is_written(read: str, wanted: str) -> bool:
    """Whether a reading holds the wanted text, exactly but for case, spaces and marks."""
    return plain(wanted) in plain(read)


def likeness(read: str, wanted: str) -> float:
    """In [0, 1]: 1 - edits / length of the wanted text, and 1 if the reading holds it.

    The reward of Flow-GRPO (Liu et al. 2025, arXiv:2505.05470): further text costs edits unless the wanted
    one is complete.
    """
    return _share(read, wanted, anywhere=False)


def nearest(read: str, wanted: str) -> float:
    """The same for the part of the reading that comes nearest, so that further text costs nothing."""
    return _share(read, wanted, anywhere=True)


def _share(read: str, wanted: str, anywhere: bool) -> float:
    said, aim = plain(read), plain(wanted)
    if not aim:
        raise ValueError("a text without letters or digits cannot be looked for")
    if aim in said:
        return 1.0
    return 1 - min(_edits(said, aim, anywhere), len(aim)) / len(aim)


def _edits(said: str, aim: str, anywhere: bool) -> int:
    """Insertions, deletions and changes from ``said``, or from a part of it, to ``aim``."""
    row = list(range(len(aim) + 1))
    best = row[-1]
    for number, letter in enumerate(said, 1):
        before, row = row, [0 if anywhere else number]
        for place, other in enumerate(aim, 1):
            row.append(min(before[place] + 1, row[-1] + 1, before[place - 1] + (letter != other)))
        best = min(best, row[-1])
    return best if anywhere else row[-1]
