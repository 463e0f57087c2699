"""Questions in English for photographs: from a template, from GenEval's metadata, from noun phrases.

>>> row = {"tag": "colors", "include": [{"class": "apple", "count": 1, "color": "red"}]}
>>> [question.text for question in geneval("a photo of a red apple", row).whole]
['Is there a red apple?']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.rewarders.questions.asked import PromptQuestions
from selfreward_eval.rewarders.self_vqa import Question

WHOLE = "Does this picture show: {prompt}?"
PART = "Is what this picture shows a part of: {prompt}?"

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

IRREGULAR = {
    "person": "people",
    "sheep": "sheep",
    "knife": "knives",
    "mouse": "mice",
    "skis": "skis",
    "scissors": "scissors",
}
"""Plurals of COCO's classes that no rule gives."""


def by_metadata(prompt: str, metadata: Mapping[str, Any]) -> PromptQuestions:
    """GenEval's questions or those about noun phrases where the metadata holds them, else the template."""
    if metadata.get("include"):
        return geneval(prompt, metadata)
    return chunks(prompt, metadata) if metadata.get("chunks") else template(prompt, metadata)


def template(prompt: str, metadata: Mapping[str, Any]) -> PromptQuestions:
    """One question that quotes the prompt, and one for its parts."""
    whole = Question(WHOLE.replace("{prompt}", prompt.strip().rstrip("?.!")))
    part = Question(PART.replace("{prompt}", prompt.strip().rstrip("?.!")))
    return PromptQuestions(((part,),), (whole,), (whole,))


def geneval(prompt: str, metadata: Mapping[str, Any]) -> PromptQuestions:
    """A question per object, per number above one and per relation of GenEval's include clauses.

    Raises:
        InputError: there are no such clauses, or one is damaged.
    """
    clauses = metadata.get("include") or ()
    if not clauses:
        raise InputError(
            f"the item {prompt!r} has no include clauses of GenEval's to ask about; choose questions=template"
        )
    objects, layout = [], []
    try:
        for clause in clauses:
            name = str(clause["class"])
            coloured = f"{clause['color']} {name}" if clause.get("color") else name
            objects.append((Question(f"Is there {_article(coloured)}?"),))
            count = int(clause.get("count", 1))
            if count > 1:
                layout.append(Question(f"Are there exactly {_number(count)} {plural(coloured)}?"))
            if "position" in clause:
                relation, target = clause["position"]
                other = str(clauses[target]["class"])
                layout.append(Question(f"Is the {name} {relation} the {other}?"))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(
            f"an include clause of {prompt!r} is damaged ({type(error).__name__}: {error}); correct the row"
        ) from error
    present = _once([question for each in objects for question in each])
    return PromptQuestions(tuple(objects), _once((*layout, *present)), _once((*present, *layout)))


def chunks(prompt: str, metadata: Mapping[str, Any]) -> PromptQuestions:
    """T2I-CompBench's questions about the noun phrases in the metadata, or in the prompt itself.

    Raises:
        InputError: the prompt has no noun phrase.
    """
    from selfreward_eval.tasks.t2i_compbench.attributes import questions

    phrases = metadata.get("chunks")
    if phrases is None:
        from selfreward_eval.tasks.t2i_compbench.facts import read

        phrases = read(prompt, "color").chunks
    about_phrases = tuple(Question(text) for text in questions([str(phrase) for phrase in phrases]))
    if not about_phrases:
        raise InputError(f"{prompt!r} has no noun phrase to ask about; choose questions=template")
    whole = _once(about_phrases)
    return PromptQuestions(
        tuple((question,) for question in whole), (*template(prompt, metadata).layout,), whole
    )


def plural(phrase: str) -> str:
    """``"red clock" -> "red clocks"``; right for COCO's classes.

    >>> [plural(name) for name in ("bench", "knife", "sports ball", "toothbrush")]
    ['benches', 'knives', 'sports balls', 'toothbrushes']
    """
    *before, last = phrase.split(" ")
    if last in IRREGULAR:
        last = IRREGULAR[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        last += "es"
    else:
        last += "s"
    return " ".join([*before, last])


def _article(phrase: str) -> str:
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def _once(questions: Sequence[Question]) -> tuple[Question, ...]:
    return tuple(dict.fromkeys(questions))
