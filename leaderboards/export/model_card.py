"""A model card's ``model-index`` with new results in it; every other byte of the card stays.

A card is Markdown below a block of YAML. Loading and dumping the whole block would change what others wrote
there: comments, and values such as ``language: no``. So only the lines of ``model-index`` are replaced, and
the block is read again to see that nothing else has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.user_files.text_files import split_lines
from selfreward_eval.leaderboards.export.hugging_face import yaml_text

__all__ = ["Change", "merge_entries", "merge_results", "safe_yaml", "with_results"]

INDEX = "model-index"
_FENCE = "---"
_WAY_OUT = "mend it there, or write the metadata with `leaderboard export --to model-card` and add it by hand"


@dataclass(frozen=True)
class Change:
    """A value that is there already, and is another one now.

    Attributes:
        where: the result, in words.
        before: its value.
        after: the new one.
    """

    where: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.where}: {self.before} -> {self.after}"


def with_results(card: str, index: Mapping[str, Any], title: str) -> tuple[str, list[Change]]:
    """``card`` with the results of ``index`` in its metadata.

    Args:
        card: text of the repository's README.md; empty if it has none.
        index: what :func:`~selfreward_eval.leaderboards.export.hugging_face.model_index` gives.
        title: heading of a card that is new.

    Returns:
        The card's new text, and the values that replace others.

    Raises:
        InputError: the card's metadata is no YAML mapping, or is written so that it cannot be edited safely.
    """
    text = card or f"\n# {title}\n"
    head, block, rest = _split(text)
    metadata = safe_yaml(block, "README.md") or {}
    if not isinstance(metadata, dict):
        raise InputError(f"the metadata of README.md is no mapping; {_WAY_OUT}")
    merged, changes = merge_results(metadata.get(INDEX), index[INDEX])
    newline = "\r\n" if "\r\n" in block else "\n"
    lines = split_lines(yaml_text({INDEX: merged}))
    edited = _replaced(split_lines(block), lines)
    if _value("\n".join(edited)) != {**metadata, INDEX: merged}:
        raise InputError(f"the metadata of README.md is written so that it cannot be edited; {_WAY_OUT}")
    return f"{head}{_FENCE}{newline}{newline.join(edited)}{newline}{_FENCE}{newline}{rest}", changes


def safe_yaml(text: str, name: str) -> Any:
    """The value of a YAML text from the Hub.

    Raises:
        InputError: it is none, or has aliases: a few lines of them stand for values of any size.
    """
    import yaml

    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise InputError(f"the YAML of {name} uses aliases (*name), which are not read; write them out")
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        first = str(error).partition("\n")[0]
        raise InputError(f"the YAML of {name} does not parse ({first}); {_WAY_OUT}") from error


def merge_results(old: Any, new: Sequence[Mapping[str, Any]]) -> tuple[list[Any], list[Change]]:
    """A ``model-index`` with new results: one of the same benchmark, version and metric is replaced.

    The name of a model that is there stays, as do results of other benchmarks.

    Raises:
        InputError: ``old`` is no model-index.
    """
    if old is None:
        return [dict(entry) for entry in new], []
    try:
        first, *others = old
        kept = [dict(result, metrics=list(result["metrics"])) for result in first["results"]]
        ours = {key: result for result in new[0]["results"] for key in _keys(result)}
        changes = []
        placed: set[Any] = set()
        results: list[Any] = []
        for result in kept:
            same = [key for key in _keys(result) if key in ours]
            for metric in result["metrics"]:
                key = _key(result, metric)
                if key in ours and metric["value"] != (value := ours[key]["metrics"][0]["value"]):
                    changes.append(Change(_named(result, metric), metric["value"], value))
            left = [metric for metric in result["metrics"] if _key(result, metric) not in ours]
            if left:
                results.append({**result, "metrics": left})
            results += [ours[key] for key in same if key not in placed]
            placed.update(same)
        results += [result for key, result in ours.items() if key not in placed]
        return [{**first, "results": results}, *others], changes
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(
            f"the model-index of README.md has another layout ({type(error).__name__}: {error}); {_WAY_OUT}"
        ) from error


def merge_entries(old: Any, new: Sequence[Mapping[str, Any]], name: str) -> tuple[list[Any], list[Change]]:
    """The entries of an ``.eval_results`` file with new ones: one of the same benchmark is replaced.

    Raises:
        InputError: ``old`` is no list of entries.
    """
    try:
        before = {_benchmark(entry): entry["value"] for entry in old or ()}
        ours = {_benchmark(entry): entry for entry in new}
        changes = [
            Change(f"{name}, {key[0]}:{key[1]}", before[key], entry["value"])
            for key, entry in ours.items()
            if key in before and before[key] != entry["value"]
        ]
        kept = [entry for entry in old or () if _benchmark(entry) not in ours]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{name} has another layout ({type(error).__name__}: {error}); {_WAY_OUT}"
        ) from error
    return [*kept, *new], changes


def _value(block: str) -> Any:
    """The value of an edited block, or None if the edit made it no YAML."""
    try:
        return safe_yaml(block, "README.md")
    except InputError:
        return None


def _benchmark(entry: Mapping[str, Any]) -> tuple[str, str]:
    return str(entry["dataset"]["id"]), str(entry["dataset"]["task_id"])


def _keys(result: Mapping[str, Any]) -> list[Any]:
    return [_key(result, metric) for metric in result["metrics"]]


def _key(result: Mapping[str, Any], metric: Mapping[str, Any]) -> tuple[str, ...]:
    dataset = result["dataset"]
    about = [dataset.get(name) for name in ("type", "config", "split", "revision")]
    return tuple(str(one) for one in (result["task"]["type"], *about, metric["type"]))


def _named(result: Mapping[str, Any], metric: Mapping[str, Any]) -> str:
    return f"README.md, {result['dataset']['name']}, {metric['type']}"


def _split(text: str) -> tuple[str, str, str]:
    """What stands before the block of metadata, the block without its fences, and the rest."""
    body = text.lstrip()
    start = text[: len(text) - len(body)]
    lines = list(StringIO(body, newline="\n"))
    if lines and lines[0].rstrip() == _FENCE:
        for number, line in enumerate(lines[1:], 1):
            if line.rstrip() == _FENCE:
                return start, "".join(lines[1:number]), "".join(lines[number + 1 :])
    return "", "", text


def _replaced(lines: list[str], new: list[str]) -> list[str]:
    """``lines`` of a YAML mapping with those of its ``model-index`` replaced, or with ``new`` at the end."""
    start = next((n for n, line in enumerate(lines) if line.startswith(f"{INDEX}:")), None)
    if start is None:
        return [*lines, *new]
    end = start + 1
    # A list may stand as far left as its key.
    while end < len(lines) and (not lines[end].strip() or lines[end][0] in " -"):
        end += 1
    return [*lines[:start], *new, *lines[end:]]
