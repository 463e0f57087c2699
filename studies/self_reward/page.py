"""The study's page (HTML, in its folder) and its summary (Markdown, in ``docs/``), from ``results.json``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selfreward_eval.harness.files import atomic_write_json, atomic_write_text, write_page
from selfreward_eval.harness.report.drawing import to_svg
from selfreward_eval.harness.report.notation import count
from selfreward_eval.harness.report.rendering import asset, build_environment
from selfreward_eval.trainers.report.learning import learning_view
from studies.self_reward.figure import figure, lead
from studies.self_reward.gather import gathered
from studies.self_reward.plan import Plan
from studies.self_reward.summary import bare, state_words, summary

__all__ = ["RESULTS", "SUMMARY", "page_of", "write_study"]

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
SUMMARY = HERE.parents[1] / "docs" / "self_reward_study.md"
TRAINING = "selfreward_eval.trainers.report"
WORDS = {True: ("holds", "up"), False: ("not shown", "down"), None: ("not decided", "open")}


def write_study(
    plan: Plan, plan_file: Path, output: Path, *, results: Path = RESULTS, markdown: Path = SUMMARY
) -> Path:
    """Gathers, decides, and writes ``results.json``, the page and the summary.

    Args:
        plan: as declared.
        plan_file: where it was read from.
        output: the study's folder; the page is ``report.html`` in it.
        results: where the record goes.
        markdown: where the summary goes, with its figures beside it.

    Returns:
        The page.

    Raises:
        InputError: as :func:`studies.self_reward.gather.gathered`.
    """
    found = gathered(plan, plan_file, output)
    atomic_write_json(results, found)
    drawn = figure(found)
    if drawn is not None:
        atomic_write_text(markdown.with_suffix(".svg"), to_svg(drawn))
    if (small := lead(found)) is not None:
        atomic_write_text(markdown.with_name(f"{markdown.stem}_lead.svg"), to_svg(small))
    atomic_write_text(markdown, summary(found, markdown.with_suffix(".svg").name if drawn else ""))
    page = output / "report.html"
    write_page(page, page_of(found))
    return page


def page_of(found: Mapping[str, Any]) -> str:
    """The page as HTML; every text is escaped."""
    ranges = {task: (one["range"][0], one["range"][1]) for task, one in found["before"].items()}
    curves = {name: arm["curve"] for name, arm in found["arms"].items() if arm["curve"]}
    css = asset("page.css") + asset("charts.css") + asset("training.css", TRAINING)
    environment = build_environment(TRAINING, css=css, script=asset("page.js"))
    template = environment.from_string((HERE / "page.jinja").read_text(encoding="utf-8"))
    runs = [run for arm in found["arms"].values() for run in arm["runs"]]
    finished = sum(run["state"] == "finished" for run in runs)
    return template.render(
        model=found["model"],
        amendments=found["amendments"],
        finished=f"{finished} of {count(len(runs), 'run')} finished",
        hypotheses=[
            {
                **one,
                "words": bare(one["words"]),
                "word": WORDS[one["holds"]][0],
                "tone": WORDS[one["holds"]][1],
            }
            for one in found["hypotheses"]
        ],
        arms=[
            {"name": name, "title": arm["title"], "runs": state_words(arm)}
            for name, arm in found["arms"].items()
        ],
        learning=learning_view(curves, ranges),
    )
