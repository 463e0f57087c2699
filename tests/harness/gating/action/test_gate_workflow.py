"""The example workflow, job by job, with real runs of a small model and without GitHub."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.paths import ROOT

from selfreward_eval.harness.gating.fixed import judge
from selfreward_eval.harness.gating.policy_file import read_policy
from selfreward_eval.harness.gating.summary import MARKER
from selfreward_eval.harness.runs.reader import load_run

EXAMPLES = ROOT / "docs" / "examples"

PULL = {
    "github.event_name": "pull_request",
    "github.event.pull_request.base.sha": "b45e",
    "github.event.pull_request.number": "12",
    "github.event.pull_request.head.repo.full_name": "lab/models",
    "github.repository": "lab/models",
    "github.sha": "c0de",
    "github.token": "t",
}
PUSH = {**PULL, "github.event_name": "push", "github.sha": "b45e"}
FORK = {**PULL, "github.event.pull_request.head.repo.full_name": "someone/models"}

MARGIN = '[[rule]]\ntask = "shapes_geneval"\nmargin = 0.2\n'
NARROW = '[[rule]]\ntask = "shapes_geneval"\nmargin = 0.001\n'
FLOOR = '[[rule]]\ntask = "shapes_geneval"\nfloor = 0.5\n'


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``actions/cache`` keeps: folders named by their keys."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def gate_job(
    runner: Any, run_action: Callable[..., Any], workflow: dict[str, Any], cache: Path
) -> Callable[..., Any]:
    """``gate_job(event, policy, ...)``: the job, where the model is the dummy on 36 items."""

    def save(given: Mapping[str, str]) -> dict[str, str]:
        shutil.copytree(runner.workspace / given["path"], cache / given["key"])
        return {}

    def restore(given: Mapping[str, str]) -> dict[str, str]:
        if not (cache / given["key"]).is_dir():
            return {}
        shutil.copytree(cache / given["key"], runner.workspace / given["path"])
        return {"cache-matched-key": given["key"]}

    def gate(given: Mapping[str, str]) -> dict[str, str]:
        ran = run_action(**given)
        print(ran.log)
        return {"code": str(ran.code)}

    runner.stand_ins |= {
        "actions/cache/save": save,
        "actions/cache/restore": restore,
        "OWNER/selfreward-eval": gate,
    }
    runner.command("python", 'echo "$@" > installed')
    real = (runner.bin / "selfreward-eval").rename(runner.bin / "real")
    runner.command("selfreward-eval", f'[ "$1" != run ] || set -- "$@" --limit 36\nexec "{real}" "$@"')

    def call(event: Mapping[str, str], policy: str = MARGIN, **env: str) -> Any:
        (runner.workspace / "gate.toml").write_text(policy)
        small = {"MODEL": "dummy", "MODEL_ARGS": "size=48", "TASKS": "shapes_geneval"}
        job = workflow["jobs"]["gate"]
        return runner(job["steps"], event, {**workflow["env"], **job["env"], **small, **env})

    return call


@pytest.fixture
def baseline(gate_job: Callable[..., Any], runner: Any, cache: Path) -> Path:
    """The baseline, kept by the job on the main branch; the workspace is empty again."""
    kept = cache / "gate-base-b45e"
    if not kept.is_dir():
        ran = gate_job(PUSH)
        assert ran.code == 0, ran.log
        shutil.rmtree(runner.workspace / "runs")
    return kept


@pytest.mark.slow
def test_on_main_the_run_is_kept_and_nothing_is_judged(
    gate_job: Callable[..., Any], runner: Any, cache: Path
) -> None:
    ran = gate_job({**PUSH, "github.sha": "ma1n"})
    assert ran.code == 0, ran.log
    assert ran.names[-1] == "Keep the baseline"
    assert load_run(cache / "gate-base-ma1n").manifest.identity["model"]["name"] == "base"
    assert (runner.workspace / "installed").read_text() == "-m pip install -r requirements.txt\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "code", "verdict"),
    [(MARGIN, 0, "PASS"), (FLOOR, 1, "FAIL"), (NARROW, 3, "INCONCLUSIVE")],
    ids=["unchanged", "below the floor", "too few items for the margin"],
)
def test_on_a_pull_request_the_job_ends_with_the_gate_s_exit_code(
    gate_job: Callable[..., Any], baseline: Path, runner: Any, policy: str, code: int, verdict: str
) -> None:
    ran = gate_job(PULL, policy)
    assert ran.code == code, ran.log
    assert "Keep the baseline" not in ran.names
    summary = runner.summary.read_text()
    assert summary.startswith(f"Baseline: gate-base-b45e\n\n{MARKER}\n")
    assert f"Gate: {verdict}\n" in summary


@pytest.mark.slow
def test_without_a_baseline_nothing_passes(gate_job: Callable[..., Any], runner: Any) -> None:
    ran = gate_job({**PULL, "github.event.pull_request.base.sha": "unknown"})
    assert ran.code == 4
    assert runner.summary.read_text().startswith("Baseline: none; run this workflow on main\n")
    assert "error: no run folder at runs/base" in runner.summary.read_text()


@pytest.mark.slow
def test_a_change_of_settings_is_no_comparison(
    gate_job: Callable[..., Any], baseline: Path, runner: Any
) -> None:
    ran = gate_job(PULL, SEED="1")
    assert ran.code == 4
    assert "seed: 0 != 1" in runner.summary.read_text()


@pytest.fixture
def comment_job(runner: Any, workflow: dict[str, Any]) -> Callable[..., Any]:
    """``comment_job(reports, earlier)``: the job, with a ``gh`` that notes its calls and keeps the body.

    ``earlier``: what the real one would print of the comments that are there already.
    """

    def call(reports: str | None, earlier: str = "") -> tuple[list[str], str]:
        def download(given: Mapping[str, str]) -> dict[str, str]:
            if reports is None:
                return {"code": "1"}
            (runner.workspace / given["path"]).mkdir()
            (runner.workspace / given["path"] / "gate.md").write_text(reports)
            return {}

        runner.stand_ins["actions/download-artifact"] = download
        keep = f'case "$one" in body=@*) cp "${{one#body=@}}" "{runner.temp}/body" ;; esac'
        runner.command(
            "gh",
            f'[ -n "$GH_TOKEN" ] || exit 1\necho "$*" >> "{runner.temp}/calls"\n'
            f'case "$*" in\n*--paginate*) printf "{earlier}" ;;\n*) for one; do {keep}; done ;;\nesac',
        )
        ran = runner(workflow["jobs"]["comment"]["steps"], PULL, workflow["env"])
        assert ran.code == 0, ran.log
        return (runner.temp / "calls").read_text().splitlines(), (runner.temp / "body").read_text()

    return call


def test_the_first_comment_is_new(comment_job: Callable[..., Any]) -> None:
    calls, body = comment_job(f"{MARKER}\n## Gate: PASS\n")
    assert calls[-1] == "api --silent --method POST repos/lab/models/issues/12/comments -F body=@comment.md"
    assert body.startswith(f"{MARKER}\n## Gate: PASS\n")
    assert "(https://git.example/lab/models/actions/runs/77)" in body


def test_a_later_one_takes_its_place(comment_job: Callable[..., Any]) -> None:
    calls, _ = comment_job(f"{MARKER}\n## Gate: FAIL\n", earlier="31\\n32\\n")
    assert calls[-1] == "api --silent --method PATCH repos/lab/models/issues/comments/32 -F body=@comment.md"


def test_a_gate_that_was_not_reached_takes_the_old_verdict_away(comment_job: Callable[..., Any]) -> None:
    _, body = comment_job(None, earlier="31\\n")
    assert body.startswith(f"{MARKER}\n## ⛔ Gate: not reached\n")


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_only_our_own_comments_are_replaced(comment_job: Callable[..., Any]) -> None:
    calls, _ = comment_job(f"{MARKER}\n")
    query = calls[0].partition("--jq ")[2]
    bot = "github-actions[bot]"
    there = [
        {"id": 1, "user": {"login": "someone"}, "body": f"{MARKER}\nfake"},
        {"id": 2, "user": {"login": bot}, "body": "another workflow's"},
        {"id": 3, "user": {"login": bot}, "body": f"{MARKER}\n## Gate: PASS"},
    ]
    done = subprocess.run(["jq", query], input=json.dumps(there), capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"


@pytest.mark.parametrize(("event", "comments"), [(PULL, True), (FORK, False), (PUSH, False)])
def test_a_comment_is_tried_where_the_token_can_write_it(
    workflow: dict[str, Any], runner: Any, event: dict[str, str], comments: bool
) -> None:
    condition = workflow["jobs"]["comment"]["if"]
    ran = runner([{"name": "job", "if": condition, "run": "true"}], event)
    assert bool(ran.names) == comments


def test_the_job_that_runs_foreign_code_cannot_write(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in workflow["jobs"]["gate"]
    assert workflow["jobs"]["gate"]["steps"][0]["with"]["persist-credentials"] is False
    assert workflow["jobs"]["comment"]["permissions"] == {"pull-requests": "write"}
    assert not [step for step in workflow["jobs"]["comment"]["steps"] if "checkout" in step.get("uses", "")]


def test_the_example_policy_is_about_what_the_workflow_runs(
    workflow: dict[str, Any], write: Callable[..., Path], tmp_path: Path
) -> None:
    policy = read_policy(EXAMPLES / "gate.toml")
    assert list(policy.tasks) == workflow["env"]["TASKS"].split(",")
    sizes = {
        "single_object": 80,
        "two_object": 99,
        "counting": 80,
        "colors": 94,
        "position": 100,
        "color_attr": 100,
    }
    marks = {name: [[1, 1, 0, 1]] * size for name, size in sizes.items()}
    base, same = (load_run(write(tmp_path / name, marks, task="geneval")) for name in ("a", "b"))
    assert judge(policy, base, same).verdict == "PASS"
