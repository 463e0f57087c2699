"""Models, judges and endpoints without weights or network: public, for tests of plug-ins.

>>> from selfreward_eval.harness.testing import DummyModel, Response, ScriptedEndpoint, ScriptedJudge
>>> DummyModel(size=32).generate(["a horse"], [0])[0].size
(32, 32)

``DummyModel`` tests a task or a rewarder, ``ScriptedJudge`` a task with a judge, ``ScriptedEndpoint``
whatever sends requests to an OpenAI-compatible server. The first two also have registry names:
``--model dummy`` and ``judge_scripted``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selfreward_eval.harness.testing.dummy_model import DummyModel
    from selfreward_eval.harness.testing.scripted_endpoint import (
        Response,
        ResponseRule,
        ScriptedEndpoint,
        last_turn_text,
    )
    from selfreward_eval.harness.testing.scripted_judge import ReplyRule, ScriptedJudge

__all__ = [
    "DummyModel",
    "ReplyRule",
    "Response",
    "ResponseRule",
    "ScriptedEndpoint",
    "ScriptedJudge",
    "last_turn_text",
]

_MODULES = {
    "DummyModel": "dummy_model",
    "ReplyRule": "scripted_judge",
    "Response": "scripted_endpoint",
    "ResponseRule": "scripted_endpoint",
    "ScriptedEndpoint": "scripted_endpoint",
    "ScriptedJudge": "scripted_judge",
    "last_turn_text": "scripted_endpoint",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
