"""``selfreward-eval judge-check``: may this judge be believed? Its scores beside labels that are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from selfreward_eval.tasks.judge_check.cases import Case
    from selfreward_eval.tasks.judge_check.checking import QuestionResult, Summary

__all__ = ["judge_check"]

SHAPES = "shapes"
ALL = "all questions"
RECORD = "judge_check.json"


def judge_check(
    judge: Annotated[str, typer.Option(help="Judge; `list instruments` shows them.")],
    judge_args: Annotated[str, typer.Option(help="Its arguments: key=value,key=value; a dot nests.")] = "",
    cases: Annotated[
        str, typer.Option(help="shapes, or a CSV of human labels, such as GenEval's annotations.")
    ] = SHAPES,
    images: Annotated[Path | None, typer.Option(help="Folder of the pictures that a CSV is about.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Pictures.")] = None,
    parser: Annotated[
        str, typer.Option(help="What reads the replies: tolerant, strict, official.")
    ] = "tolerant",
    replies: Annotated[
        Path | None, typer.Option(help="File that keeps every reply and gives it again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
    output_path: Annotated[
        Path | None, typer.Option("--output-path", "-o", help="Folder for a page, its picture and a record.")
    ] = None,
) -> None:
    """Run a judge on labelled cases: accuracy, bias by category and calibration.

    Questions that the judge left without a score are counted apart, by what went wrong. Exit codes:
    0 done (even if nothing was scored), 2 wrong command line, 4 missing or damaged input.
    """
    import json

    from selfreward_eval.api.arguments import parse
    from selfreward_eval.tasks.judge_check.checking import ask_cases
    from selfreward_eval.tasks.judged.judges import choose_judge
    from selfreward_eval.tasks.t2i_reasonbench.parsing import parser_named

    parser_named(parser)
    labelled_cases, notes = _cases(cases, images, limit)
    chosen_judge = choose_judge(judge, parse(judge_args, "--judge-args"), replies)
    result = ask_cases(chosen_judge, labelled_cases, parser)
    content = {
        "cases": cases,
        "pictures": len(labelled_cases),
        "parser": parser,
        "judge": chosen_judge.identity(),
    }
    content |= _numbers(result.answers)
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    written = (
        [] if output_path is None else _write(output_path, judge, content, result.answers, result.evidence)
    )
    if as_json:
        print(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _show(judge, content, result.answers)
    for path in written:
        typer.echo(f"wrote {path}", err=as_json)


def _cases(cases: str, images: Path | None, limit: int | None) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    from selfreward_eval.harness.errors import UsageError

    if cases == SHAPES:
        from selfreward_eval.tasks.judge_check.shapes_cases import shapes_cases

        if images is not None:
            raise UsageError("--images is for a CSV of labels; the shapes cases draw their own pictures")
        return tuple(shapes_cases(limit)), ()
    from selfreward_eval.tasks.judge_check.csv_cases import csv_cases

    if images is None:
        raise UsageError(
            f"--cases {cases}: say where its pictures are with --images, or use --cases {SHAPES}"
        )
    labels = csv_cases(Path(cases), images, limit)
    return labels.cases, labels.notes


def _numbers(answers: tuple[QuestionResult, ...]) -> dict[str, Any]:
    from selfreward_eval.tasks.judge_check.checking import calibration, failures, groupings, summary

    return {
        "overall": summary(answers).to_json(),
        "by": {
            grouping: {group: entry.to_json() for group, entry in groups.items()}
            for grouping, groups in groupings(answers).items()
        },
        "calibration": [entry.to_json() for entry in calibration(answers)],
        "failures": failures(answers),
    }


def _write(
    folder: Path, judge: str, content: dict[str, Any], answers: tuple[QuestionResult, ...], evidence: Any
) -> list[Path]:
    from dataclasses import asdict

    from selfreward_eval.harness.files import atomic_write_json
    from selfreward_eval.harness.report.judge_check_page import Point, write_judge_check
    from selfreward_eval.tasks.judge_check.checking import calibration

    points = [
        Point(entry.score, entry.truth.value, entry.truth.low, entry.truth.high, entry.truth.n)
        for entry in calibration(answers)
    ]
    about = [
        f"{content['pictures']} pictures of {content['cases']}, {len(answers)} questions",
        f"read by the parser {content['parser']}",
    ]
    tables = {
        grouping: [_row(name, entry) for name, entry in groups] for grouping, groups in _groups(answers)
    }
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / RECORD
    atomic_write_json(
        record, {**content, "answers": [asdict(entry) for entry in answers], "evidence": evidence}
    )
    return [record, *write_judge_check(folder, judge, about, points, tables, content["failures"])]


def _groups(answers: tuple[QuestionResult, ...]) -> list[tuple[str, list[tuple[str, Summary]]]]:
    """(grouping, its groups) for tables; the first holds everything."""
    from selfreward_eval.tasks.judge_check.checking import groupings, summary

    groups = [(grouping, list(summaries.items())) for grouping, summaries in groupings(answers).items()]
    return [("judge", [(ALL, summary(answers))]), *groups]


def _show(judge: str, content: dict[str, Any], answers: tuple[QuestionResult, ...]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from selfreward_eval.tasks.judge_check.checking import calibration

    console = Console()
    table = Table(title=escape(f"{judge} on {content['cases']}: scores beside labels"), title_justify="left")
    table.add_column("")
    for header in ("scored", "accuracy", "95 % interval", "bias", "95 % interval"):
        table.add_column(header, justify="right")
    for _, groups in _groups(answers):
        for k, (name, entry) in enumerate(groups):
            row = _row(name, entry)
            cells = (row["accuracy"], row["accuracy_interval"], row["bias"], row["bias_interval"])
            scored = f"{row['scored']}/{row['asked']}"
            table.add_row(escape(name), scored, *cells, end_section=k == len(groups) - 1)
    console.print(table)
    for part in calibration(answers):
        line = f"score {part.score:.2f}: label {part.truth.value:.3f} on average"
        console.print(
            f"{line} ({_ends(part.truth.low, part.truth.high)}; {part.truth.n} pictures)", highlight=False
        )
    for status, count in content["failures"].items():
        console.print(f"[yellow]{count} questions without a score: {status}[/yellow]", highlight=False)
    if content["overall"]["scored"] == 0:
        console.print("nothing was scored, so nothing is known of this judge", highlight=False)
        reason = next(entry.reason for entry in answers)
        console.print(escape(f"the first: {reason}"), highlight=False, soft_wrap=True)


def _row(name: str, numbers: Summary) -> dict[str, str]:
    bias = numbers.bias
    return {
        "name": name,
        "asked": str(numbers.asked),
        "scored": str(numbers.scored),
        "accuracy": "absent" if numbers.accuracy is None else f"{numbers.accuracy:.3f}",
        "accuracy_interval": _ends(numbers.accuracy_low, numbers.accuracy_high),
        "bias": "absent" if bias is None else f"{bias.value:+.3f}",
        "bias_interval": _ends(None, None) if bias is None else _ends(bias.low, bias.high),
    }


def _ends(low: float | None, high: float | None) -> str:
    return "absent" if low is None or high is None else f"{low:.3f} to {high:.3f}"
