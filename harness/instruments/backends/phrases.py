"""Labels as an open-vocabulary detector reads them: lower-case phrases in a template.

Networks of this kind read text that was lower-cased in training, so ``Dog`` and ``dog`` are one
phrase to them. A task's own spelling comes back in its detections all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from selfreward_eval.harness.errors import UsageError

PLACE = "{label}"
"""Where a template takes the label."""


@dataclass(frozen=True)
class Template:
    """What surrounds a label in the text that a network reads.

    >>> Template.parse("a photo of a {label}", "owlv2").around("dog")
    'a photo of a dog'
    """

    before: str
    after: str

    @classmethod
    def parse(cls, text: str, instrument: str) -> Template:
        """The template written as ``text``.

        Raises:
            UsageError: it does not hold ``{label}`` exactly once.
        """
        if text.count(PLACE) != 1:
            raise UsageError(f"the template {text!r} of {instrument} must hold {PLACE} once")
        before, _, after = text.lower().partition(PLACE)
        return cls(before, after)

    def around(self, phrase: str) -> str:
        """The whole text for one phrase."""
        return f"{self.before}{phrase}{self.after}"


def phrases(labels: Sequence[str], instrument: str) -> dict[str, list[str]]:
    """Every distinct phrase among ``labels`` with the labels that mean it, both in order of appearance.

    >>> phrases(["Dog", "teddy  bear", "dog", "Dog"], "owlv2")
    {'dog': ['Dog', 'dog'], 'teddy bear': ['teddy  bear']}

    Raises:
        UsageError: a label is empty.
    """
    labels_of: dict[str, list[str]] = {}
    for index, label in enumerate(labels):
        phrase = " ".join(label.lower().split())
        if not phrase:
            raise UsageError(
                f"{instrument} cannot look for label {index + 1} of {len(labels)}, {label!r}: it is empty; "
                "name what to find"
            )
        spellings = labels_of.setdefault(phrase, [])
        if label not in spellings:
            spellings.append(label)
    return labels_of
