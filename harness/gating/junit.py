"""The outcome of a gate as a JUnit report: a rule is a test case, FAIL a failure, INCONCLUSIVE an error.

The format has no state for an undecided test; readers show an error as not passed.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from selfreward_eval.harness.gating.findings import Finding, Outcome
from selfreward_eval.harness.gating.summary import bounds, needed, value
from selfreward_eval.harness.stats.noninferiority import Verdict

__all__ = ["junit"]

SUITE = "selfreward-eval gate"

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(outcome: Outcome) -> bytes:
    """The report, UTF-8. Where the policy counts INCONCLUSIVE as FAIL, so does the report."""
    undecided = "failure" if outcome.policy.undecided_fails else "error"
    kinds = {Verdict.FAIL: "failure", Verdict.INCONCLUSIVE: undecided}
    marked = [kinds.get(finding.verdict) for finding in outcome.findings]
    counts = {
        "tests": str(len(marked)),
        "failures": str(marked.count("failure")),
        "errors": str(marked.count("error")),
        "skipped": "0",
    }
    root = ElementTree.Element("testsuites", {"name": SUITE, **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": SUITE, **counts})
    properties = ElementTree.SubElement(suite, "properties")
    for name, content in (
        ("verdict", str(outcome.verdict)),
        ("policy", outcome.policy.file),
        ("base", outcome.base.folder),
        ("candidate", outcome.candidate.folder),
    ):
        ElementTree.SubElement(properties, "property", {"name": name, "value": _clean(content)})
    for finding, kind in zip(outcome.findings, marked, strict=True):
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": _clean(finding.task), "name": _clean(finding.rule)}
        )
        if kind is not None:
            mark = ElementTree.SubElement(
                case, kind, {"type": str(finding.verdict), "message": _clean(finding.why)}
            )
            mark.text = _clean(_details(finding))
        else:
            ElementTree.SubElement(case, "system-out").text = _clean(_details(finding))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _details(finding: Finding) -> str:
    lines = [
        f"{finding.score}: {finding.asks}",
        finding.why,
        f"{value(finding)}, bounds {bounds(finding)}",
        f"{finding.items} of {finding.planned_items} items, {finding.coverage:.1%} of their samples scored",
        f"{finding.method}: {finding.how}",
    ]
    sample_size = needed(finding)
    return "\n".join([*lines, *([f"it would take {sample_size}"] if sample_size else [])])


def _clean(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
