"""A judge's server dies in the middle of a run and comes back: the same command completes the run.

The server is real, speaks HTTP on the loopback address, and answers by the scenes' facts and pixels. Its
death closes the port; what was under way gets no answer.
"""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.instruments.judging import Turn
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.testing.scripted_endpoint import Response, ScriptedEndpoint
from selfreward_eval.tasks.shapes.judge.judge import ShapesJudge

Command = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """What is run, and when its judge dies.

    Attributes:
        task: registry name.
        model: with its arguments.
        samples: planned.
        requests: that the server answers before it dies.
        remembers: whether replies are kept in a file; then no question at all is asked twice.
    """

    task: str
    model: tuple[str, ...]
    samples: int
    requests: int
    remembers: bool


CASES = [
    Case("shapes_llava_bench", ("--model", "tiny"), 12, 5, remembers=False),
    Case("shapes_llava_bench", ("--model", "tiny"), 12, 0, remembers=False),
    # Two questions and more about a picture, so the server dies between the turns of one sample.
    Case("shapes_t2i_reasonbench", ("--model", "dummy"), 12, 9, remembers=True),
]


def turns(request: dict[str, Any]) -> list[Turn]:
    """The conversation that a request carries."""
    found = []
    for message in request["messages"]:
        parts = message["content"]
        parts = [{"type": "text", "text": parts}] if isinstance(parts, str) else parts
        images = [
            Image.open(io.BytesIO(base64.b64decode(part["image_url"]["url"].split(",", 1)[1])))
            for part in parts
            if part["type"] == "image_url"
        ]
        text = "\n".join(part["text"] for part in parts if part["type"] == "text")
        found.append(Turn(message["role"], text, tuple(images)))
    return found


def knowing(request: dict[str, Any], before: int) -> Response:
    """What ``judge_shapes`` says."""
    (reply,) = ShapesJudge().replies([turns(request)])
    return Response(str(reply.text)) if reply.text is not None else Response(status=400, error=reply.reason)


class Server:
    """A server that can die and be started again on its port.

    Attributes:
        answered: every conversation that was answered, in order, over all its lives.
    """

    def __init__(self) -> None:
        self.answered: list[str] = []
        self._left: int | None = None
        self._endpoint = ScriptedEndpoint(self._say)
        self.port, self.url = self._endpoint.port, self._endpoint.url

    def dies_after(self, requests: int) -> None:
        self._left = requests

    def returns(self) -> None:
        self._left = None
        self._endpoint = ScriptedEndpoint(self._say, port=self.port)

    def stop(self) -> None:
        self._endpoint.stop()

    def _say(self, request: dict[str, Any], before: int) -> Response:
        if self._left is not None and len(self.answered) >= self._left:
            self.stop()
            return Response(reset=True)
        self.answered.append(json.dumps(request["messages"]))
        return knowing(request, before)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


@pytest.fixture(params=CASES, ids=lambda case: f"{case.task}-after-{case.requests}")
def case(request: pytest.FixtureRequest) -> Case:
    chosen: Case = request.param
    return chosen


def arguments(case: Case, server: Server, folder: Path) -> list[str]:
    """The whole command; the same words every time."""
    judge = {
        "judge": "judge_openai",
        "judge_args.model": "knowing",
        "judge_args.base_url": server.url,
        "judge_args.api_key_env": "none",
        "judge_args.retries": "1",
        "judge_args.backoff": "0",
        # One at a time, so that it is certain what the server did before it died.
        "judge_args.concurrency": "1",
    }
    if case.remembers:
        judge["replies"] = str(folder / "replies.jsonl")
    task_args = ",".join(f"{key}={value}" for key, value in judge.items())
    options = ["--tasks", case.task, "--task-args", task_args, "--limit", str(case.samples)]
    return ["run", *case.model, *options, "--batch-size", "4", "--output-path", str(folder), "--json"]


def test_nothing_is_lost_nothing_is_asked_twice_and_the_scores_are_those_of_a_quiet_run(
    command: Command, tmp_path: Path, server: Server, case: Case
) -> None:
    server.dies_after(case.requests)
    first = command(*arguments(case, server, tmp_path / "run"))
    assert first.code == 0, first.err
    cut = json.loads(first.out)["tasks"][case.task]
    lost = cut["failures"].pop("judge_transport_error")
    assert (cut["failures"], cut["overall"]["n_scored"]) == ({}, case.samples - lost)
    assert 0 < lost <= case.samples
    assert lost < case.samples or cut["overall"]["value"] is None

    server.returns()
    second = command(*arguments(case, server, tmp_path / "run"))
    assert second.code == 0, second.err
    resumed = json.loads(second.out)
    assert resumed["samples_reused"] == case.samples - lost
    whole = resumed["tasks"][case.task]
    assert (whole["failures"], whole["overall"]["n_scored"]) == ({}, case.samples)

    records = load_run(Path(resumed["folder"])).records[case.task]
    assert Counter((one.item.id, one.sample.index) for one in records).most_common(1)[0][1] == 1
    assert len(records) == case.samples
    assert max(Counter(server.answered).values()) == 1

    quiet = command(*arguments(case, server, tmp_path / "quiet"))
    assert json.loads(quiet.out)["tasks"][case.task] == whole


def test_while_the_server_is_away_what_was_scored_stays(
    command: Command, tmp_path: Path, server: Server
) -> None:
    case = CASES[0]
    server.dies_after(case.requests)
    first = json.loads(command(*arguments(case, server, tmp_path)).out)
    again = json.loads(command(*arguments(case, server, tmp_path)).out)
    assert again["tasks"] == first["tasks"]
    assert again["samples_reused"] == first["tasks"][case.task]["overall"]["n_scored"] == case.requests
