"""The runner of a study: order, cores, what is resumed, what fails, and what happens when it is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from support.paths import ROOT

from selfreward_eval.harness.errors import FolderBusy
from selfreward_eval.harness.folders import RUN, lock_file, lock_folder
from selfreward_eval.trainers.record import RECORD, read
from studies.self_reward.plan import PLAN, Plan, PlannedRun, folder_of, read_plan
from studies.self_reward.runner import BUSY, RUNNER, Outcome, run_all, run_one
from studies.self_reward.states import state_of

CHILD = """
import json, os, pathlib, sys, time
folder, what, journal = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
folder.mkdir(parents=True, exist_ok=True)
with journal.open("a") as out:
    out.write(f"begin {folder.parent.name} {folder.name} {os.environ['OMP_NUM_THREADS']}\\n")
if what == "wait":
    time.sleep(60)
print("all is well" if what == "0" else f"error: code {what}")
if what == "0":
    time.sleep(0.3)
    (folder / "training.json").write_text("{}")
with journal.open("a") as out:
    out.write(f"end {folder.parent.name} {folder.name}\\n")
sys.exit(int(what))
"""
"""A run that takes no time: its folder, its exit code, and a file that every run adds to."""


class Study:
    """A study of three runs, whose processes do what they are told."""

    def __init__(self, output: Path, plan: Plan) -> None:
        self.output, self.runs = output, plan.runs()[:3]
        self.journal = output / "journal.txt"
        self.codes: dict[str, str] = {}
        self.said: list[str] = []

    def command(self, run: PlannedRun) -> Sequence[str]:
        code = self.codes.get(run.name, "0")
        return [sys.executable, "-c", CHILD, str(folder_of(run, self.output)), code, str(self.journal)]

    def work(self, jobs: int = 1, **options: float) -> Outcome:
        return run_all(
            self.runs, self.output, self.command, jobs=jobs, say=self.said.append, pause=0.02, **options
        )

    def lines(self) -> list[str]:
        return self.journal.read_text().splitlines() if self.journal.exists() else []


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path, read_plan(PLAN))


def names(study: Study) -> list[str]:
    return [run.name for run in study.runs]


def test_runs_go_one_after_the_other_in_their_order_with_one_thread_each(study: Study) -> None:
    outcome = study.work()
    assert outcome.done == names(study)
    begun = [f"begin {run.arm.name} seed-{run.seed} 1" for run in study.runs]
    assert study.lines()[::2] == begun


def test_two_cores_take_two_runs_at_once(study: Study) -> None:
    study.work(jobs=2)
    assert [line.split()[0] for line in study.lines()[:2]] == ["begin", "begin"]


def test_what_is_over_is_not_run_again(study: Study) -> None:
    study.codes[study.runs[0].name] = "5"
    study.work()
    assert state_of(study.runs[0], study.output).word == "stopped"
    assert state_of(study.runs[0], study.output).why == "error: code 5"
    assert state_of(study.runs[1], study.output).word == "finished"
    before = study.lines()
    assert study.work().done == []
    assert study.lines() == before


def test_a_run_that_fails_is_tried_once_more_after_the_others(study: Study) -> None:
    study.codes[study.runs[0].name] = "6"
    outcome = study.work()
    assert outcome.failed == {study.runs[0].name: "error: code 6"}
    begun = [line.split()[2] for line in study.lines() if line.startswith("begin")]
    assert begun == ["seed-0", "seed-1", "seed-2", "seed-0"]
    assert not state_of(study.runs[0], study.output).over


def test_a_run_that_another_process_is_at_is_left_alone(study: Study) -> None:
    study.codes[study.runs[0].name] = str(BUSY)
    assert list(study.work().failed) == [study.runs[0].name]
    assert sum(line.startswith("begin dsr_grpo-dsr seed-0") for line in study.lines()) == 1


def test_progress_is_told_while_runs_go_on(study: Study) -> None:
    study.work(every=0.05)
    assert any("dsr_grpo-dsr/seed-0 step 0 of 600; 2 waiting, 0 done" in line for line in study.said)


def test_a_second_call_is_refused(study: Study) -> None:
    with lock_folder(study.output, RUN), pytest.raises(FolderBusy):
        study.work()


def test_stopping_it_ends_its_runs_and_leaves_them_to_be_resumed(study: Study) -> None:
    study.codes[study.runs[0].name] = "wait"

    def stop() -> None:
        while not study.lines():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()
    outcome = study.work()
    assert outcome.interrupted
    assert any(line.startswith("interrupted dsr_grpo-dsr/seed-0") for line in study.said)
    study.codes.clear()
    assert study.work().done == names(study)


def test_a_run_ends_when_the_call_that_started_it_is_gone(tmp_path: Path) -> None:
    script = (
        "import time; from pathlib import Path; from studies.self_reward.runner import run_one; "
        f"run_one(Path({str(tmp_path / 'run')!r}), lambda: time.sleep(60))"
    )
    environment = {**os.environ, RUNNER: "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    done = subprocess.run([sys.executable, "-c", script], env=environment, timeout=50, check=False)
    assert done.returncode == -signal.SIGTERM


def test_two_processes_are_never_at_one_run(tmp_path: Path) -> None:
    def never() -> None:
        raise AssertionError("it is another process's")

    (tmp_path / "run").mkdir()
    with lock_file(tmp_path / "run" / ".study.lock"):
        assert run_one(tmp_path / "run", never) == BUSY
    did: list[int] = []
    assert run_one(tmp_path / "run", lambda: did.append(1)) == 0
    assert did == [1]


def small_plan(path: Path) -> Path:
    """The declared plan with two arms that take seconds."""
    data = yaml.safe_load(PLAN.read_text(encoding="utf-8"))
    kept = [arm for arm in data["arms"] if arm["name"] in ("dsr_grpo-dsr", "rejection-dsr")]
    data["arms"] = [{**arm, "seeds": [0], "settings": {}} for arm in kept]
    data["settings"] |= {"prompts": 3, "candidates": 2, "rounds": 2, "steps": 1, "batch_size": 3}
    tasks = ["shapes_geneval", "shapes_questions"]
    data["evaluation"] |= {"tasks": tasks, "limit": 3, "development": 2, "scales": [2]}
    data["points"] = {"at": [6, 500], "tasks": tasks, "limit": None}
    data["hypotheses"] = []
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


@pytest.mark.slow
def test_a_whole_study_from_the_command_line(tmp_path: Path) -> None:
    plan, output = small_plan(tmp_path / "plan.yaml"), tmp_path / "study"

    def call(*words: str) -> str:
        command = [
            sys.executable,
            "-m",
            "studies.self_reward",
            *words,
            "--plan",
            str(plan),
            "-o",
            str(output),
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "2 runs: 0 over, 2 to do, 2 at once" in call("run", "--jobs", "2")
    assert call("status").splitlines() == [
        "dsr_grpo-dsr/seed-0: finished, step 2 of 2",
        "rejection-dsr/seed-0: finished, step 2 of 2",
    ]
    records = [read(output / "runs" / arm / "seed-0") for arm in ("dsr_grpo-dsr", "rejection-dsr")]
    assert [[point["pictures"] for point in record.points] for record in records] == [[0, 6, 12]] * 2
    assert records[0].before == records[1].before
    assert not (output / "runs" / "dsr_grpo-dsr" / "seed-0" / RECORD).with_name("before").exists()
