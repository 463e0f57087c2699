"""The outcome of a gate in words: sentences for a screen, and Markdown for a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selfreward_eval.harness.gating.findings import Finding, Outcome, SampleSize, TaskProgress
from selfreward_eval.harness.gating.policy import NONE, Kind
from selfreward_eval.harness.stats.noninferiority import Verdict

__all__ = ["MARKER", "bounds", "headline", "markdown", "needed", "remarks", "value"]

MARKER = "<!-- selfreward-eval gate -->"
"""First line of the Markdown, by which a later comment can replace an earlier one."""


def headline(outcome: Outcome) -> str:
    """One line: the verdict, and how many rules there are of each."""
    counts = [
        (sum(finding.verdict is verdict for finding in outcome.findings), word)
        for verdict, word in (
            (Verdict.PASS, "passed"),
            (Verdict.FAIL, "failed"),
            (Verdict.INCONCLUSIVE, "inconclusive"),
        )
    ]
    total = len(outcome.findings)
    counts_text = ", ".join(f"{count} {word}" for count, word in counts if count)
    return f"{outcome.verdict}: {total} {'rule' if total == 1 else 'rules'}, {counts_text}"


def value(finding: Finding) -> str:
    """The gain with its sign, or a floor's score."""
    if finding.value is None:
        return "-"
    return f"{finding.value:.3f}" if finding.kind == Kind.FLOOR else f"{finding.value:+.3f}"


def bounds(finding: Finding) -> str:
    """Both one-sided bounds."""
    if finding.low is None or finding.high is None:
        return "-"
    layout = ".3f" if finding.kind == Kind.FLOOR else "+.3f"
    return f"{finding.low:{layout}} to {finding.high:{layout}}"


def needed(finding: Finding) -> str:
    """The sample size that would decide an INCONCLUSIVE rule; empty for another."""
    needs = finding.needs
    if needs is None:
        return ""
    numbers = _numbers(needs, finding)
    if not numbers:
        return needs.why
    tail = f" ({needs.why})" if needs.why and needs.images is None else ""
    return f"{numbers}, if {needs.assuming}{tail}"


def _numbers(needs: SampleSize, finding: Finding) -> str:
    options = []
    if needs.items is not None:
        options.append(f"{needs.items:,} independent items (now {finding.units:,})")
    if needs.images is not None and needs.images > finding.images:
        options.append(f"{needs.images:,} samples of each (now {finding.images})")
    return " or ".join(options)


def remarks(outcome: Outcome) -> Iterator[str]:
    """How the verdict was reached, one sentence a line."""
    policy = outcome.policy
    for family in outcome.families:
        how = "no correction" if family.correction == NONE else family.correction
        many = "any rule" if family.require == "any" else "all rules"
        yield f"family {family.name}: {family.verdict} ({many} of {len(family.rules)} required, {how})"
    confidence = f"bounds are one-sided, each at {1 - policy.alpha:.4g} confidence"
    if outcome.families:
        yield f"{confidence} before any correction"
    else:
        yield f"{confidence}; that all rules have to pass needs no correction"
    if policy.undecided_fails and any(
        finding.verdict is Verdict.INCONCLUSIVE for finding in outcome.findings
    ):
        yield "the policy counts INCONCLUSIVE as FAIL"
    if outcome.saved is not None:
        yield _progress(outcome)
    yield from outcome.notes


def _progress(outcome: Outcome) -> str:
    def task_text(progress: TaskProgress) -> str:
        return f"{progress.items:,} of {progress.planned_items:,} items of {progress.task}"

    tasks = ", ".join(task_text(progress) for progress in outcome.progress_by_task)
    return f"looked at {tasks}: {outcome.saved or 0:.0%} of the samples saved"


def markdown(outcome: Outcome) -> str:
    """A summary for a pull request, with a table of the rules.

    Names come from files and are escaped: they can neither be markup nor mention anyone.
    """
    icons = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.INCONCLUSIVE: "⚠️"}
    lines = [
        MARKER,
        f"## {icons[outcome.verdict]} Gate: {outcome.verdict}",
        "",
        f"{headline(outcome)}. Base {_text(outcome.base.name)}, candidate {_text(outcome.candidate.name)}.",
        "",
        "| | Score | Rule | Base | Candidate | Gain or score | Bounds | Items |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for finding in outcome.findings:
        cells = [
            f"{icons[finding.verdict]} {finding.verdict}",
            _text(finding.score),
            _text(finding.asks),
            _number(finding.base),
            _number(finding.candidate),
            value(finding),
            bounds(finding),
            f"{finding.items:,}"
            if finding.items == finding.planned_items
            else f"{finding.items:,} of {finding.planned_items:,}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    not_passed = [finding for finding in outcome.findings if finding.verdict is not Verdict.PASS]
    if not_passed:
        lines.append("")
    for finding in not_passed:
        sample_size = needed(finding)
        lines.append(
            f"- **{_text(finding.rule)}**: {_text(finding.why)}."
            + (f" It would take {_text(sample_size)}." if sample_size else "")
        )
    lines += ["", "<details><summary>Behind the verdict</summary>", ""]
    lines += [f"- {_text(sentence)}" for sentence in remarks(outcome)]
    lines += [
        f"- policy {_text(outcome.policy.file)}, sha256 `{outcome.policy.sha256[:12]}`",
        "",
        "</details>",
        "",
    ]
    return "\n".join(lines)


def _number(number: float | None) -> str:
    return "-" if number is None else f"{number:.3f}"


def _text(text: str) -> str:
    """``text`` as nothing but text: Markdown's and HTML's own characters, line ends and mentions disarmed."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]|#~!])", r"\\\1", flat).replace("@", "&#64;")
