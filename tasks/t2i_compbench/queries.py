"""The queries to the instruments that a prompt needs, computed before any picture is measured."""

from __future__ import annotations

from dataclasses import dataclass

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.t2i_compbench import (
    attributes,
    fixed_attributes,
    fixed_numeracy,
    numeracy,
    planar,
    three_in_one,
)
from selfreward_eval.tasks.t2i_compbench.facts import PromptFacts
from selfreward_eval.tasks.t2i_compbench.fixed_relations import relations
from selfreward_eval.tasks.t2i_compbench.settings import Settings
from selfreward_eval.tasks.t2i_compbench.words import as_label, first_and_last_noun, without_adjectives


@dataclass(frozen=True)
class Queries:
    """The queries for one prompt.

    Attributes:
        labels: labels for the detector, in the prompt's order; None if no detector is needed.
        questions: questions for the VQA model, cleaned as upstream cleans them.
        text: text for the image-text scorer, or None.
        depth: whether a depth map is needed.
    """

    labels: tuple[str, ...] | None = None
    questions: tuple[str, ...] = ()
    text: str | None = None
    depth: bool = False


def queries_for(facts: PromptFacts, settings: Settings) -> Queries:
    """The queries for one prompt. For a closed-vocabulary detector the labels are its whole vocabulary.

    If no object is found in the prompt, there is no label; its rule then gives the reason.
    """
    category = facts.category
    if category in ("color", "shape", "texture"):
        return Queries(questions=questions(facts, settings))
    if category == "non_spatial":
        return Queries(text=facts.prompt)
    if category == "complex":
        parts = three_in_one.PARTS[facts.kind or "both"]
        return Queries(
            labels=labels(facts, settings) if "spatial" in parts else None,
            questions=questions(facts, settings),
            text=without_adjectives(facts.words) if "action" in parts else None,
        )
    return Queries(labels=labels(facts, settings), depth=category == "3d_spatial")


def questions(facts: PromptFacts, settings: Settings) -> tuple[str, ...]:
    """The questions about a prompt's noun chunks, cleaned for the VQA model."""
    rule = attributes if settings.protocol == "official" else fixed_attributes
    return tuple(attributes.cleaned(question) for question in rule.questions(facts.chunks))


def labels(facts: PromptFacts, settings: Settings) -> tuple[str, ...]:
    """The distinct labels for the detector."""
    if settings.labels is not None:
        return settings.labels
    wanted = _official if settings.protocol == "official" else _fixed
    return tuple(dict.fromkeys(wanted(facts, settings)))


def _official(facts: PromptFacts, settings: Settings) -> list[str]:
    """The names that the official rules compare labels with."""
    try:
        if facts.category == "numeracy":
            singulars = numeracy.wanted(facts.tokens, settings.nouns).objects
            return [numeracy.ALIASES.get(singular, singular) for singular in singulars]
        if facts.category == "complex":
            around = planar.around_prepositions(facts.words)
            return [as_label(noun) for noun in around] if len(around) == planar.OBJECTS_WANTED else []
        return [as_label(noun) for noun in first_and_last_noun(facts.words)]
    except InputError:
        return []


def _fixed(facts: PromptFacts, settings: Settings) -> list[str]:
    """The objects' own names, compounds whole."""
    if facts.category == "numeracy":
        return [singular for singular, _ in fixed_numeracy.counted(facts.tokens, settings.nouns)]
    return [names[0] for relation in relations(facts.words) for names in (relation.subject, relation.target)]
