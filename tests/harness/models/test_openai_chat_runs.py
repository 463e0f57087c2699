"""Whole runs on a chat endpoint: no question is lost, none is scored by a failure."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.api.objects import build_tasks
from selfreward_eval.harness.models.openai_chat import OpenAIChatModel
from selfreward_eval.harness.runs.run import Finished, run
from selfreward_eval.harness.testing.scripted_endpoint import Response, ScriptedEndpoint, last_turn_text


def measure(endpoint: ScriptedEndpoint, folder: Path) -> Finished:
    model = OpenAIChatModel("m", endpoint.url, api_key_env=None, backoff=0.001, retries=0)
    arguments = {"judge": "judge_scripted", "judge_args": {"reply": "7 8\nfine"}}
    return run(model, build_tasks("shapes_llava_bench", arguments), folder, limit=8, batch_size=4)


def statuses(folder: Path) -> Counter[str]:
    (file,) = folder.rglob("samples_*.jsonl")
    return Counter(json.loads(line)["status"] for line in file.read_text().splitlines())


def test_questions_that_met_a_fault_are_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    numbers: dict[str, int] = {}
    down = True

    def rule(request: dict[str, Any], before: int) -> Response:
        number = numbers.setdefault(json.dumps(request["messages"]), len(numbers))
        if number == 0:
            return Response(status=400, code="content_policy_violation")
        return Response(status=503) if number in (1, 5) and down else Response(last_turn_text(request))

    with ScriptedEndpoint(rule) as endpoint:
        measure(endpoint, tmp_path)
        first = statuses(tmp_path)
        down = False
        measure(endpoint, tmp_path)
    assert first == {"success": 5, "model_refused": 1, "model_transport_error": 2}
    assert statuses(tmp_path) == {"success": 7, "model_refused": 1}
