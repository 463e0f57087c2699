"""``python -m studies.self_reward``: run the plan, see how far it is, gather what came out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from selfreward_eval.harness.errors import SelfRewardError
from studies.self_reward.plan import PLAN, chosen, folder_of, read_plan

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)

PlanFile = Annotated[Path, typer.Option("--plan", help="The plan.")]
Output = Annotated[Path, typer.Option("--output-path", "-o", help="The study's folder.")]
OUTPUT = Path("study")


@app.command()
def run(
    jobs: Annotated[int, typer.Option(min=1, help="Training runs at once, a core each.")] = 1,
    arms: Annotated[str, typer.Option(help="Only these arms, comma separated; all by default.")] = "",
    seeds: Annotated[str, typer.Option(help="Only these seeds, comma separated; all by default.")] = "",
    plan: PlanFile = PLAN,
    output_path: Output = OUTPUT,
) -> None:
    """Run everything that is not over yet; the same command goes on after it was killed.

    Exit codes: 0 all over, 1 a run failed, 130 interrupted.
    """
    from studies.self_reward.runner import python_command, run_all

    read = read_plan(plan)
    runs = chosen(read.runs(), arms, seeds)

    def say(text: str) -> None:
        import time

        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    output_path.mkdir(parents=True, exist_ok=True)
    outcome = run_all(runs, output_path, python_command(plan, output_path), jobs=jobs, say=say)
    for name, words in outcome.failed.items():
        print(f"failed: {name}: {words}")
    raise SystemExit(130 if outcome.interrupted else int(bool(outcome.failed)))


@app.command()
def one(
    arm: str,
    seed: int,
    plan: PlanFile = PLAN,
    output_path: Output = OUTPUT,
) -> None:
    """One training run of the plan, in this process."""
    from selfreward_eval.cli.progress import BarProgress
    from selfreward_eval.trainers.seeds import train_seeds
    from studies.self_reward.runner import run_one

    read = read_plan(plan)
    planned = read.run(arm, seed)

    def work() -> None:
        job = read.job(planned, output_path)
        for trained in train_seeds(job, [seed], lambda number: BarProgress(label=planned.name)):
            for task, verdict in trained.record.verdicts.items():
                print(f"{task}: {verdict}")
            print(f"page: {trained.page}")

    raise SystemExit(run_one(folder_of(planned, output_path), work))


@app.command()
def status(plan: PlanFile = PLAN, output_path: Output = OUTPUT) -> None:
    """How far every run is."""
    from studies.self_reward.states import state_of

    for planned in read_plan(plan).runs():
        state = state_of(planned, output_path)
        why = f" ({state.why})" if state.why else ""
        print(f"{planned.name}: {state.word}, step {state.steps} of {state.of}{why}")


@app.command()
def page(plan: PlanFile = PLAN, output_path: Output = OUTPUT) -> None:
    """Gather what is measured so far: results.json, the study's page, and docs/self_reward_study.md."""
    from studies.self_reward.page import write_study

    print(f"page: {write_study(read_plan(plan), plan, output_path)}")


def main() -> None:
    """Errors of a user without a traceback, as the command line of the product."""
    try:
        app()
    except SelfRewardError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
