"""Facts of prompts from spaCy, as upstream reads them: shipped, or from an installed model.

Upstream pins en_core_web_sm 3.5.0. The shipped file ``spacy_facts.json`` is what release 3.8.0 of that
model gives, and needs no spaCy. With a model's name the prompts are read anew by that model, which needs
the extra ``spacy``. Which model read the prompts is part of a run's identity. The file is made by::

    python -m selfreward_eval.tasks.t2i_compbench.spacy_facts MODEL
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from selfreward_eval.harness.errors import InputError, MissingExtra
from selfreward_eval.harness.instruments.backends.weights import file_hash
from selfreward_eval.tasks.t2i_compbench import facts as files
from selfreward_eval.tasks.t2i_compbench.data import kinds, prompts
from selfreward_eval.tasks.t2i_compbench.facts import PromptFacts
from selfreward_eval.tasks.t2i_compbench.words import Tagged

MODEL = "en_core_web_sm"
"""Upstream's model."""


def from_spacy(category: str, colour_list: str, model: str | None = None) -> tuple[PromptFacts, ...]:
    """The facts of the official prompts of ``category``.

    Args:
        category: of the prompts.
        colour_list: version of the colour prompts.
        model: name of an installed model of spaCy; None for the shipped file.

    Raises:
        MissingExtra: spaCy is not installed.
        InputError: its model is not, or the shipped file is damaged.
        MissingData: the prompts are not on this machine.
    """
    if model is None:
        return files.shipped(category, colour_list, files.SHIPPED_SPACY)
    texts = prompts(category, colour_list)
    documents = _model(model).pipe(texts)
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


def spacy_identity(model: str | None = None) -> dict[str, str]:
    """Which spaCy and which model reads, or has read, the prompts.

    Raises:
        MissingExtra: spaCy is not installed.
        InputError: its model is not, or the shipped file is damaged.
    """
    if model is None:
        made = files._file(files.SHIPPED_SPACY).get("made_by")
        if not isinstance(made, dict):
            raise InputError(f"{files.SHIPPED_SPACY} does not say what made it; install the package again")
        return {"source": "spacy, shipped", **made, "sha256": file_hash(files.SHIPPED_SPACY)}
    return {"source": "spacy", **_described(model)}


def made_by(model: str) -> dict[str, Any]:
    """The content of ``spacy_facts.json``, read by an installed model.

    Raises:
        MissingExtra: spaCy is not installed.
        InputError: its model is not, or cuts a prompt into other tokens than ours.
        MissingData: an official file is not on this machine.
    """
    from selfreward_eval.tasks.t2i_compbench.language.tokens import tokenize

    pipeline = _model(model)

    def parse(prompt: str) -> tuple[Sequence[str], Sequence[tuple[int, int]]]:
        document = pipeline(prompt)
        if [token.text for token in document] != [token.text for token in tokenize(prompt)]:
            # The file has a tag per token and no text, so its reader must find the same tokens.
            raise InputError(f"{model} cuts {prompt!r} into other tokens than ours; its tags have no place")
        chunks = [(chunk.start_char, chunk.end_char) for chunk in document.noun_chunks]
        return [token.pos_ for token in document], chunks

    return {"made_by": _described(model), **files.make(parse)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the file; see the module's text."""
    import argparse
    from pathlib import Path

    from selfreward_eval.harness.files import atomic_write_text

    parser = argparse.ArgumentParser(
        prog="python -m selfreward_eval.tasks.t2i_compbench.spacy_facts", description=__doc__
    )
    parser.add_argument("model", help="an installed model of spaCy")
    parser.add_argument("--output", type=Path, default=files.SHIPPED_SPACY, help="file to write")
    chosen = parser.parse_args(arguments)
    atomic_write_text(chosen.output, files.dump(made_by(chosen.model)))
    print(f"wrote {chosen.output}")


def _described(model: str) -> dict[str, str]:
    """Release of spaCy, name and release of the model."""
    from importlib.metadata import version

    return {"spacy": version("spacy"), "model": model, "model_version": _model(model).meta["version"]}


@cache
def _model(name: str) -> Any:
    try:
        import spacy
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"spacy_model={name} needs spaCy, which is not installed; install selfreward-eval[spacy], or "
            "leave spacy_model out to use the shipped facts"
        ) from error
    try:
        return spacy.load(name)
    except OSError as error:
        raise InputError(
            f"spacy_model={name} is not installed beside spaCy {spacy.__version__}; run `python -m spacy "
            f"download {name}`, or leave spacy_model out to use the shipped facts"
        ) from error


if __name__ == "__main__":
    import sys

    from selfreward_eval.harness.errors import SelfRewardError

    try:
        main()
    except SelfRewardError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
