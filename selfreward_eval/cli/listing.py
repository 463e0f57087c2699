"""``selfreward-eval list [tasks|models|instruments|...]``: the registered names for the command line."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from selfreward_eval.harness.errors import UnknownName, did_you_mean


def listing(
    what: Annotated[str, typer.Argument(help="tasks, models, instruments, rewarders or trainers.")] = "tasks",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List what is registered, built in or by plug-ins."""
    rows = describe(what)
    if as_json:
        import json

        typer.echo(json.dumps(rows, ensure_ascii=False, default=str))
        return
    if not rows:
        typer.echo(f"no {what} are registered", err=True)
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        typer.echo(f"{row['name']:{width}}  {_line(what, row)}".rstrip())


def describe(what: str) -> list[dict[str, Any]]:
    """One dictionary per entry of the group ``what``, sorted by name.

    Every entry has ``name`` and ``origin``; tasks add ``version``, ``title``, ``comparable``,
    ``images_per_item``, ``capability`` and ``seed_policies``, models ``capabilities``. An entry
    that cannot be imported, or whose name is built in, has ``error`` instead: one broken plug-in hides no
    other.

    Raises:
        UnknownName: no such group; the message offers the nearest one.
    """
    from selfreward_eval.harness.registry import GROUPS, registry

    if what not in GROUPS:
        raise UnknownName(f"cannot list {what!r}; {did_you_mean(what, GROUPS)}")
    group = registry(what)
    rows = []
    for name in group:
        row: dict[str, Any] = {"name": name, "origin": group.origin(name)}
        if what in ("tasks", "models"):
            try:
                row.update(_details(what, group.load(name)))
            except Exception as error:  # Importing a plug-in runs foreign code: anything can happen.
                row["error"] = f"{type(error).__name__}: {error}"
        rows.append(row)
    rows += [
        {"name": name, "origin": group.origin(name), "error": reason} for name, reason in group.hidden.items()
    ]
    return sorted(rows, key=lambda row: (row["name"], "error" in row))


def _details(what: str, target: Any) -> dict[str, Any]:
    if what == "models":
        from selfreward_eval.harness.models.base import capabilities

        return {"capabilities": capabilities(target)}
    info = target.info
    return {
        "version": info.version,
        "title": info.title,
        "comparable": info.comparable,
        "images_per_item": info.images_per_item,
        "capability": info.capability,
        "seed_policies": list(info.seed_policies),
    }


def _line(what: str, row: dict[str, Any]) -> str:
    if "error" in row:
        return f"cannot be loaded from {row['origin']}: {row['error']}"
    if what == "tasks":
        note = f" [{row['comparable']}]" if row["comparable"] else ""
        return f"@{row['version']}  {row['title']}{note}"
    if what == "models":
        return ", ".join(row["capabilities"]) or "no capability"
    return str(row["origin"])
