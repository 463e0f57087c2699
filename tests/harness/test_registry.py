"""Names to objects: what is offered for a wrong name, and what a broken entry says."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from selfreward_eval.harness import registry as module
from selfreward_eval.harness.errors import BrokenPlugin, MissingExtra, UnknownName, UsageError
from selfreward_eval.harness.registry import Registry

ModuleFile = Callable[[str, str], Path]


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The models that packages declare, as (name, value); a test adds its own."""
    entries = [("painter", "json:loads"), ("printer", "json:dumps")]
    monkeypatch.setattr(
        module, "entry_points", lambda group: [EntryPoint(name, value, group) for name, value in entries]
    )
    return entries


@pytest.fixture
def module_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleFile]:
    """Writes a module, (name, source) -> its file, that can be imported within the test."""
    monkeypatch.syspath_prepend(tmp_path)
    written = []

    def write(name: str, source: str) -> Path:
        written.append(name)
        (tmp_path / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        return tmp_path / f"{name}.py"

    yield write
    for name in written:
        sys.modules.pop(name, None)


def test_the_built_in_entries_are_there_and_load() -> None:
    assert "shapes_geneval" in Registry("tasks").names()
    assert {"dummy", "janus", "tiny"} <= set(Registry("models"))
    assert Registry("tasks").load("shapes_geneval").info.name == "shapes_geneval"


@pytest.mark.usefixtures("declared")
def test_a_name_leads_to_its_object_and_its_origin() -> None:
    import json

    models = Registry("models")
    assert list(models) == models.names() == ["painter", "printer"]
    assert models.origin("painter") == "json:loads"
    assert models.load("painter") is json.loads


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("paintr", "did you mean painter or printer?"),
        ("pinter", "did you mean"),
        ("zzz", "known: painter, printer"),
        ("", "known: painter, printer"),
    ],
)
def test_an_unknown_name_gets_the_nearest_ones(name: str, hint: str) -> None:
    with pytest.raises(UnknownName) as caught:
        Registry("models").load(name)
    assert str(caught.value).startswith(f"unknown model {name!r}; {hint}")


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(UnknownName, match="unknown registry 'paints'; known: tasks, models"):
        Registry("paints")


def test_a_module_of_a_plug_in_that_is_gone_is_told_from_a_package_it_needs(
    declared: list[tuple[str, str]], module_file: ModuleFile
) -> None:
    module_file("plug_in_with_needs", "import no_such_package.inner")
    declared += [("gone", "no_such_plug_in.model:Model"), ("needy", "plug_in_with_needs:Model")]
    with pytest.raises(
        BrokenPlugin,
        match="the model 'gone' is declared by an unknown package, whose module no_such_plug_in is missing",
    ):
        Registry("models").load("gone")
    with pytest.raises(
        MissingExtra,
        match="the model 'needy' of an unknown package needs the module 'no_such_package', which is not "
        "installed; install the package that has the module 'no_such_package'",
    ):
        Registry("models").load("needy")


def test_a_package_that_one_of_our_extras_installs_leads_to_the_extra(
    declared: list[tuple[str, str]], module_file: ModuleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    module_file("plug_in_with_extra", "import spacy")
    declared.append(("needy", "plug_in_with_extra:Model"))
    with pytest.raises(
        MissingExtra, match=r"'spacy', which is not installed; install selfreward-eval\[spacy\]$"
    ):
        Registry("models").load("needy")


def test_every_extra_has_a_module_that_leads_to_it() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert set(module.EXTRAS.values()) == set(project["optional-dependencies"]) - {"dev", "docs"}


def test_a_module_hidden_by_another_of_its_name_leads_to_that_one(
    declared: list[tuple[str, str]], module_file: ModuleFile
) -> None:
    """Such as a folder with a tasks.py, where the plug-in is a package of that name."""
    file = module_file("hiding_plug_in", "")
    declared.append(("hidden", "hiding_plug_in.model:Model"))
    with pytest.raises(
        BrokenPlugin, match=rf"hiding_plug_in\.model is missing .* was imported from {file}\)"
    ):
        Registry("models").load("hidden")


def test_a_module_that_lacks_a_part_of_its_own_package_says_which(
    declared: list[tuple[str, str]], module_file: ModuleFile
) -> None:
    module_file("half_plug_in", "import half_plug_in.rest")
    declared.append(("half", "half_plug_in:Model"))
    with pytest.raises(
        BrokenPlugin, match=r"half_plug_in imports half_plug_in\.rest, which an unknown package"
    ):
        Registry("models").load("half")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("\n1 / 0", "ZeroDivisionError: division by zero at .*raising_plug_in.py:2; mend"),
        ("\n\ndef", r"SyntaxError: invalid syntax at .*raising_plug_in.py:3; mend"),
        ("from json import nothing", "ImportError: cannot import name 'nothing' from 'json'"),
    ],
)
def test_an_error_raised_by_an_import_is_shown_with_its_place(
    declared: list[tuple[str, str]], module_file: ModuleFile, source: str, error: str
) -> None:
    module_file("raising_plug_in", source)
    declared.append(("raising", "raising_plug_in:Model"))
    with pytest.raises(BrokenPlugin, match=f"raising_plug_in of an unknown package raised {error}"):
        Registry("models").load("raising")


def test_an_error_for_users_passes_as_it_is(declared: list[tuple[str, str]], module_file: ModuleFile) -> None:
    module_file(
        "refusing_plug_in",
        "from selfreward_eval.harness.errors import UsageError\nraise UsageError('set TOKEN first')",
    )
    declared.append(("refusing", "refusing_plug_in:Model"))
    with pytest.raises(UsageError, match=r"^set TOKEN first$"):
        Registry("models").load("refusing")


def test_a_module_without_the_declared_object_says_so(declared: list[tuple[str, str]]) -> None:
    declared.append(("absent", "json:Nothing"))
    with pytest.raises(BrokenPlugin, match=r"declared as json:Nothing by .*, and json has no Nothing"):
        Registry("models").load("absent")


def test_the_package_that_declares_a_broken_entry_is_named() -> None:
    """Built-in entries carry their distribution."""
    entry = next(iter(entry_points(group="selfreward_eval.models")))
    assert module._distribution(entry) == "selfreward-eval"


def test_a_name_that_two_packages_claim_stops_only_itself(declared: list[tuple[str, str]]) -> None:
    declared.append(("painter", "csv:reader"))
    models = Registry("models")
    with pytest.raises(UsageError, match=r"two packages declare the model 'painter': json:loads and csv:r"):
        models.load("painter")
    assert models.load("printer").__name__ == "dumps"
    assert list(models.broken()) == ["painter"]


class Package(importlib.metadata.Distribution):
    """An installed package of a name."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def read_text(self, filename: str) -> str | None:
        return None

    def locate_file(self, path: object) -> Path:
        return Path(str(path))


@pytest.mark.parametrize("first", ["selfreward-eval", "their-plugin"])
def test_a_built_in_name_stays_built_in(monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    entries = [
        EntryPoint("painter", value, "selfreward_eval.models")._for(Package(package))  # type: ignore[attr-defined]
        for package, value in (("selfreward-eval", "json:loads"), ("their-plugin", "csv:reader"))
    ]
    entries.sort(key=lambda entry: entry.dist.name != first)
    monkeypatch.setattr(module, "entry_points", lambda group: entries)
    models = Registry("models")
    assert models.origin("painter") == "json:loads"
    assert models.load("painter").__name__ == "loads"
    assert models.hidden == {
        "painter": "the model 'painter' of their-plugin (csv:reader) is not used: the name is built in; "
        "rename it, or uninstall their-plugin"
    }


def test_a_plug_in_that_leaves_the_program_at_import_is_broken(
    declared: list[tuple[str, str]], module_file: ModuleFile
) -> None:
    module_file("leaving_plug_in", "import sys\nsys.exit(3)")
    declared.append(("leaving", "leaving_plug_in:Model"))
    with pytest.raises(BrokenPlugin, match=r"raised SystemExit: 3 at .*leaving_plug_in\.py:2"):
        Registry("models").load("leaving")
    assert list(Registry("models").broken()) == ["leaving"]


@pytest.mark.parametrize("value", ["", "a b", "1:", ":Model"])
def test_an_entry_that_is_no_place_is_broken(declared: list[tuple[str, str]], value: str) -> None:
    declared.append(("odd", value))
    with pytest.raises(BrokenPlugin, match=r"the model 'odd' is declared as|cannot be imported|is missing"):
        Registry("models").load("odd")


def test_one_entry_seen_twice_is_one_entry(declared: list[tuple[str, str]]) -> None:
    """An editable installation can list its metadata twice."""
    declared.append(("painter", "json:loads"))
    assert Registry("models").names() == ["painter", "printer"]
