"""The declared plan: what is run, in which order, and what it is to show."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.trainers.job_checks import check
from studies.self_reward.plan import PLAN, Plan, chosen, read_plan


@pytest.fixture(scope="module")
def plan() -> Plan:
    return read_plan(PLAN)


def test_runs_start_by_priority_then_seed(plan: Plan) -> None:
    order = [(run.arm.priority, run.seed) for run in plan.runs()]
    assert order == sorted(order)
    assert len(order) == sum(len(arm.seeds) for arm in plan.arms)


def test_every_arm_of_the_plan_can_be_trained(plan: Plan, tmp_path: Path) -> None:
    for arm in plan.arms:
        job = plan.job(plan.run(arm.name, arm.seeds[0]), tmp_path)
        check(job)
        assert job.points.at[-1] == arm.pictures
        assert job.output == tmp_path / "runs" / arm.name / f"seed-{arm.seeds[0]}"
        assert job.before == tmp_path / "before"
    assert list(tmp_path.iterdir()) == []


def test_a_number_beyond_an_arms_budget_is_left_out(plan: Plan, tmp_path: Path) -> None:
    [short] = [arm for arm in plan.arms if arm.name == "srum-released"]
    assert plan.job(plan.run(short.name, 0), tmp_path).points.at == (5120,)


def test_a_run_that_is_not_planned_is_refused(plan: Plan) -> None:
    with pytest.raises(InputError, match="no run of 'dsr_grpo-dsr' with seed 99"):
        plan.run("dsr_grpo-dsr", 99)


def test_arms_and_seeds_may_be_chosen_and_keep_their_order(plan: Plan) -> None:
    runs = chosen(plan.runs(), "srum-policy, rejection-dsr", "0,2")
    assert [run.name for run in runs] == [
        "rejection-dsr/seed-0",
        "rejection-dsr/seed-2",
        "srum-policy/seed-0",
        "srum-policy/seed-2",
    ]
    assert chosen(plan.runs(), "", "") == plan.runs()
    with pytest.raises(UsageError, match="--seeds: no run of the plan has 17"):
        chosen(plan.runs(), "", "1,17")
    with pytest.raises(UsageError, match="--arms: no run of the plan has srum"):
        chosen(plan.runs(), "srum", "")


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("points", "when"), 3, "unknown key 'when'; known here: at, limit, tasks"),
        (("settings", "rounds"), "many", "needs the setting rounds, a whole number"),
        (("arms", 1, "name"), "dsr_grpo-dsr", "two arms are named 'dsr_grpo-dsr'"),
        (("hypotheses", 0, "test"), "wish", "unknown test 'wish'; known: gain"),
        (("hypotheses", 0, "arms"), ["nobody"], "names the arm 'nobody', which is not planned"),
        (("hypotheses", 0, "tasks"), ["geneval"], "names the task 'geneval', which is not evaluated"),
        (("more",), 1, "is no plan: it needs the keys arms, evaluation"),
    ],
)
def test_what_is_wrong_in_a_plan_is_named(
    tmp_path: Path, place: tuple[str | int, ...], value: object, told: str
) -> None:
    data = yaml.safe_load(PLAN.read_text(encoding="utf-8"))
    inner = data
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(InputError, match=told):
        read_plan(path)


def test_a_plan_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"plan\.yaml cannot be read"):
        read_plan(tmp_path / "plan.yaml")
