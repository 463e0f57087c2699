"""The ``selfreward-eval`` command: one file per subcommand, heavy imports inside functions.

Exit codes: 0 done; 1 a check failed (``parity``, ``doctor``, ``data verify``, ``calibrate``, ``gate``);
2 the command line is wrong; 3 ``gate`` is inconclusive; 4 an input is missing or damaged; 5 training
stopped (nothing to learn from, or values no longer finite); 130 interrupted.
"""

from __future__ import annotations

import sys

import typer

from selfreward_eval.cli import (
    calibrate,
    compare,
    data,
    demo,
    doctor,
    gate,
    judge_check,
    leaderboard,
    listing,
    methods,
    parity,
    power,
    report,
    rescore,
    reward,
    reward_audit,
    run,
    train,
    variadic,
)

INTERRUPTED = 130

app = typer.Typer(
    name="selfreward-eval",
    help="Did this training run make the model better, and how sure are we?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("compare", cls=variadic.SeveralValues)(compare.compare)
app.command("gate")(gate.gate)
app.command("power")(power.power)
app.command("calibrate")(calibrate.calibrate)
app.command("list")(listing.listing)
app.command("rescore")(rescore.rescore)
app.command("judge-check")(judge_check.judge_check)
app.command("reward")(reward.reward)
app.command("reward-audit")(reward_audit.reward_audit)
app.command("train")(train.train)
app.command("methods")(methods.methods)
app.command("report")(report.report)
app.command("parity")(parity.parity)
app.add_typer(data.app, name="data")
app.add_typer(leaderboard.app, name="leaderboard")
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)


def main() -> None:
    """Entry point: runs the command and turns errors made for users into one line and an exit code."""
    from selfreward_eval.harness.errors import SelfRewardError

    try:
        app()
    except SelfRewardError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        print(f"error: {_explain(error)}", file=sys.stderr)
        sys.exit(4)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:  # Typer converts a KeyboardInterrupt to this exit.
            print("interrupted; run the same command again to go on where it stopped", file=sys.stderr)
        raise


def _explain(error: OSError) -> str:
    """An operating-system error as text, with its file and how to continue."""
    import errno

    where = f" ({error.filename})" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"the disk is full{where}; free some space and run the same command again to go on"
    return f"{error.strerror or error}{where}"
