"""A shapes request as CompBench's rules see a prompt: tokens, parts of speech, noun chunks, kind.

The language is regular, so the tags are exact.
"""

from __future__ import annotations

from selfreward_eval.tasks.shapes.compbench.requests import CompRequest
from selfreward_eval.tasks.shapes.vocabulary import COLOURS, NUMBERS, SHAPES, TEXTURES, plural
from selfreward_eval.tasks.t2i_compbench.facts import PromptFacts
from selfreward_eval.tasks.t2i_compbench.three_in_one import Kind
from selfreward_eval.tasks.t2i_compbench.words import tagged

_NOUNS = {
    *SHAPES,
    *(plural(form) for form in SHAPES),
    "shape",
    "left",
    "right",
    "top",
    "bottom",
    "side",
    "front",
}
_TAGS: dict[str, str] = {
    **dict.fromkeys(_NOUNS, "NOUN"),
    **dict.fromkeys((*COLOURS, *TEXTURES), "ADJ"),
    **dict.fromkeys(NUMBERS, "NUM"),
    **dict.fromkeys(("a", "an", "the"), "DET"),
    **dict.fromkeys(("on", "of", "to", "near", "in", "behind", "by", "inside"), "ADP"),
    **dict.fromkeys(("touching", "hidden"), "VERB"),
    "next": "ADV",
    "and": "CCONJ",
    ",": "PUNCT",
}

_KINDS: dict[str, Kind] = {"spatial": "spatial", "action": "action", "spatialaction": "both"}

COUNTED = tuple((form, plural(form)) for form in SHAPES)
"""(singular, plural) of the nouns that numeracy counts."""


def facts(request: CompRequest) -> PromptFacts:
    """The facts of one request."""
    tokens = request.text.replace(",", " ,").split()
    return PromptFacts(
        request.category,
        request.text,
        tagged(tokens, [_TAGS[token] for token in tokens]),
        request.chunks,
        _KINDS.get(request.kind),
    )
