"""Rewarders by name."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from selfreward_eval.harness.errors import UnknownName, UsageError
from selfreward_eval.harness.registry import Registry
from selfreward_eval.rewarders.building import build, takes_model
from selfreward_eval.rewarders.clip import ClipReward
from selfreward_eval.rewarders.control import RandomReward
from selfreward_eval.rewarders.dual import PromptLikelihood

NAMES = {
    "random": "selfreward_eval.rewarders.control:RandomReward",
    "dsr": "selfreward_eval.rewarders.dual:PromptLikelihood",
}


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rewarders, whatever this checkout was installed with."""
    found = Registry("rewarders")
    found._entries = {
        name: EntryPoint(name, value, "selfreward_eval.rewarders") for name, value in NAMES.items()
    }
    monkeypatch.setattr("selfreward_eval.rewarders.building.registry", lambda group: found)


class Scoring:
    def identity(self) -> dict[str, Any]:
        return {"name": "scoring"}

    def text_logprobs(self, images: Any, texts: Any, **rest: Any) -> list[Any]:
        return []


def test_a_rewarder_is_built_with_its_arguments() -> None:
    assert build("random", seed=3).identity()["seed"] == 3


def test_a_model_is_given_to_those_that_take_one() -> None:
    model = Scoring()
    assert build("dsr", model).model is model  # type: ignore[attr-defined]
    assert build("random", model).identity() == RandomReward().identity()
    assert takes_model(PromptLikelihood)
    assert not takes_model(ClipReward)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownName, match="unknown rewarder 'randon'; did you mean random"):
        build("randon")


def test_an_argument_that_it_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(UsageError, match=r"rewarder 'random': .*'sead'; its constructor takes: seed"):
        build("random", sead=3)


LIGHT = """
import sys
import selfreward_eval.rewarders.{module}
heavy = [name for name in ("torch", "transformers", "numpy", "PIL", "scipy") if name in sys.modules]
sys.exit(f"imports {{heavy}}" if heavy else 0)
"""


MODULES = [
    "adapters",
    "cache",
    "clip",
    "composite",
    "control",
    "detection",
    "dual",
    "flow",
    "judge",
    "srum.rewarder",
    "vqa",
]


@pytest.mark.parametrize("module", MODULES)
def test_declaring_a_rewarder_imports_nothing_heavy(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT.format(module=module)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
