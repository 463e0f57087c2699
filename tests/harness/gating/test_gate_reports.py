"""What is written of a gate: JSON, a test report, a summary for a pull request, a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from selfreward_eval.harness.gating.candidates import Replay
from selfreward_eval.harness.gating.findings import Outcome
from selfreward_eval.harness.gating.fixed import judge
from selfreward_eval.harness.gating.junit import junit
from selfreward_eval.harness.gating.policy_file import read_policy
from selfreward_eval.harness.gating.sequential import judge_sequentially
from selfreward_eval.harness.gating.summary import MARKER, headline, markdown
from selfreward_eval.harness.report.gate_page import write_gate_page
from selfreward_eval.harness.runs.reader import load_run

THREE = """
[[rule]]
task = "toy"
margin = 0.3

[[rule]]
task = "toy"
margin = 0.1
name = "tight"

[[rule]]
task = "toy"
floor = 0.49
name = "high floor"
"""


@pytest.fixture
def outcome(
    policy: Callable[[str], Path], make_run: Callable[..., Path], arms: Callable[..., Any]
) -> Callable[..., Outcome]:
    def make(text: str = THREE, *, candidate: str = "candidate", looks: bool = False) -> Outcome:
        before, after = arms(0.1)
        base, other = load_run(make_run("base", before)), load_run(make_run(candidate, after))
        asked = read_policy(policy(text))
        return judge_sequentially(asked, base, Replay(other)) if looks else judge(asked, base, other)

    return make


def test_json_holds_every_number(outcome: Callable[..., Outcome]) -> None:
    whole = json.loads(json.dumps(outcome().to_json(), allow_nan=False))
    assert (whole["schema"], whole["verdict"], whole["exit_code"], whole["mode"]) == (1, "FAIL", 1, "fixed")
    assert [rule["verdict"] for rule in whole["rules"]] == ["PASS", "INCONCLUSIVE", "FAIL"]
    assert whole["rules"][1]["needs"]["items"] > 300
    assert whole["sequential"] is None


def test_json_of_a_sequential_gate_says_what_it_saved(outcome: Callable[..., Outcome]) -> None:
    found = json.loads(json.dumps(outcome('[[rule]]\ntask = "toy"\nmargin = 0.4\n', looks=True).to_json()))
    (task,) = found["sequential"]["tasks"]
    assert found["mode"] == "sequential"
    assert found["sequential"]["saved"] == pytest.approx(1 - task["samples"] / task["planned_samples"])
    assert found["sequential"]["saved"] > 0.3


def test_a_test_report_has_a_case_per_rule(outcome: Callable[..., Outcome]) -> None:
    root = ElementTree.fromstring(junit(outcome()))
    assert {key: root.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "3",
        "failures": "1",
        "errors": "1",
    }
    cases = {case.get("name"): [part.tag for part in case] for case in root.iter("testcase")}
    assert cases == {"toy margin": ["system-out"], "tight": ["error"], "high floor": ["failure"]}


def test_the_report_fails_what_the_policy_fails(outcome: Callable[..., Outcome]) -> None:
    root = ElementTree.fromstring(junit(outcome('inconclusive = "fail"\n' + THREE)))
    assert (root.get("failures"), root.get("errors")) == ("2", "0")


def test_a_name_that_xml_cannot_hold_is_replaced(outcome: Callable[..., Outcome]) -> None:
    """A policy file cannot hold such a name; a policy that was built in Python can."""
    made = outcome('[[rule]]\nname = "a"\ntask = "toy"\nmargin = 0.3\n')
    (finding,) = made.findings
    named = replace(made, findings=(replace(finding, rule="a\x01<b>"),))
    (case,) = ElementTree.fromstring(junit(named)).iter("testcase")
    assert case.get("name") == "a\ufffd<b>"


def test_the_summary_is_a_table_that_says_what_is_missing(outcome: Callable[..., Outcome]) -> None:
    lines = markdown(outcome()).splitlines()
    assert lines[0] == MARKER
    assert lines[1] == "## ❌ Gate: FAIL"
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 5
    assert len({line.count("|") for line in table}) == 1
    assert any(line.startswith("- **tight**: ") and "It would take" in line for line in lines)


def test_names_cannot_be_markup_or_mention_anyone(outcome: Callable[..., Outcome]) -> None:
    text = '[[rule]]\nname = "@all | <img src=x> [a](b)"\ntask = "toy"\nmargin = 0.1\n'
    said = markdown(outcome(text, candidate="<script>`@me`"))
    assert "<script>" not in said
    assert "<img" not in said
    assert "@" not in said
    assert "[a](b)" not in said


def test_the_headline_counts(outcome: Callable[..., Outcome]) -> None:
    assert headline(outcome()) == "FAIL: 3 rules, 1 passed, 1 failed, 1 inconclusive"


def test_the_page_shows_every_rule_and_links_the_pairs(
    outcome: Callable[..., Outcome], tmp_path: Path
) -> None:
    found = outcome('[[rule]]\nname = "<b>bold</b>"\ntask = "toy"\nmargin = 0.3\n' + THREE)
    runs = load_run(tmp_path / "base"), load_run(tmp_path / "candidate")
    page, pairs = write_gate_page(found, tmp_path / "out" / "gate.html", runs)
    html = page.read_text()
    assert pairs == tmp_path / "out" / "gate_pairs.html"
    assert 'href="gate_pairs.html"' in html
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
    assert "<b>bold</b>" not in html
    for name in ("toy margin", "tight", "high floor"):
        assert name in html
    assert html.count("INCONCLUSIVE") >= 1


def test_the_page_of_an_unfinished_candidate_stands_alone(
    outcome: Callable[..., Outcome], tmp_path: Path
) -> None:
    assert write_gate_page(outcome(looks=True), tmp_path / "gate.html") == [tmp_path / "gate.html"]
    assert "_pairs.html" not in (tmp_path / "gate.html").read_text()
