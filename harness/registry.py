"""Names to objects, through entry points: one mechanism for ours and for others'.

A package adds to a group by declaring, in its own ``pyproject.toml``::

    [project.entry-points."selfreward_eval.tasks"]
    my_task = "my_package.task:MyTask"

Nothing is imported until a name is looked up. One entry can stand for a family:
``family:member`` loads the entry ``family`` and gives it ``member`` first, as
``lm_eval:NAME`` does.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from traceback import walk_tb
from types import TracebackType
from typing import Any

from selfreward_eval.harness.errors import (
    BrokenPlugin,
    InputError,
    MissingExtra,
    SelfRewardError,
    UnknownName,
    UsageError,
    did_you_mean,
)
from selfreward_eval.harness.plugins import calling, is_of_the_machine, one_line, with_place
from selfreward_eval.harness.values import fitted

GROUPS = ("tasks", "models", "instruments", "rewarders", "trainers")
"""What can be plugged in; the entry-point group is ``selfreward_eval.<group>``."""

OURS = "selfreward-eval"
OUR_PACKAGE = "selfreward_eval"

EXTRAS = {
    "diffusers": "diffusers",
    "groundingdino": "instruments",
    "inspect_ai": "inspect",
    "lm_eval": "lm-eval",
    "rapidocr": "ocr",
    "ray": "ray",
    "spacy": "spacy",
    "tensorboard": "tensorboard",
    "wandb": "wandb",
}
"""Top-level module -> the extra of this package that installs it."""


class Registry:
    """The entries of one group.

    A name that this package declares stays its own, whoever else declares it. A name that two others
    declare cannot be loaded; every other name can.

    Attributes:
        group: its name.
        hidden: built-in name -> whose entry of that name is not used, and the way out.

    >>> "shapes_geneval" in Registry("tasks").names()
    True
    """

    def __init__(self, group: str) -> None:
        if group not in GROUPS:
            raise UnknownName(f"unknown registry {group!r}; known: {', '.join(GROUPS)}")
        self.group = group
        self._entries: dict[str, EntryPoint] = {}
        self._ambiguous: dict[str, str] = {}
        self.hidden: dict[str, str] = {}
        for entry in entry_points(group=f"selfreward_eval.{group}"):
            known = self._entries.get(entry.name)
            if known is None or known.value == entry.value:
                self._entries[entry.name] = entry
            elif _is_ours(known) or _is_ours(entry):
                ours, other = (known, entry) if _is_ours(known) else (entry, known)
                self._entries[entry.name] = ours
                self.hidden[entry.name] = (
                    f"the {group[:-1]} {entry.name!r} of {_distribution(other)} ({other.value}) is not used: "
                    f"the name is built in; rename it, or uninstall {_distribution(other)}"
                )
            else:
                self._ambiguous[entry.name] = (
                    f"two packages declare the {group[:-1]} {entry.name!r}: {known.value} and {entry.value}; "
                    "uninstall one"
                )

    def broken(self) -> dict[str, str]:
        """Name -> why it cannot be loaded, of every entry that cannot; all of them are imported."""
        reasons = {}
        for name in self:
            try:
                self.load(name)
            except SelfRewardError as error:
                reasons[name] = str(error)
        return reasons

    def names(self) -> list[str]:
        """Every registered name, sorted."""
        return sorted(self._entries)

    def origin(self, name: str) -> str:
        """``module:attribute`` behind a name, without importing it."""
        return self._find(name).value

    def load(self, name: str) -> Any:
        """The object behind ``name``.

        Raises:
            UnknownName: no such name; the message offers the nearest ones.
            UsageError: two packages declare the name.
            MissingExtra: its module imports a package that is not installed.
            BrokenPlugin: its module is missing, has no such object, or raised an error when imported.
        """
        family, colon, member = name.partition(":")
        if colon and family in self._entries:
            return partial(self.load(family), member)
        entry = self._find(name)
        if name in self._ambiguous:
            raise UsageError(self._ambiguous[name])
        if EntryPoint.pattern.match(str(entry.value)) is None:
            raise BrokenPlugin(
                f"the {self.group[:-1]} {name!r} is declared as {entry.value!r} by {_distribution(entry)}, "
                "which is no module:object; mend its entry point"
            )
        try:
            import_module(entry.module)
        except SelfRewardError:
            raise
        # Importing a plug-in runs foreign code: anything can happen.
        except (Exception, SystemExit) as error:
            raise _explained(f"the {self.group[:-1]} {name!r}", entry, error) from error
        try:
            return entry.load()
        except AttributeError as error:
            raise BrokenPlugin(
                f"the {self.group[:-1]} {name!r} is declared as {entry.value} by {_distribution(entry)}, and "
                f"{entry.module} has no {entry.attr}; mend its entry point or install another version of it"
            ) from error

    def _find(self, name: str) -> EntryPoint:
        try:
            return self._entries[name]
        except KeyError:
            hint = did_you_mean(name, self.names(), most=3)
            raise UnknownName(f"unknown {self.group[:-1]} {name!r}; {hint}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())


@cache
def registry(group: str) -> Registry:
    """The registry of ``group``, read once per process."""
    return Registry(group)


def _required(signature: inspect.Signature, arguments: Mapping[str, Any]) -> list[str]:
    """Names that have to be given and are not; none where ``arguments`` has names that are not taken."""
    try:
        signature.bind_partial(**arguments)
    except TypeError:
        return []
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [
        name
        for name, parameter in signature.parameters.items()
        if parameter.default is parameter.empty and parameter.kind in named and name not in arguments
    ]


def require_name(group: str, name: str) -> None:
    """Returns if ``group`` has ``name``; nothing is imported for it.

    Raises:
        UnknownName: it has not; the message offers the nearest names.
    """
    registry(group).origin(name.partition(":")[0])


def _is_ours(entry: EntryPoint) -> bool:
    return _distribution(entry) == OURS


def _explained(what: str, entry: EntryPoint, error: BaseException) -> SelfRewardError:
    """Which module failed to import, whose it is, and the way out."""
    distribution = _distribution(entry)
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return BrokenPlugin(
            f"{what} cannot be imported: {entry.module} of {distribution} raised {with_place(error)}; "
            f"mend or update {distribution}"
        )
    if f"{entry.module}.".startswith(f"{error.name}."):
        top = error.name.partition(".")[0]
        place = getattr(sys.modules.get(top), "__file__", None) if top != error.name else None
        hidden = f" ({top} was imported from {place})" if place else ""
        return BrokenPlugin(
            f"{what} is declared by {distribution}, whose module {error.name} is missing{hidden}; "
            f"install {distribution} again or uninstall it"
        )
    top = error.name.partition(".")[0]
    if top == entry.module.partition(".")[0]:
        return BrokenPlugin(
            f"{what} cannot be imported: {entry.module} imports {error.name}, which {distribution} lacks; "
            f"install {distribution} again"
        )
    extra = EXTRAS.get(top)
    install = f"{OURS}[{extra}]" if extra else f"the package that has the module {top!r}"
    return MissingExtra(
        f"{what} of {distribution} needs the module {error.name!r}, which is not installed; install {install}"
    )


def _distribution(entry: EntryPoint) -> str:
    """The name of the installed package that declares ``entry``."""
    distribution = getattr(entry, "dist", None)
    return distribution.name if distribution is not None else "an unknown package"


def responsible(trace: TracebackType | None) -> str | None:
    """The plug-in of another package in whose code, or below it, an error was raised; None if there is none.

    Args:
        trace: of the error.
    """
    places = [str(frame.f_globals.get("__name__", "")) for frame, _ in walk_tb(trace)]
    entries = [
        (f"the {group[:-1]} {name!r} of {_distribution(entry)}", _distribution(entry), module)
        for group in GROUPS
        for name, entry in registry(group)._entries.items()
        if (module := str(getattr(entry, "module", ""))).partition(".")[0] not in {OUR_PACKAGE, ""}
    ]
    for place in reversed(places):
        exact = [what for what, _, declared in entries if declared == place]
        if len(exact) == 1:
            return exact[0]
        top = place.partition(".")[0]
        for _, distribution, declared in entries:
            if declared.partition(".")[0] == top:
                return f"the plug-in package {distribution}"
    return None


def construct(factory: Callable[..., Any], arguments: Mapping[str, Any], what: str, option: str) -> Any:
    """``factory(**arguments)`` with errors that name the argument and the ones there are.

    Args:
        factory: usually a class from a registry.
        arguments: by name.
        what: is built, for messages, such as ``model 'tiny'``.
        option: where the user wrote the arguments, for messages.

    Raises:
        UsageError: an argument that the factory does not take, one that is missing, or a value that it
            refuses by a TypeError or ValueError.
        BrokenPlugin: it raised anything else, or refused although nothing was given.
    """
    with calling(what, "its signature"):
        signature = inspect.signature(factory)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        missing = _required(signature, arguments)
        if missing:
            where = option if option.startswith("-") else "its arguments"
            raise UsageError(f"{what} needs {', '.join(missing)}; give {where} {missing[0]}=VALUE") from None
        known = ", ".join(
            name if parameter.default is inspect.Parameter.empty else f"{name}={parameter.default!r}"
            for name, parameter in signature.parameters.items()
        )
        raise UsageError(f"{what}: {error}; {option} takes: {known or 'nothing'}") from None
    # Instruments and rewarders are built for others, who know the option; here only the argument is known.
    given = f"{option} of {what}" if "-" in option or "_" in option else what
    arguments = fitted(signature, arguments, given)
    with calling(what, "its constructor"):
        try:
            return factory(**arguments)
        except (TypeError, ValueError) as error:
            if not arguments:
                raise
            raise UsageError(f"{what}: {error}; check {option}") from error
        except OSError as error:
            # A file that an argument names; the command line says which.
            if not arguments or is_of_the_machine(error):
                raise
            raise InputError(f"{what}: {one_line(error)}; check {option}") from error
