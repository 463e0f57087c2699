"""The arguments of what is registered: read from its class, or from its source where importing takes long."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from typing import Any

__all__ = ["from_class", "from_source", "texts"]

_BESIDE = ("self", "model", "world")
"""What the command line gives by itself: the model that is named, and its pictures' world."""

_WITHOUT_CONSTRUCTOR = ("abc", "typing")
"""Modules of bases that say nothing about arguments."""

Arguments = dict[str, str | None]
"""Name -> its default as Python writes it; None where there is none."""


def from_class(target: Any, *, of_model: bool = False) -> Arguments:
    """The arguments of a class that is loaded; ``of_model`` keeps those that rewarders are given."""
    left_out = ("self",) if of_model else _BESIDE
    return {
        name: None if parameter.default is parameter.empty else repr(parameter.default)
        for name, parameter in inspect.signature(target).parameters.items()
        if name not in left_out and parameter.kind is not parameter.VAR_KEYWORD
    }


def from_source(origin: str) -> tuple[str, Arguments]:
    """First line of the docstring and arguments of ``module:Class``, without importing the module.

    Raises:
        LookupError: no such module or class, or its constructor stands elsewhere.
    """
    module, _, name = origin.partition(":")
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise LookupError(f"{module} has no source")
    with open(spec.origin, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    if name not in classes:
        raise LookupError(f"{module} has no class {name}")
    found = classes[name]
    title = (ast.get_docstring(found) or "").partition("\n")[0]
    for node in found.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return title, _arguments(node.args)
    if found.decorator_list:
        raise LookupError(f"{name} may have its constructor from a decorator")
    imported = {
        alias.asname or alias.name: f"{node.module}:{alias.name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
        for alias in node.names
    }
    for base in found.bases:
        known = getattr(base, "id", "")
        above = f"{module}:{known}" if known in classes else imported.get(known)
        if above is None:
            raise LookupError(f"{name} has a base that is not a plain name")
        if above.partition(":")[0] not in _WITHOUT_CONSTRUCTOR:
            return title, from_source(above)[1]
    return title, {}


def texts(target: Any) -> dict[str, str]:
    """Argument -> what the class's docstring says of it, each on one line."""
    document = inspect.getdoc(target) or ""
    section = re.search(r"^Args:\n((?:    .*\n?|\n)+)", document, re.MULTILINE)
    found: dict[str, str] = {}
    last = ""
    for line in (section[1] if section else "").splitlines():
        begins = re.match(r"    (\w+): (.*)", line)
        if begins:
            last = begins[1]
            found[last] = begins[2]
        elif last and line.strip():
            found[last] += f" {line.strip()}"
    return found


def _arguments(node: ast.arguments) -> Arguments:
    positional = [*node.posonlyargs, *node.args]
    defaults = [None] * (len(positional) - len(node.defaults)) + list(node.defaults)
    pairs = [*zip(positional, defaults, strict=True), *zip(node.kwonlyargs, node.kw_defaults, strict=True)]
    return {
        argument.arg: None if default is None else ast.unparse(default)
        for argument, default in pairs
        if argument.arg not in _BESIDE
    }
