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
    init,
    judge_check,
    leaderboard,
    listing,
    merge,
    methods,
    parity,
    power,
    push,
    report,
    rescore,
    reward,
    reward_audit,
    run,
    train,
    variadic,
)
from selfreward_eval.cli.habits import HELP_NAMES, OPTION, Group, add

BROKEN = 6
"""An exception that nobody expected; :class:`selfreward_eval.harness.errors.BrokenPlugin` has it too."""

INTERRUPTED = 130

PIPE_CLOSED = 141
"""The reader of standard output went away: 128 and the number of SIGPIPE, as shells have it."""

app = typer.Typer(
    name="selfreward-eval",
    cls=Group,
    help="Did this training run make the model better, and how sure are we?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=HELP_NAMES,
)
add(
    app,
    "run",
    run.run,
    "Draw a benchmark's pictures and measure them",
    [
        "run --model tiny --tasks shapes_geneval --limit 60",
        "run --model janus --model-args weights=deepseek-community/Janus-Pro-1B --tasks geneval --dry-run",
        'run --tasks t2i_reasonbench --task-args \'judge=judge_openai,judge_args={"model": "qwen"}\'',
        "run --config run.yaml --seed 1",
    ],
)
add(
    app,
    "merge",
    merge.merge,
    "Join the parts of a run that was done in shards",
    ["merge results/tiny-final"],
)
add(
    app,
    "compare",
    compare.compare,
    "Compare two runs on the same items and seeds",
    [
        "compare results/tiny-early results/tiny-final -o comparison --plots",
        "compare --runs-a before/* --runs-b after/* --design paired",
    ],
    cls=variadic.SeveralValues,
)
add(
    app,
    "gate",
    gate.gate,
    "PASS, FAIL or INCONCLUSIVE for a checkpoint",
    ["gate results/base results/candidate --policy gate.toml"],
)
add(
    app,
    "power",
    power.power,
    "Which difference a benchmark can detect",
    ["power results/tiny-early results/tiny-final --effect 0.05"],
)
add(app, "calibrate", calibrate.calibrate, "Noise between runs of the same checkpoint")
add(
    app,
    "list",
    listing.listing,
    "What is registered: tasks, models, rewarders, ...",
    ["list tasks", "list models --json"],
)
add(
    app,
    "init",
    init.init,
    "Write a commented configuration file",
    ["init", "init train -o train.yaml", "init 'leaderboard build'"],
)
add(
    app,
    "rescore",
    rescore.rescore,
    "Read a judge's recorded replies again, offline",
    ["rescore results/tiny-final --task-args parser=strict -o rescored"],
)
add(
    app,
    "judge-check",
    judge_check.judge_check,
    "Check a judge on labelled cases",
    ["judge-check --judge judge_shapes --limit 12"],
)
add(
    app,
    "reward",
    reward.reward,
    "Score pictures with one rewarder",
    [
        "reward results/tiny-final --rewarder srum -o rewards/srum",
        "reward folder --rewarder dsr --model tiny -o rewards/dsr",
        "reward --config reward.yaml",
    ],
)
add(
    app,
    "reward-audit",
    reward_audit.reward_audit,
    "Compare rewarders with the benchmark",
    ["reward-audit results/tiny-final --rewarders srum,dsr,random"],
)
add(
    app,
    "train",
    train.train,
    "Train on self-rewards, measured before and after",
    [
        "train --trainer rejection --rewarder dsr --trainer-args rounds=2,steps=50 --dry-run",
        "train --config train.yaml --seeds 0,1,2",
    ],
)
add(
    app,
    "methods",
    methods.methods,
    "Put training methods side by side",
    ["methods training/* -o methods.html"],
)
add(app, "report", report.report, "Draw a run as one HTML page", ["report results/tiny-final"])
add(app, "push", push.push, "Put a run's scores and page into a model's repository", push.EXAMPLES)
add(app, "parity", parity.parity, "Recompute every known golden case")
app.add_typer(data.app, name="data", short_help="Official benchmark data: download and check")
app.add_typer(leaderboard.app, name="leaderboard", short_help="Build a site from runs; import and export")
add(app, "doctor", doctor.doctor, "Check this installation")
add(app, "demo", demo.demo, "Measure, train and compare the tiny model", ["demo --limit 60"])


def _show_version(asked: bool) -> None:
    if asked:
        from selfreward_eval import __version__

        typer.echo(f"selfreward-eval {__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Print the traceback of an error, too.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Did this training run make the model better, and how sure are we?"""


def main() -> None:
    """Entry point: runs the command and turns every error into one line and an exit code.

    No exception leaves it: Python's own exit code for one is 1, which reads as a failed check.
    """
    debug = _move_debug(sys.argv)
    try:
        app(prog_name="selfreward-eval")
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
    packages = [module.partition(".")[0] for module in modules]
    # W&B, once it has logged, puts a function of its own in the place of sys.exit.
    return [package for package in packages if package != "wandb"][-1:] in (["typer"], ["click"])


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
    notes = [note for note in getattr(error, "__notes__", ()) if note.startswith(OPTION)]
    way_out = f"; choose another {notes[0].removeprefix(OPTION)}, or mend this one" if notes else ""
    return f"{error.strerror or error}{where}{way_out}"
