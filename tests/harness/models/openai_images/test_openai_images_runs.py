"""Whole runs on a picture server: no sample is lost, none is scored by a failure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.picture_server import Fault, PictureServer

from selfreward_eval.api.objects import build_tasks
from selfreward_eval.harness.errors import RunFolderError
from selfreward_eval.harness.models.openai_images.adapter import OpenAIImagesModel
from selfreward_eval.harness.models.openai_images.dialects import DIALECTS
from selfreward_eval.harness.runs.run import Finished, run

ITEMS = 3


def measure(server: PictureServer, folder: Path, **settings: Any) -> Finished:
    model = OpenAIImagesModel(
        server.model, server.url, server.dialect, api_key_env=None, **{"backoff": 0.001, **settings}
    )
    return run(model, build_tasks("shapes_geneval", {}), folder, limit=ITEMS, batch_size=4)


def lines(folder: Path) -> list[dict[str, Any]]:
    (file,) = folder.rglob("samples_*.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_fault_is_a_status_and_a_second_call_gets_what_may_pass(dialect: str, tmp_path: Path) -> None:
    """A third of all prompts is refused, another third meets a server that fails for a while."""
    down = True
    kinds: dict[str, int] = {}

    def fault(request: dict[str, Any], before: int) -> Fault | None:
        if "ground" in request["prompt"]:
            return None
        kind = kinds.setdefault(request["prompt"], len(kinds))
        if kind == 0:
            return Fault(400, "content_policy_violation")
        return Fault(503) if kind == 1 and down else None

    with PictureServer(dialect, fault=fault) as server:
        measure(server, tmp_path, retries=1)
        first = lines(tmp_path)
        down = False
        finished = measure(server, tmp_path, retries=1)
    assert Counter(line["status"] for line in first) == {
        "model_refused": 4, "model_transport_error": 4, "success": 4,
    }  # fmt: skip
    second = lines(tmp_path)
    assert Counter(line["status"] for line in second) == {"model_refused": 4, "success": 8}
    assert not any("accuracy" in line for line in second if line["status"] != "success")
    score = finished.scores["shapes_geneval"].overall
    assert (score.n_scored, score.n_expected) == (8, 12)


def test_a_run_that_was_interrupted_asks_for_no_picture_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw, calls = OpenAIImagesModel.generate, []

    def interrupted(self: OpenAIImagesModel, prompts: Sequence[str], seeds: Sequence[int]) -> Any:
        calls.append(prompts)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return draw(self, prompts, seeds)

    with PictureServer("vllm-omni") as server:
        with monkeypatch.context() as patch:
            patch.setattr(OpenAIImagesModel, "generate", interrupted)
            with pytest.raises(KeyboardInterrupt):
                measure(server, tmp_path)
        finished = measure(server, tmp_path)
        asked = Counter(request["prompt"] for request in server.requests)
    assert (finished.reused, finished.drawn) == (4, 8)
    assert sum(count for prompt, count in asked.items() if "ground" not in prompt) == 12


def test_other_weights_under_the_same_name_are_noticed_on_resume(tmp_path: Path) -> None:
    with PictureServer("sglang") as server:
        measure(server, tmp_path)
        port = server.port
    with (
        PictureServer("sglang", weights="second", port=port) as server,
        pytest.raises(RunFolderError, match=r"holds another run \(model\.probe_sha256"),
    ):
        measure(server, tmp_path)


def test_a_rewritten_prompt_is_in_the_evidence_also_after_a_kill(tmp_path: Path) -> None:
    with PictureServer("openai", rewrite=lambda prompt: f"{prompt}, as a photograph – ü") as server:
        measure(server, tmp_path)
        # As if the process had been killed before the lines of these pictures were written.
        (file,) = tmp_path.rglob("samples_*.jsonl")
        kept = file.read_text().splitlines(keepends=True)[:4]
        file.write_text("".join(kept))
        asked = len(server.requests)
        measure(server, tmp_path)
        assert len(server.requests) == asked + 2, "only the two pictures of the repeat test are new"
    found = lines(tmp_path)
    assert len(found) == 12
    assert all(
        line["evidence"]["revised_prompt"] == f"{line['doc']['prompt']}, as a photograph – ü"
        for line in found
    )
