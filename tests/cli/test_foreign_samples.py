"""Another run's files in a run folder change no number; under the run's own names they are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.commands import Outcome

from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

Command = Callable[..., Outcome]


class Failing(DummyModel):
    """Draws no picture of two things."""

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image.Image | None]:
        if any("a picture of two" in prompt for prompt in prompts):
            raise RuntimeError("two are too many")
        return list(super().generate(prompts, seeds))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of six items; ``good`` has other pictures and scores than ``base`` where its samples fail."""
    folder = tmp_path_factory.mktemp("drawn")
    run(DummyModel(name="base"), [ShapesGenEval()], folder, limit=6)
    run(Failing(name="good"), [ShapesGenEval()], folder, limit=6)
    return folder


@pytest.fixture
def runs(drawn: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn, tmp_path / "runs"))


def samples(folder: Path) -> Path:
    created = json.loads((folder / "run.json").read_text())["created"]
    return folder / f"samples_shapes_geneval_{created}.jsonl"


def reading(runs: Path) -> dict[str, tuple[Any, ...]]:
    """Commands that read the run ``base``, by name."""
    base, good = runs / "base", runs / "good"
    policy = runs / "gate.toml"
    policy.write_text('[[rule]]\ntask = "shapes_geneval"\nmargin = 0.05\ncoverage = 0\n')
    return {
        "compare": ("compare", base, good, "--json"),
        "gate": ("gate", base, good, "--policy", policy, "--json"),
        "report": ("report", base),
        "reward": ("reward", base, "--rewarder", "random", "--output", runs / "rewards", "--json"),
        "leaderboard": ("leaderboard", "build", base, good, "--out", runs / "site"),
        "power": ("power", base, "--json"),
        "run": ("run", "--model", "dummy", "--model-args", "name=base", "--limit", 6, "-o", runs),
    }


@pytest.mark.parametrize("name", ["compare", "gate"])
def test_a_copied_sample_file_changes_no_number(command: Command, runs: Path, name: str) -> None:
    arguments = reading(runs)[name]
    before = command(*arguments)
    assert before.out.startswith("{"), before.err
    own = samples(runs / "good")
    for time in ("2001-01-01T00-00-00.000000", "2999-01-01T00-00-00.000000"):
        shutil.copy(own, runs / "base" / f"samples_shapes_geneval_{time}.jsonl")
        (runs / "base" / f"results_{time}.json").write_text("{")
    after = command(*arguments)
    assert (after.code, after.out) == (before.code, before.out)


@pytest.mark.parametrize("name", ["compare", "gate", "report", "reward", "leaderboard", "power"])
def test_samples_that_the_results_do_not_follow_from_are_refused(
    command: Command, runs: Path, name: str
) -> None:
    shutil.copy(samples(runs / "good"), samples(runs / "base"))
    outcome = command(*reading(runs)[name])
    assert outcome.code == 4, outcome.out
    assert "the samples give shapes_geneval" in outcome.errors[0]


@pytest.mark.parametrize("name", ["compare", "gate", "report", "reward", "leaderboard", "power", "run"])
def test_samples_of_another_seed_are_refused(command: Command, runs: Path, name: str, tmp_path: Path) -> None:
    other = run(DummyModel(name="base"), [ShapesGenEval()], tmp_path / "seeds", limit=6, seed=1)
    shutil.copy(samples(other.folder), samples(runs / "base"))
    outcome = command(*reading(runs)[name])
    assert outcome.code == 4, outcome.out
    assert "which is not of this run (its seed is " in outcome.errors[0]


def test_a_page_tells_which_picture_is_not_the_measured_one(command: Command, runs: Path) -> None:
    line = json.loads(samples(runs / "base").read_text().splitlines()[0])
    Image.new("RGB", (32, 32), "red").save(runs / "base" / line["image"])
    assert command("report", runs / "base").code == 0
    page = (runs / "base" / "report.html").read_text(encoding="utf-8")
    assert page.count("not the one that was measured") == 1
    assert f"recorded is {line['image_sha256'][:12]}" in page
    command("compare", runs / "base", runs / "good", "-o", runs / "pairs.json")
    assert (runs / "pairs.html").read_text(encoding="utf-8").count("not the one that was measured") == 1


def test_a_page_that_was_killed_half_way_leaves_nothing_behind(command: Command, runs: Path) -> None:
    stale = runs / "base" / ".report.html.4194303.0a1b2c3d.tmp"
    stale.write_text("half a page")
    assert command("report", runs / "base").code == 0
    assert not stale.exists()
