"""The linguistic facts of a prompt that the rules need: tokens, parts of speech, noun chunks, kind.

Two files beside this module hold them. Both have tags and character offsets of the
official prompts, never their text:

- ``facts.json`` is made by our own rules (``language/``); the task's ``facts="shipped"``
- ``spacy_facts.json`` is what spaCy's en_core_web_sm 3.8.0 gives; ``facts="spacy"``. Upstream runs
  release 3.5.0 of that model.

::

    python -m selfreward_eval.tasks.t2i_compbench.facts
    python -m selfreward_eval.tasks.t2i_compbench.spacy_facts en_core_web_sm
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self, TypeAlias

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.backends.weights import file_hash
from selfreward_eval.tasks.t2i_compbench.data import CATEGORIES, COLOUR_LISTS, kinds, prompt_file, prompts
from selfreward_eval.tasks.t2i_compbench.three_in_one import Kind
from selfreward_eval.tasks.t2i_compbench.words import Tagged, tagged

SHIPPED = Path(__file__).with_name("facts.json")
"""Our own rules' facts."""

SHIPPED_SPACY = Path(__file__).with_name("spacy_facts.json")
"""spaCy's facts, with the model that they are from."""

LETTERS = {
    "ADJ": "A",
    "ADP": "I",
    "ADV": "R",
    "AUX": "X",
    "CCONJ": "C",
    "DET": "D",
    "NOUN": "N",
    "NUM": "M",
    "PART": "T",
    "PRON": "O",
    "PROPN": "P",
    "PUNCT": "U",
    "SCONJ": "S",
    "VERB": "V",
}
"""Universal POS tag -> the letter that stands for it in the file."""

FURTHER_LETTERS = {"INTJ": "J", "SYM": "Y", "X": "Z", "SPACE": "Q"}
"""Universal tags that spaCy knows besides; our own rules never give them."""

Parse: TypeAlias = Callable[[str], tuple[Sequence[str], Sequence[tuple[int, int]]]]
"""A prompt -> the tags of its tokens, and the character offsets of its noun chunks."""


@dataclass(frozen=True)
class PromptFacts:
    """One prompt with its facts.

    Attributes:
        category: one of :data:`~selfreward_eval.tasks.t2i_compbench.data.CATEGORIES`.
        prompt: its text.
        words: its tokens with their parts of speech.
        chunks: its noun chunks in order, as written.
        kind: the kind of a complex prompt, else None.
    """

    category: str
    prompt: str
    words: tuple[Tagged, ...] = ()
    chunks: tuple[str, ...] = ()
    kind: Kind | None = None

    @property
    def tokens(self) -> tuple[str, ...]:
        """The texts of ``words``."""
        return tuple(word.text for word in self.words)

    def to_json(self) -> dict[str, Any]:
        """JSON values for an item's metadata; category and text are fields of the item."""
        data: dict[str, Any] = {
            "tokens": list(self.tokens),
            "pos": [word.pos for word in self.words],
            "chunks": list(self.chunks),
        }
        return {**data, "kind": self.kind} if self.kind else data

    @classmethod
    def from_json(cls, category: str, prompt: str, data: Mapping[str, Any]) -> Self:
        """The facts from an item's metadata; missing entries are empty."""
        words = tagged(data.get("tokens", ()), data.get("pos", ()))
        return cls(category, prompt, words, tuple(data.get("chunks", ())), data.get("kind"))


def read(prompt: str, category: str, kind: Kind | None = None) -> PromptFacts:
    """The facts of any prompt by our own rules.

    >>> read("a red cup on a tray", "color").chunks
    ('a red cup', 'a tray')
    """
    tags, spans = _parse(prompt)
    return _assemble(category, prompt, tags, spans, kind)


def shipped(
    category: str, colour_list: str = COLOUR_LISTS[0], path: Path | None = None
) -> tuple[PromptFacts, ...]:
    """The facts of the official prompts of ``category``, from a file beside this module.

    Args:
        category: of the prompts.
        colour_list: version of the colour prompts.
        path: the file; :data:`SHIPPED` unless given.

    Raises:
        MissingData: the prompts are not on this machine.
        InputError: the file is damaged, or was made for other prompts.
    """
    source = path or SHIPPED
    file = prompt_file(category, colour_list)
    texts = prompts(category, colour_list)
    content = _file(source)
    entry = content["prompts"].get(Path(file.path).name, {})
    if entry.get("sha256") != file.sha256 or len(entry.get("lines", ())) != len(texts):
        raise InputError(
            f"{source} holds no facts of {file.path} with sha256 {file.sha256[:12]}...; install the package "
            "again, or make the file anew with python -m selfreward_eval.tasks.t2i_compbench.facts"
        )
    try:
        return tuple(
            _assemble(category, text, [content["tags"][letter] for letter in tags], spans, kind)
            for text, (tags, spans), kind in zip(texts, entry["lines"], kinds(category, texts), strict=True)
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{source} cannot be read ({error!r}); install the package again") from error


def shipped_identity() -> dict[str, str]:
    """The source of the facts for a run's identity, with the hash of the file."""
    return {"source": "shipped", "sha256": file_hash(SHIPPED)}


def make(parse: Parse | None = None) -> dict[str, Any]:
    """The content of a file of facts: for every prompt file its hash, and per line tags and chunk offsets.

    Args:
        parse: reads a prompt; our own rules unless given.

    Raises:
        MissingData: an official file is not on this machine.
    """
    sources = [(category, COLOUR_LISTS[0]) for category in CATEGORIES] + [("color", COLOUR_LISTS[1])]
    letters = LETTERS if parse is None else LETTERS | FURTHER_LETTERS
    entries = {}
    for category, colour_list in sources:
        file = prompt_file(category, colour_list)
        lines = []
        for text in prompts(category, colour_list):
            tags, spans = (parse or _parse)(text)
            lines.append(["".join(letters[name] for name in tags), [list(span) for span in spans]])
        entries[Path(file.path).name] = {"sha256": file.sha256, "lines": lines}
    return {"tags": {letter: name for name, letter in letters.items()}, "prompts": entries}


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the file; see the module's text."""
    import argparse

    from selfreward_eval.harness.files import atomic_write_text

    parser = argparse.ArgumentParser(
        prog="python -m selfreward_eval.tasks.t2i_compbench.facts", description=__doc__
    )
    parser.add_argument("--output", type=Path, default=SHIPPED, help="file to write")
    chosen = parser.parse_args(arguments)
    atomic_write_text(chosen.output, dump(make()))
    print(f"wrote {chosen.output}")


def dump(content: Mapping[str, Any]) -> str:
    """``content`` as JSON with one prompt a line, so that a changed prompt is a changed line."""
    files = []
    for name, entry in content["prompts"].items():
        lines = ",\n".join(json.dumps(line, separators=(",", ":")) for line in entry["lines"])
        head = json.dumps({"sha256": entry["sha256"]})[:-1]
        files.append(json.dumps(name) + ": " + head + ', "lines": [\n' + lines + "\n]}")
    heads = [f"{json.dumps(key)}: {json.dumps(content[key])}" for key in content if key != "prompts"]
    return "{" + ",\n".join(heads) + ',\n"prompts": {\n' + ",\n".join(files) + "\n}}\n"


def _parse(prompt: str) -> tuple[tuple[str, ...], list[tuple[int, int]]]:
    """Tags and chunk offsets of a prompt by our own rules."""
    from selfreward_eval.tasks.t2i_compbench.language.chunks import noun_chunks
    from selfreward_eval.tasks.t2i_compbench.language.tagging import tag
    from selfreward_eval.tasks.t2i_compbench.language.tokens import tokenize

    tokens = tokenize(prompt)
    texts = [token.text for token in tokens]
    tags = tag(texts)
    return tags, [(tokens[a].start, tokens[b - 1].end) for a, b in noun_chunks(texts, tags)]


def _assemble(
    category: str, prompt: str, tags: Sequence[str], spans: Sequence[Sequence[int]], kind: Kind | None
) -> PromptFacts:
    from selfreward_eval.tasks.t2i_compbench.language.tokens import tokenize

    texts = [token.text for token in tokenize(prompt)]
    return PromptFacts(
        category, prompt, tagged(texts, tags), tuple(prompt[start:end] for start, end in spans), kind
    )


@cache
def _file(path: Path) -> dict[str, Any]:
    """A file of facts.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        content["prompts"].items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({error}); install the package again") from error
    return content


if __name__ == "__main__":
    import sys

    from selfreward_eval.harness.errors import SelfRewardError

    try:
        main()
    except SelfRewardError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
