"""``selfreward-eval power``: the difference that a benchmark can detect, and the sample size for another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.power.benchmark_sizes import benchmark_size

if TYPE_CHECKING:
    from rich.table import Table

    from selfreward_eval.harness.power.power import Answer, Plan, Question, Spread

__all__ = ["power"]

ASSUMED_SD = (("sd 0.2", 0.2), ("sd 0.35", 0.35), ("sd 0.5", 0.5))
"""Standard deviations that are shown side by side if none is given."""


def power(
    runs: Annotated[
        list[Path] | None, typer.Argument(metavar="[RUN [RUN_B]]", help="A pilot run, or a pair of them.")
    ] = None,
    task: Annotated[str, typer.Option(help="Of the pilot, comma separated; all by default.")] = "",
    benchmark: Annotated[
        str, typer.Option(help="geneval, compbench, compbench-category, reasonbench or llava-w.")
    ] = "",
    items: Annotated[int | None, typer.Option(min=3, help="Prompts; of the pilot by default.")] = None,
    images: Annotated[int | None, typer.Option(min=1, help="Pictures per prompt, likewise.")] = None,
    sd: Annotated[float | None, typer.Option(help="Assumed: sd of an item's difference.")] = None,
    score: Annotated[float | None, typer.Option(help="Assumed: share of right pictures before.")] = None,
    icc: Annotated[
        float | None, typer.Option(help="Assumed: intraclass correlation of a prompt's pictures.")
    ] = None,
    correlation: Annotated[
        float | None, typer.Option(help="Assumed: of both arms' true scores over prompts (0.5).")
    ] = None,
    effect: Annotated[float | None, typer.Option(help="A true difference to ask about: 0.05.")] = None,
    alpha: Annotated[float, typer.Option(help="Significance level of the test.")] = 0.05,
    wanted: Annotated[float, typer.Option("--power", help="Required power.")] = 0.8,
    one_sided: Annotated[bool, typer.Option("--one-sided", help="A one-sided test, as of a gate.")] = False,
    scores: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Headline scores that will be corrected together: by default the pilot's tasks, else 1; 1 "
            "for a one-sided test.",
        ),
    ] = None,
    cost_ratio: Annotated[
        float, typer.Option(help="Cost of a further prompt in further pictures of both arms.")
    ] = 1.0,
    output_path: Annotated[
        Path | None, typer.Option("--output-path", "-o", help="Folder for a page and the power curves.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Which difference can a benchmark detect, and how many prompts or pictures are needed?

    Computed from a pilot (one run, or better two comparable ones), or from assumptions about the
    benchmark's size and standard deviation.
    """
    from selfreward_eval.harness.power.power import Answer, Question, plan

    together = 1
    if runs:
        given = {"--benchmark": benchmark or None, "--sd": sd, "--score": score, "--icc": icc}
        for name, value in given.items():
            if value is not None:
                raise UsageError(f"{name} is an assumption in place of a pilot; leave out one of the two")
        spreads, tasks = _piloted(runs, task, correlation, items, images)
        # A gate that all rules have to pass needs no correction, so a one-sided test has none.
        together = 1 if one_sided else tasks
    else:
        if task:
            raise UsageError("--task is for a pilot run; name the run's folder, or use --benchmark")
        spreads = _assumed(benchmark, items, images, sd, score, icc, correlation, effect)
    question = Question(effect, alpha, wanted, 1 if one_sided else 2, cost_ratio, scores or together)
    answers = []
    for name, group in spreads.items():
        alternatives = not runs and len(group) > 1
        # A comparison corrects its headlines; the categories behind the first plan are hints.
        plans = tuple(
            plan(spread, question, corrected=alternatives or place == 0) for place, spread in enumerate(group)
        )
        answers.append(Answer(name, plans, alternatives=alternatives))
    written: list[Path] = []
    if output_path is not None:
        from selfreward_eval.harness.report.power_page import write_power

        written = write_power(answers, output_path)
    if as_json:
        _print_json(answers, question)
    else:
        _show(answers, question)
    for path in written:
        typer.echo(f"wrote {path}", err=as_json)


def _piloted(
    folders: Sequence[Path], task: str, correlation: float | None, items: int | None, images: int | None
) -> tuple[dict[str, list[Spread]], int]:
    """Task -> spreads of its headline and categories; and how many tasks a comparison corrects together."""
    from selfreward_eval.harness.power.pilots import spreads_of_pair, spreads_of_run
    from selfreward_eval.harness.power.power import resized
    from selfreward_eval.harness.runs.reader import load_run

    if len(folders) > 2:
        raise UsageError(f"a pilot is one run or a pair of them, got {len(folders)} folders")
    if len(folders) == 2 and correlation is not None:
        raise UsageError("a pair of runs shows how its arms correlate; leave out --correlation")
    runs = [load_run(folder) for folder in folders]
    names = [name.strip() for name in task.split(",") if name.strip()]
    shared = [name for name in runs[0].scores if name in runs[-1].scores]
    names = list(dict.fromkeys(names)) or shared
    if not names:
        raise UsageError(f"{folders[0]} and {folders[-1]} share no task; run both on the same one")
    by_task: dict[str, list[Spread]] = {}
    for name in names:
        if len(runs) == 2:
            spreads = spreads_of_pair(runs[0], runs[1], name)
        else:
            spreads = spreads_of_run(runs[0], name, correlation)
        # Another number of items is for the headline only: its distribution over categories is unknown.
        chosen = spreads[:1] if items is not None else spreads
        by_task[name] = [resized(spread, items, images) for spread in chosen]
    return by_task, max(1, len(shared))


def _assumed(
    benchmark: str,
    items: int | None,
    images: int | None,
    sd: float | None,
    score: float | None,
    icc: float | None,
    correlation: float | None,
    effect: float | None,
) -> dict[str, list[Spread]]:
    """Name -> assumed spreads, one or several side by side."""
    from selfreward_eval.harness.power.pilots import CORRELATION
    from selfreward_eval.harness.power.power import assumed_marks, assumed_sd

    if benchmark and items is not None:
        raise UsageError("--benchmark says how many items there are; leave out --items")
    if not benchmark and items is None:
        raise UsageError("power needs a pilot run, a --benchmark, or the number of --items")
    size = benchmark_size(benchmark) if benchmark else None
    strata = dict(size.strata) if size else {"": items or 0}
    m = images or (size.images if size else 1)
    name = benchmark or f"{items} items"
    marks = [value for value in (score, icc, correlation) if value is not None]
    if sd is not None and marks:
        raise UsageError(
            "--sd already says what --score, --icc and --correlation would; give one or the other"
        )
    if sd is not None:
        return {name: [assumed_sd(sd, strata, m)]}
    if not marks:
        return {name: [assumed_sd(assumed, strata, m, label) for label, assumed in ASSUMED_SD]}
    if score is None or icc is None:
        raise UsageError("--score and --icc go together: how many pictures are right, and how alike they are")
    r = CORRELATION if correlation is None else correlation
    return {name: [assumed_marks(score, icc, r, effect or 0.0, strata, m)]}


def _print_json(answers: Sequence[Answer], question: Question) -> None:
    import json
    from dataclasses import asdict

    from selfreward_eval.harness.power.power import largest_sd

    def content(entry: Plan) -> dict[str, object]:
        record = {**asdict(entry), "verdict": entry.verdict, "largest_sd": largest_sd(entry)}
        return {key: value for key, value in record.items() if key != "question"}

    plans = {answer.name: [content(entry) for entry in answer.plans] for answer in answers}
    record = {"schema": 1, "question": asdict(question), "plans": plans}
    typer.echo(json.dumps(record, ensure_ascii=False, allow_nan=False))


def _show(answers: Sequence[Answer], question: Question) -> None:
    """Per answer a table, the verdict, and remarks."""
    from rich.console import Console
    from rich.markup import escape

    from selfreward_eval.harness.report.power_page import levels, remarks, source, verdicts

    console = Console(highlight=False)
    sides = "two-sided" if question.sided == 2 else "one-sided"
    for answer in answers:
        console.print(f"[bold]{escape(answer.name)}[/bold]: {escape(source(answer))}", soft_wrap=True)
        console.print(_table(answer, question))
        for sentence in verdicts(answer):
            console.print(f"[bold]{escape(sentence)}[/bold]", soft_wrap=True)
        rule = f"detects: found with {100 * question.power:g} % power, {sides} test at {levels(answer)}"
        if question.effect is not None:
            rule += f"; power, units needed, or else images, for a true difference of {question.effect:g}"
        for sentence in (rule, *remarks(answer.plans[0])):
            console.print(escape(sentence), style="dim", soft_wrap=True)


def _table(answer: Answer, question: Question) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from selfreward_eval.harness.report.power_page import chance, needed

    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    has_effect = question.effect is not None
    heads = ["power", "needed", "images"] if has_effect else []
    table.add_column("", overflow="fold")
    for head in ("units", "images", "sd", "detects", *heads):
        table.add_column(head, justify="right", no_wrap=True)
    for row in answer.plans:
        cells = [
            f"{row.spread.units:,}",
            f"{row.spread.images}",
            f"{row.spread.sd:.3f}",
            "-" if row.detectable is None else f"{row.detectable:.3f}",
        ]
        if has_effect:
            cells += [chance(row.power), needed(row.prompts), needed(row.pictures)]
        table.add_row(escape(row.spread.label), *cells)
    return table
