"""The ``selfreward-eval`` command: one file per subcommand, heavy imports inside functions.

Exit codes: 0 done; 1 a check failed (``parity``, ``doctor``, ``data verify``, ``calibrate``, ``gate``);
2 the command line is wrong; 3 ``gate`` is inconclusive; 4 an input is missing or damaged; 5 training
stopped (nothing to learn from, or values no longer finite); 6 a plug-in or this program failed (an
exception that nobody expected, on import, in a constructor or in a call); 130 interrupted; 141 the
reader of the output went away. ``--debug``, before or after the subcommand, prints the traceback of an
error before its line.
"""

from __future__ import annotations

import sys
from typing import Annotated

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
    merge,
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

BROKEN = 6
"""An exception that nobody expected; :class:`selfreward_eval.harness.errors.BrokenPlugin` has it too."""

INTERRUPTED = 130

PIPE_CLOSED = 141
"""The reader of standard output went away: 128 and the number of SIGPIPE, as shells have it."""

app = typer.Typer(
    name="selfreward-eval",
    help="Did this training run make the model better, and how sure are we?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("merge")(merge.merge)
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


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Print the traceback of an error, too.")] = False,
) -> None:
    """Did this training run make the model better, and how sure are we?"""


def main() -> None:
    """Entry point: runs the command and turns every error into one line and an exit code.

    No exception leaves it: Python's own exit code for one is 1, which reads as a failed check.
    """
    debug = _move_debug(sys.argv)
    try:
        app()
    except Exception as error:
        line, code = _told(error)
        if debug:
            _print_trace(error)
        print(f"error: {line}", file=sys.stderr)
        sys.exit(code)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:  # Typer converts a KeyboardInterrupt to this exit.
            print("interrupted; run the same command again to go on where it stopped", file=sys.stderr)
        elif not _is_of_typer(stop):
            # A plug-in's sys.exit(1) would be a failed check, its sys.exit(0) a success.
            if debug:
                _print_trace(stop)
            print(f"error: {_unexpected(stop)}", file=sys.stderr)
            sys.exit(BROKEN)
        elif _pipe_was_closed(stop):
            sys.exit(PIPE_CLOSED)
        raise


def _move_debug(arguments: list[str]) -> bool:
    """Whether ``--debug`` is given; wherever it stands, it is moved to the front, where it belongs."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    if "--debug" not in arguments[1:end]:
        return False
    kept = [argument for argument in arguments[1:end] if argument != "--debug"]
    arguments[1:end] = ["--debug", *kept]
    return True


def _told(error: Exception) -> tuple[str, int]:
    """An error as one line, and the exit code that belongs to it."""
    from selfreward_eval.harness.errors import SelfRewardError

    if isinstance(error, SelfRewardError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        from selfreward_eval.harness.plugins import is_of_the_machine
        from selfreward_eval.harness.registry import responsible

        if is_of_the_machine(error) or responsible(error.__traceback__) is None:
            return _explain(error), 4
    return _unexpected(error), BROKEN


def _unexpected(error: BaseException) -> str:
    """An error that nobody expected: in whose code it was raised, and how to see more."""
    from selfreward_eval.harness.plugins import DEBUG, with_place
    from selfreward_eval.harness.registry import responsible

    whose = responsible(error.__traceback__)
    way_out = "mend or update it" if whose else "please report it"
    return f"{whose or 'selfreward-eval itself'} failed: {with_place(error)}; {way_out} ({DEBUG})"


def _print_trace(error: BaseException) -> None:
    import traceback

    from selfreward_eval.harness.errors import BrokenPlugin

    if isinstance(error, BrokenPlugin) and error.trace is not None:
        print(error.trace, file=sys.stderr)
    traceback.print_exception(error, file=sys.stderr)


def _is_of_typer(stop: SystemExit) -> bool:
    """Whether a command ended by its own decision: Typer turns that into the SystemExit."""
    from traceback import walk_tb

    modules = [str(frame.f_globals.get("__name__", "")) for frame, _ in walk_tb(stop.__traceback__)]
    return modules[-1].partition(".")[0] in {"typer", "click"}


def _pipe_was_closed(stop: SystemExit) -> bool:
    """Whether the reader of the output went away, which Typer turns into exit code 1."""
    import errno

    context = stop.__context__
    return stop.code == 1 and isinstance(context, OSError) and context.errno == errno.EPIPE


def _explain(error: OSError) -> str:
    """An operating-system error as text, with its file and how to continue."""
    import errno

    where = f" ({error.filename})" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"the disk is full{where}; free some space and run the same command again to go on"
    return f"{error.strerror or error}{where}"
