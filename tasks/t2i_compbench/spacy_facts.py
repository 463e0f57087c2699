"""Facts of prompts from spaCy, as upstream reads them. Needs the extra ``spacy`` and its English model.

Upstream pins en_core_web_sm 3.5.0; which version is installed here is part of a
run's identity.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from selfreward_eval.harness.errors import InputError, MissingExtra
from selfreward_eval.tasks.t2i_compbench.data import kinds, prompts
from selfreward_eval.tasks.t2i_compbench.facts import PromptFacts
from selfreward_eval.tasks.t2i_compbench.words import Tagged

MODEL = "en_core_web_sm"


def from_spacy(category: str, colour_list: str) -> tuple[PromptFacts, ...]:
    """The facts of the official prompts of ``category``.

    Raises:
        MissingExtra: spaCy is not installed.
        InputError: its model is not.
        MissingData: the prompts are not on this machine.
    """
    texts = prompts(category, colour_list)
    documents = _model().pipe(texts)
    return tuple(
        PromptFacts(
            category,
            text,
            tuple(Tagged(token.text, token.pos_) for token in document),
            tuple(chunk.text for chunk in document.noun_chunks),
            kind,
        )
        for text, document, kind in zip(texts, documents, kinds(category, texts), strict=True)
    )


def spacy_identity() -> dict[str, str]:
    """Which spaCy and which model reads the prompts.

    Raises:
        MissingExtra: spaCy is not installed.
        InputError: its model is not.
    """
    from importlib.metadata import version

    meta = _model().meta
    return {"source": "spacy", "spacy": version("spacy"), "model": MODEL, "model_version": meta["version"]}


@cache
def _model() -> Any:
    try:
        import spacy
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "facts=spacy needs spaCy, which is not installed; install selfreward-eval[spacy], or use the "
            "shipped facts"
        ) from error
    try:
        return spacy.load(MODEL)
    except OSError as error:
        raise InputError(
            f"facts=spacy needs the model {MODEL}, which is not installed beside spaCy {spacy.__version__}; "
            f"run `python -m spacy download {MODEL}`, or use the shipped facts"
        ) from error
