"""``selfreward-eval list``: names, details, broken plug-ins, and what it must not import."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest
import typer
from typer.testing import CliRunner

from selfreward_eval.cli import listing as command
from selfreward_eval.harness import registry
from selfreward_eval.harness.errors import UnknownName
from selfreward_eval.harness.task import TaskInfo


class ToyTask:
    info = TaskInfo("toy", "3", "A toy benchmark", "none", images_per_item=2, comparable="never")


class Painter:
    """Paints.

    Args:
        brush: which one,
            of all.
        size: in pixels.
    """

    def __init__(self, brush: str, size: int = 48) -> None: ...

    def generate(self) -> None: ...

    def training_copy(self) -> None: ...


@pytest.fixture
def plug_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Registries of one good and one broken entry each."""
    entries = {
        "selfreward_eval.tasks": {"toy": f"{__name__}:ToyTask", "broken": "no_such_package.task:Task"},
        "selfreward_eval.models": {"painter": f"{__name__}:Painter", "odd": f"{__name__}:NoSuchClass"},
        "selfreward_eval.rewarders": {},
    }
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    monkeypatch.setattr(
        registry,
        "entry_points",
        lambda group: [EntryPoint(name, value, group) for name, value in entries.get(group, {}).items()],
    )
    registry.registry.cache_clear()
    yield
    registry.registry.cache_clear()


def output(*arguments: str) -> str:
    app = typer.Typer()
    app.command()(command.listing)
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("plug_ins")
def test_tasks_show_version_capability_and_title() -> None:
    assert "toy     @3  draws  A toy benchmark" in output("tasks").splitlines()
    assert output() == output("tasks")


def test_the_list_of_tasks_is_no_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    lines = output("tasks").splitlines()
    assert len(lines) > 10
    assert max(map(len, lines)) <= 90


def test_one_task_shows_its_long_texts_and_its_arguments() -> None:
    text = " ".join(output("tasks", "geneval").split())
    assert "comparable with published numbers: no: the Mask2Former weights of the hub" in text
    assert "seed policies: hashed, official" in text
    assert "--task-args detector='mask2former' registry name of the detector" in text


@pytest.mark.usefixtures("plug_ins")
def test_a_broken_plug_in_is_listed_with_the_reason() -> None:
    lines = output("tasks").splitlines()
    assert lines[0].startswith("broken  cannot be loaded from no_such_package.task:Task: BrokenPlugin: ")
    assert "no_such_package" in lines[0]
    assert "has no NoSuchClass" in output("models")


@pytest.mark.usefixtures("plug_ins")
def test_a_plug_in_under_a_built_in_name_is_listed_as_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.registry("tasks"), "hidden", {"toy": "the task 'toy' of x is not used"})
    assert [line.split()[0] for line in output("tasks").splitlines()] == ["broken", "toy", "toy"]
    assert "the task 'toy' of x is not used" in output("tasks").splitlines()[2]
    assert json.loads(output("tasks", "--json"))[2]["error"] == "the task 'toy' of x is not used"


@pytest.mark.usefixtures("plug_ins")
def test_models_show_what_they_can_do_and_take() -> None:
    lines = output("models").splitlines()
    assert "painter  draws, trains (generate)" in lines
    assert lines[lines.index("painter  draws, trains (generate)") + 1] == "    brush, size=48"


@pytest.mark.usefixtures("plug_ins")
def test_one_name_shows_what_its_arguments_mean() -> None:
    assert output("models", "painter").splitlines() == [
        "painter  draws, trains (generate)",
        "    brush",
        "        which one, of all.",
        "    size=48",
        "        in pixels.",
    ]


@pytest.mark.parametrize(
    ("what", "name", "shown", "argument"),
    [
        ("models", "diffusers", "draws (generate)", "pretrained, revision=None"),
        ("models", "openai_chat", "answers, continues texts (answer, complete)", "model, base_url="),
        ("models", "tiny", "draws, answers, likelihoods, trains", "checkpoint='final'"),
        ("models", "pair", "draws, answers, likelihoods", "generator, understander"),
        ("rewarders", "dsr", "(self; needs text_logprobs)", "question="),
        ("trainers", "dsr_grpo", "GRPO on whole groups", "ratio=0.2, kl=0.02"),
        ("instruments", "mask2former", "COCO", "weights='facebook/"),
    ],
)
def test_the_built_in_ones_show_theirs(what: str, name: str, shown: str, argument: str) -> None:
    lines = output(what).splitlines()
    (place,) = [k for k, line in enumerate(lines) if line.split()[0] == name and not line.startswith(" ")]
    assert shown in lines[place]
    assert argument in lines[place + 1]


def test_a_source_says_the_same_as_its_class() -> None:
    """Trainers and instruments are listed without being imported."""
    from selfreward_eval.cli.listing_arguments import from_class

    for group in command.BY_SOURCE:
        for row in command.describe(group):
            target = registry.registry(group).load(row["name"])
            assert list(row["arguments"]) == list(from_class(target)), row["name"]


@pytest.mark.usefixtures("plug_ins")
def test_json_has_one_object_per_name() -> None:
    broken, toy = json.loads(output("tasks", "--json"))
    assert (toy["name"], toy["version"], toy["seed_policies"]) == ("toy", "3", ["hashed"])
    assert "version" not in broken
    assert "error" in broken
    assert json.loads(output("rewarders", "--json")) == []


@pytest.mark.usefixtures("plug_ins")
def test_an_empty_group_says_so() -> None:
    assert "no rewarders are registered" in output("rewarders")


@pytest.mark.parametrize(
    ("what", "hint"),
    [("task", "did you mean tasks?"), ("instrumnets", "did you mean instruments?"), ("qq", "known:")],
)
def test_an_unknown_group_leads_to_the_right_one(what: str, hint: str) -> None:
    with pytest.raises(UnknownName, match=f"cannot list '{what}'; ") as caught:
        command.describe(what)
    assert hint in str(caught.value)


@pytest.mark.parametrize("what", ["tasks", "models", "rewarders", "trainers", "instruments"])
def test_listing_imports_nothing_heavy(what: str) -> None:
    """The half second of CPU that it may take is lost on any one of these."""
    script = (
        "import sys; from selfreward_eval.cli.listing import describe; "
        f"describe({what!r}); "
        "print([m for m in ('torch', 'transformers', 'scipy', 'PIL', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_whole_command_converts_no_value_and_imports_no_pydantic() -> None:
    script = (
        "import sys; sys.argv = ['selfreward-eval', 'list', 'tasks']\n"
        "from selfreward_eval.cli.main import main\n"
        "try: main()\n"
        "finally: print([m for m in ('torch', 'numpy', 'pydantic') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "shapes_geneval" in done.stdout
