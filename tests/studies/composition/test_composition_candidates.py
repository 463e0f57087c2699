"""Candidates on disk: what is there is not made again, and prompts are of every category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL.Image import Image

from selfreward_eval.harness.testing.dummy_model import DummyModel
from studies.composition import candidates as module
from studies.composition.candidates import candidates, is_complete
from studies.composition.prompts import Prompt, prompts, tasks


class Counting(DummyModel):
    """Draws as the dummy does, and counts."""

    pictures_drawn = 0

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image | None]:
        self.pictures_drawn += len(prompts)
        return [image.resize((48, 48)) for image in super().generate(prompts, seeds) if image is not None]


@pytest.fixture
def prompt() -> Prompt:
    task = tasks()["shapes_geneval"]
    return Prompt("shapes_geneval", task.items()[0], 0.9)


@pytest.fixture(autouse=True)
def _rewarders_without_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REWARDERS", ("random", "detection"))


def test_a_second_call_draws_and_rewards_nothing(tmp_path: Path, prompt: Prompt) -> None:
    model = Counting()
    first = candidates(tmp_path, model, prompt, 6, 4)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    again = candidates(tmp_path, model, prompt, 6, 4)
    assert model.pictures_drawn == 6
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == written
    assert np.array_equal(first.scores, again.scores)
    assert np.array_equal(first.rewards["random"], again.rewards["random"])


def test_rewards_that_are_missing_are_made_for_the_pictures_that_are_there(
    tmp_path: Path, prompt: Prompt
) -> None:
    model = Counting()
    first = candidates(tmp_path, model, prompt, 6, 4)
    next(tmp_path.rglob("*.random.json")).unlink()
    again = candidates(tmp_path, model, prompt, 6, 4)
    assert model.pictures_drawn == 6
    assert first.rewards["random"].tolist() == again.rewards["random"].tolist()


def test_a_prompt_is_complete_once_all_of_it_is_there(tmp_path: Path, prompt: Prompt) -> None:
    assert not is_complete(tmp_path, prompt)
    candidates(tmp_path, Counting(), prompt, 6, 4)
    assert is_complete(tmp_path, prompt)
    next(tmp_path.rglob("*.random.json")).unlink()
    assert not is_complete(tmp_path, prompt)


def test_detection_gives_what_the_benchmark_gives(tmp_path: Path, prompt: Prompt) -> None:
    made = candidates(tmp_path, Counting(), prompt, 6, 6)
    assert made.rewards["detection"].tolist() == made.scores.tolist()


def test_every_category_has_its_prompts_and_right_pictures_pass() -> None:
    [chosen] = prompts(1)
    assert Counter(one.task for one in chosen) == {"shapes_geneval": 6, "shapes_t2i_compbench": 8}
    assert all(one.threshold > 0.4 for one in chosen)
