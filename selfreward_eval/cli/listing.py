"""``selfreward-eval list [tasks|models|instruments|...] [NAME]``: the registered names for the command line.

Tasks, models and rewarders are imported, which takes no time. Trainers and instruments import torch or numpy:
their arguments are read from their source, and ``list trainers NAME`` imports the one.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from selfreward_eval.harness.errors import UnknownName, did_you_mean

WIDTH = 100
"""Characters of a line of arguments."""

LONGEST_DEFAULT = 40
"""Characters of a default that a line of arguments shows; ``list GROUP NAME`` shows all."""

BY_SOURCE = ("instruments", "trainers")
"""Groups whose entries are not imported for a list."""

ABILITIES = {
    "draws": ("generate",),
    "hands out pictures": ("pictures",),
    "answers": ("answer",),
    "likelihoods": ("text_logprobs", "image_logprobs", "completion_logprobs"),
    "continues texts": ("complete",),
    "trains": ("training_copy",),
}
"""What a model can do -> the methods behind it."""

ASKED = {"generate": "draws", "answer": "answers", "text_logprobs": "likelihoods"}
"""Capability that a task asks for -> its word in the table of tasks."""


def listing(
    what: Annotated[str, typer.Argument(help="tasks, models, instruments, rewarders or trainers.")] = "tasks",
    name: Annotated[str, typer.Argument(help="One of them, with what its arguments mean.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List what is registered, built in or by plug-ins: what it can do, and its arguments."""
    rows = [describe_one(what, name)] if name else describe(what)
    if as_json:
        import json

        typer.echo(json.dumps(rows, ensure_ascii=False, default=str))
        return
    if not rows:
        typer.echo(f"no {what} are registered", err=True)
    width = max((len(row["name"]) for row in rows), default=0)
    if what == "tasks" and rows and not name:
        _print_tasks(rows, width)
        return
    for row in rows:
        typer.echo(f"{row['name']:{width}}  {_line(what, row)}".rstrip())
        if name:
            if what == "tasks":
                _print_about(row)
            _print_arguments(row)
        elif "arguments" in row:
            _print_signature(row["arguments"])


def describe(what: str) -> list[dict[str, Any]]:
    """One dictionary per entry of the group ``what``, sorted by name.

    Every entry has ``name``, ``origin`` and ``arguments`` (name -> default as Python writes it, or None);
    tasks add ``version``, ``title``, ``comparable``, ``images_per_item``, ``capability`` and
    ``seed_policies``, models ``capabilities`` and ``can``, rewarders ``title``, ``kind`` and ``needs``,
    trainers and instruments ``title``. An entry that cannot be imported, or whose name is built in, has
    ``error`` instead: one broken plug-in hides no other.

    Raises:
        UnknownName: no such group; the message offers the nearest one.
    """
    group = _group(what)
    rows = [_row(what, name, imported=what not in BY_SOURCE) for name in group]
    rows += [
        {"name": name, "origin": group.origin(name), "error": reason} for name, reason in group.hidden.items()
    ]
    return sorted(rows, key=lambda row: (row["name"], "error" in row))


def describe_one(what: str, name: str) -> dict[str, Any]:
    """The entry ``name``, imported, with ``texts``: argument -> what its docstring says.

    Raises:
        UnknownName: no such group or name.
        SelfRewardError: it cannot be imported.
    """
    from selfreward_eval.cli.listing_arguments import texts

    target = _group(what).load(name)
    return {**_row(what, name, imported=True), "texts": texts(target)}


def _group(what: str) -> Any:
    from selfreward_eval.harness.registry import GROUPS, registry

    if what not in GROUPS:
        raise UnknownName(f"cannot list {what!r}; {did_you_mean(what, GROUPS)}")
    return registry(what)


def _row(what: str, name: str, *, imported: bool) -> dict[str, Any]:
    from selfreward_eval.cli.listing_arguments import from_source

    group = _group(what)
    row: dict[str, Any] = {"name": name, "origin": group.origin(name)}
    if not imported:
        try:
            title, arguments = from_source(row["origin"])
            return {**row, "title": title, "arguments": arguments}
        except (LookupError, ImportError, OSError, SyntaxError, ValueError):
            pass  # Its class says it, if its source does not.
    try:
        row.update(_details(what, group.load(name)))
    except Exception as error:  # Importing a plug-in runs foreign code: anything can happen.
        row["error"] = f"{type(error).__name__}: {error}"
    return row


def _details(what: str, target: Any) -> dict[str, Any]:
    from selfreward_eval.cli.listing_arguments import from_class

    arguments = {"arguments": from_class(target, of_model=what != "rewarders")}
    if what == "models":
        from selfreward_eval.harness.models.base import capabilities

        can = [
            ability
            for ability, methods in ABILITIES.items()
            if any(callable(getattr(target, method, None)) for method in methods)
        ]
        return {"capabilities": capabilities(target), "can": can, **arguments}
    if what == "rewarders":
        info = target.info
        return {"title": info.title, "kind": info.kind, "needs": list(info.needs), **arguments}
    if what in BY_SOURCE:
        return {"title": (target.__doc__ or "").strip().partition("\n")[0], **arguments}
    info = target.info
    return {
        "version": info.version,
        "title": info.title,
        "comparable": info.comparable,
        "paper": info.paper,
        "licence": info.licence,
        "images_per_item": info.images_per_item,
        "capability": info.capability,
        "seed_policies": list(info.seed_policies),
        **arguments,
    }


def _line(what: str, row: dict[str, Any]) -> str:
    if "error" in row:
        return f"cannot be loaded from {row['origin']}: {row['error']}"
    if what == "tasks":
        return f"@{row['version']}  {row['title']}"
    if what == "models":
        behind = f" ({', '.join(row['capabilities'])})" if row["capabilities"] else ""
        return f"{', '.join(row['can'])}{behind}" if row["can"] else "no capability"
    if what == "rewarders":
        needs = f"; needs {', '.join(row['needs'])}" if row["needs"] else ""
        return f"{row['title']} ({row['kind']}{needs})"
    return str(row["title"])


def _print_tasks(rows: list[dict[str, Any]], width: int) -> None:
    """A table as wide as the terminal; ``list tasks NAME`` has the long texts."""
    from shutil import get_terminal_size

    room = get_terminal_size().columns
    heads = {
        row["name"]: (_cut(f"@{row['version']}", 5), ASKED.get(row["capability"], row["capability"]))
        for row in rows
        if "error" not in row
    }
    versions, asks = (max((len(head[k]) for head in heads.values()), default=0) for k in (0, 1))
    for row in rows:
        if "error" in row:
            typer.echo(f"{row['name']:{width}}  {_line('tasks', row)}")
            continue
        version, asked = heads[row["name"]]
        start = f"{row['name']:{width}}  {version:{versions}}  {asked:{asks}}  "
        typer.echo(start + _cut(row["title"], max(20, room - len(start))))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def _print_about(row: dict[str, Any]) -> None:
    """What a task's line has no room for."""
    from textwrap import fill

    about = {
        "asks the model to": f"{row['capability']}, {row['images_per_item']} samples per item",
        "seed policies": ", ".join(row["seed_policies"]),
        "comparable with published numbers": row["comparable"],
        "paper": row["paper"],
        "licence of the data": row["licence"],
    }
    for what, text in about.items():
        if text:
            typer.echo(fill(f"{what}: {text}", WIDTH, initial_indent="    ", subsequent_indent=" " * 8))
    if row["arguments"]:
        typer.echo("  --task-args")


def _print_signature(arguments: dict[str, str | None]) -> None:
    """The arguments with their defaults, on lines below the name."""
    from textwrap import fill

    shown = [name if default is None else f"{name}={_short(default)}" for name, default in arguments.items()]
    if shown:
        text = ", ".join(shown)
        typer.echo(fill(text, WIDTH, initial_indent="    ", subsequent_indent="    ", break_long_words=False))


def _short(default: str) -> str:
    """A default that leaves room for the others."""
    return default if len(default) <= LONGEST_DEFAULT else f"{default[:LONGEST_DEFAULT]}..."


def _print_arguments(row: dict[str, Any]) -> None:
    """One argument a line, with what it means."""
    from textwrap import fill

    for name, default in row.get("arguments", {}).items():
        typer.echo(f"    {name}" + ("" if default is None else f"={default}"))
        if text := row["texts"].get(name):
            typer.echo(fill(text, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8))
