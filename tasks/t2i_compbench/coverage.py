"""Prompts that name an object without a label in the detector's vocabulary: no picture can score there.

UniDet, the official detector, compares a prompt's noun with 722 label strings.
In 2D the noun must equal one, in 3D and in numeracy it must be part of one. So
100 of the 300 prompts in 2D always score 0, and in 20 prompts in 3D an object can
never be detected. For the numeracy prompts no list is known.

    python -m selfreward_eval.tasks.t2i_compbench.coverage [--labels FILE] [--json]
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import SampleRecord
from selfreward_eval.tasks.t2i_compbench import numeracy
from selfreward_eval.tasks.t2i_compbench.facts import PromptFacts
from selfreward_eval.tasks.t2i_compbench.items import facts_of, item_id
from selfreward_eval.tasks.t2i_compbench.words import as_label, first_and_last_noun

NOT_IN_UNIDET: dict[str, frozenset[str]] = {
    "spatial": frozenset({"wallet", "mouse", "cow", "table", "phone", "sofa", "bag", "painting", "computer"}),
    "3d_spatial": frozenset({"painting", "wallet"}),
}
"""Category -> the nouns of its prompts that no label string of UniDet equals (2D) or contains (3D)."""


@dataclass(frozen=True)
class Uncovered:
    """One prompt with an object that has no label.

    Attributes:
        item_id: the item's id.
        prompt: its text.
        nouns: the objects without label.
    """

    item_id: str
    prompt: str
    nouns: tuple[str, ...]


def without_label(facts: PromptFacts, labels: Collection[str] | None = None) -> tuple[str, ...]:
    """The objects of a prompt without a label in the detector's vocabulary, by the official comparison.

    Args:
        facts: of a prompt of ``spatial``, ``3d_spatial`` or, with ``labels``, ``numeracy``.
        labels: everything the detector can name; None for UniDet.
    """
    names = dict.fromkeys(_names(facts))
    if labels is None:
        return tuple(name for name in names if name in NOT_IN_UNIDET.get(facts.category, ()))
    if facts.category == "spatial":
        return tuple(name for name in names if name not in labels)
    return tuple(name for name in names if not any(name in label for label in labels))


def uncovered(
    category: str, facts: Sequence[PromptFacts], labels: Collection[str] | None = None
) -> tuple[Uncovered, ...]:
    """The prompts of one category with an object that has no label, in order."""
    lacking = []
    for line, prompt in enumerate(facts):
        nouns = without_label(prompt, labels)
        if nouns:
            lacking.append(Uncovered(item_id(category, line), prompt.prompt, nouns))
    return tuple(lacking)


def report(
    facts: Mapping[str, Sequence[PromptFacts]], labels: Collection[str] | None = None
) -> dict[str, Any]:
    """Per category: prompts, how many have an object without label, which nouns, and each such prompt."""
    categories = {}
    for category, rows in facts.items():
        lacking = uncovered(category, rows, labels)
        nouns = Counter(noun for prompt in lacking for noun in prompt.nouns)
        categories[category] = {
            "prompts": len(rows),
            "without_label": len(lacking),
            "nouns": dict(nouns.most_common()),
            "items": [
                {"item": prompt.item_id, "prompt": prompt.prompt, "nouns": list(prompt.nouns)}
                for prompt in lacking
            ],
        }
    return {"labels": "UniDet" if labels is None else len(labels), "categories": categories}


def covered_scores(records: Sequence[SampleRecord], metric: str) -> dict[str, float]:
    """Numbers that show how far a run's scores can be compared with scores by UniDet.

    Returns:
        For ``spatial`` and ``3d_spatial``, if measured: the share of the run's prompts whose objects
        all have a UniDet label, and the score over those prompts alone.
    """
    numbers: dict[str, float] = {}
    for category in NOT_IN_UNIDET:
        means: dict[str, tuple[bool, list[float]]] = {}
        for record in records:
            if record.item.category == category:
                covered = not without_label(facts_of(record.item))
                _, values = means.setdefault(record.item.id, (covered, []))
                if record.measurement.ok:
                    values.append(record.measurement.values[metric])
        kept = [values for covered, values in means.values() if covered and values]
        if means:
            share = sum(covered for covered, _ in means.values()) / len(means)
            numbers[f"{category}_share_with_unidet_labels"] = share
        if kept:
            score = fsum(fsum(values) / len(values) for values in kept) / len(kept)
            numbers[f"{category}_score_with_unidet_labels"] = score
    return numbers


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels of a closed-vocabulary detector: a JSON list of strings.

    Raises:
        InputError: the file is missing or holds something else.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"the label file {path} cannot be read ({error}); give a JSON list of strings"
        ) from error
    if not isinstance(content, list) or not content or not all(isinstance(label, str) for label in content):
        raise InputError(f"the label file {path} is no JSON list of strings; write one string per label")
    return tuple(content)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the report; see the module's text."""
    import argparse

    from selfreward_eval.tasks.t2i_compbench.facts import shipped

    parser = argparse.ArgumentParser(
        prog="python -m selfreward_eval.tasks.t2i_compbench.coverage", description=__doc__
    )
    parser.add_argument("--labels", type=Path, help="JSON list of a detector's labels; UniDet without it")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args(arguments)
    labels = None if chosen.labels is None else read_labels(chosen.labels)
    categories = [*NOT_IN_UNIDET, *(["numeracy"] if labels is not None else [])]
    content = report({category: shipped(category) for category in categories}, labels)
    if chosen.json:
        print(json.dumps(content, indent=2, ensure_ascii=False))
        return
    for category, row in content["categories"].items():
        nouns = ", ".join(f"{noun} {count}" for noun, count in row["nouns"].items()) or "none"
        print(f"{category}: {row['without_label']} of {row['prompts']} prompts lack a label ({nouns})")
        for item in row["items"]:
            print(f"  {item['item']}  {item['prompt']}")


def _names(facts: PromptFacts) -> Sequence[str]:
    """What the official rules compare labels with."""
    try:
        if facts.category == "numeracy":
            singulars = numeracy.wanted(facts.tokens).objects
            return [numeracy.ALIASES.get(singular, singular) for singular in singulars]
        return [as_label(noun) for noun in first_and_last_noun(facts.words)]
    except InputError:
        return []


if __name__ == "__main__":
    import sys

    from selfreward_eval.harness.errors import SelfRewardError

    try:
        main()
    except SelfRewardError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
