"""What is gathered of a study with one finished run, one unfinished and one that has not begun."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.learning import finish, write_measured, write_point

from selfreward_eval.harness.errors import InputError
from studies.self_reward.gather import gathered
from studies.self_reward.page import page_of, write_study
from studies.self_reward.plan import Plan, read_plan
from studies.self_reward.summary import summary

PLAN: dict[str, Any] = {
    "model": "tiny",
    "amendments": ["the control stops < 64 pictures"],
    "evaluation": {"tasks": ["toy"]},
    "points": {"at": [32, 64], "tasks": ["toy"]},
    "settings": {"prompts": 4, "candidates": 2, "rounds": 8, "steps": 2},
    "arms": [
        {"name": "dsr", "title": "self <b>reward</b>", "priority": 1, "seeds": [0], "trainer": "dsr_grpo",
         "rewarder": "dsr"},
        {"name": "random", "title": "the control", "priority": 2, "seeds": [0, 1], "trainer": "dsr_grpo",
         "rewarder": "random"},
    ],
    "hypotheses": [
        {"says": "it gains", "test": "gain", "arms": ["dsr"], "tasks": ["toy"], "at_least": 0.1},
        {"says": "the control does not", "test": "no gain", "arms": ["random"], "tasks": ["toy"],
         "margin": 0.02},
        {"says": "it beats the control", "test": "beats", "arms": ["dsr"], "over": "random",
         "tasks": ["toy"]},
    ],
}  # fmt: skip


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(PLAN), encoding="utf-8")
    return path


@pytest.fixture
def plan(plan_file: Path) -> Plan:
    return read_plan(plan_file)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """``dsr`` is finished; ``random`` has one point of seed 0, and seed 1 has not begun."""
    output = tmp_path / "study"
    before = write_measured(output / "before" / "evaluation-guidance-2" / "tiny", 0.3, 1)
    done = output / "runs" / "dsr" / "seed-0"
    write_point(done, before, 32, 0.6)
    write_point(done, before, 64, 0.8)
    finish(done, before, 0)
    write_point(output / "runs" / "random" / "seed-0", before, 32, 0.25)
    return output


def end(study: Path, seed: int) -> None:
    """The control's run of that seed goes on to its end."""
    before = study / "before" / "evaluation-guidance-2" / "tiny"
    folder = study / "runs" / "random" / f"seed-{seed}"
    if not (folder / "at-32").exists():
        write_point(folder, before, 32, 0.25)
    write_point(folder, before, 64, 0.1)
    finish(folder, before, seed)


def test_every_run_is_told_with_its_state_and_points(plan: Plan, plan_file: Path, study: Path) -> None:
    found = gathered(plan, plan_file, study)
    told = {
        (name, run["seed"]): (run["state"], [point["pictures"] for point in run["points"]])
        for name, arm in found["arms"].items()
        for run in arm["runs"]
    }
    assert told == {
        ("dsr", 0): ("finished", [32, 64]),
        ("random", 0): ("begun", [32]),
        ("random", 1): ("not begun", []),
    }


def test_planned_points_of_an_unfinished_arm_are_corrected_for(
    plan: Plan, plan_file: Path, study: Path
) -> None:
    assert gathered(plan, plan_file, study)["arms"]["random"]["curve"]["family"] == 2


def test_a_curve_has_the_tasks_that_are_measured_along_the_way(
    plan: Plan, plan_file: Path, study: Path
) -> None:
    other = replace(plan, points=replace(plan.points, tasks=("another",)))
    assert gathered(plan, plan_file, study)["arms"]["dsr"]["curve"]["tasks"] == ["toy"]
    assert gathered(other, plan_file, study)["arms"]["dsr"]["curve"]["tasks"] == []


def test_a_hypothesis_whose_runs_are_missing_is_not_decided(plan: Plan, plan_file: Path, study: Path) -> None:
    _, control, beats = gathered(plan, plan_file, study)["hypotheses"]
    assert control["holds"] is None
    assert control["words"].startswith(
        "not decided: 0 of 2 runs are finished; so far random, seed 0 after 32"
    )
    assert beats["words"].startswith("not decided: 1 of 3 runs are finished")


def test_one_finished_seed_is_no_claim_about_the_method(plan: Plan, plan_file: Path, study: Path) -> None:
    gain = gathered(plan, plan_file, study)["hypotheses"][0]
    assert (gain["holds"], gain["words"]) == (None, "dsr, toy: no claim about the method")


def test_a_hypothesis_is_decided_once_all_its_runs_are_finished(
    plan: Plan, plan_file: Path, study: Path
) -> None:
    end(study, 0)
    end(study, 1)
    control = gathered(plan, plan_file, study)["hypotheses"][1]
    assert control["holds"] is True
    assert control["words"].startswith("random, toy: -0.")


def test_a_study_that_measured_nothing_yet_says_so(plan: Plan, plan_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds 0 finished evaluations before training"):
        gathered(plan, plan_file, tmp_path / "nothing")


def test_the_page_names_what_is_unfinished_and_escapes_titles(
    plan: Plan, plan_file: Path, study: Path
) -> None:
    html = page_of(gathered(plan, plan_file, study))
    assert "seed 0: begun, step 0 of 16, points at 32" in html
    assert "not decided</span>" in html
    assert "self &lt;b&gt;reward&lt;/b&gt;" in html
    assert "Change of the plan: the control stops &lt; 64 pictures" in html
    assert ".chart polyline { fill: none;" in html, "without it a curve is a black area"


def test_the_summary_is_made_of_the_record_alone(plan: Plan, plan_file: Path, study: Path) -> None:
    found = gathered(plan, plan_file, study)
    text = summary(json.loads(json.dumps(found)))
    assert "- the control stops < 64 pictures" in text
    assert "**1 of 3 runs are finished.**" in text
    assert "| `random` | 32 | 0 |" in text


def test_a_finished_study_says_so(plan: Plan, plan_file: Path, study: Path) -> None:
    end(study, 0)
    end(study, 1)
    assert "**All 3 runs are finished.**" in summary(gathered(plan, plan_file, study))


def test_the_study_is_written_and_nothing_goes_into_the_runs(
    plan: Plan, plan_file: Path, study: Path, tmp_path: Path
) -> None:
    files = sorted(path for path in (study / "runs").rglob("*"))
    page = write_study(
        plan, plan_file, study, results=tmp_path / "results.json", markdown=tmp_path / "page.md"
    )
    assert page == study / "report.html"
    assert "](page.svg)" in (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "reward of dsr" in (tmp_path / "page.svg").read_text(encoding="utf-8")
    assert (tmp_path / "results.json").stat().st_size < 20_000
    assert sorted(path for path in (study / "runs").rglob("*")) == files
