"""The outcome of a gate as a JUnit report: a rule is a test case, FAIL a failure, INCONCLUSIVE an error.

An error is what the format has for a test that could not tell; readers show it as not passed.
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
    marked = [kinds.get(one.verdict) for one in outcome.findings]
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
    for one, kind in zip(outcome.findings, marked, strict=True):
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": _clean(one.task), "name": _clean(one.rule)}
        )
        if kind is not None:
            mark = ElementTree.SubElement(case, kind, {"type": str(one.verdict), "message": _clean(one.why)})
            mark.text = _clean(_details(one))
        else:
            ElementTree.SubElement(case, "system-out").text = _clean(_details(one))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _details(one: Finding) -> str:
    lines = [
        f"{one.score}: {one.asks}",
        one.why,
        f"{value(one)}, bounds {bounds(one)}",
        f"{one.items} of {one.planned_items} items, {one.coverage:.1%} of their samples scored",
        f"{one.method}: {one.how}",
    ]
    take = needed(one)
    return "\n".join([*lines, *([f"it would take {take}"] if take else [])])


def _clean(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
