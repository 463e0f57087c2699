"""Numbers from papers: every shipped row is sound, and an unsound one is named."""

from __future__ import annotations

import json
from math import fsum
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.leaderboards.reported import (
    Protocol,
    Reported,
    load_protocols,
    load_published,
    parse_rows,
)
from selfreward_eval.leaderboards.reported_view import reported_page

PROTOCOLS = load_protocols()
ROWS = load_published()

ROW: dict[str, Any] = {
    "model": "a model",
    "protocol": "geneval/mask2former",
    "values": {"overall": 0.5},
    "source": {"title": "a paper"},
    "second_hand": False,
}


def parse(**changes: Any) -> Reported:
    text = json.dumps({key: value for key, value in {**ROW, **changes}.items() if value is not ...})
    (row,) = parse_rows(text, "rows.jsonl", PROTOCOLS)
    return row


def found(model: str, protocol: str, **conditions: Any) -> list[Reported]:
    return [
        row
        for row in ROWS
        if row.model == model
        and row.protocol == protocol
        and row.kind == "score"
        and all(row.conditions.get(key) == value for key, value in conditions.items())
    ]


def test_every_benchmark_of_the_registry_has_rows() -> None:
    assert {row.protocol for row in ROWS} == set(PROTOCOLS)


@pytest.mark.parametrize(
    "protocol",
    ["geneval/mask2former", "t2i-compbench/srum-vlm", "t2i-reasonbench/accuracy", "t2i-reasonbench/quality"],
)
def test_an_overall_score_is_the_mean_of_its_columns(protocol: str) -> None:
    about = PROTOCOLS[protocol]
    columns = [column for column in about.columns if column != "overall"]
    # Columns are printed with few digits, and some sources round the mean down.
    allowed = 0.011 if about.range[1] == 1 else 0.1
    whole = [row for row in ROWS if row.protocol == protocol and set(row.values) == set(about.columns)]
    assert len(whole) >= 10
    for row in whole:
        mean = fsum(row.values[column] for column in columns) / len(columns)
        assert mean == pytest.approx(row.values["overall"], abs=allowed), row.model


def test_srum_s_headline_is_told_like_for_like() -> None:
    scores = {
        (row.model, row.conditions["reasoning"]): row.values["overall"]
        for row in ROWS
        if row.protocol == "t2i-compbench/srum-vlm" and "reasoning" in row.conditions
    }
    assert scores["BAGEL + SRUM", False] - scores["BAGEL", False] == pytest.approx(4.37)
    assert scores["BAGEL + SRUM", True] - scores["BAGEL", True] == pytest.approx(3.91)
    (claim,) = [row for row in ROWS if row.kind == "gain" and row.model == "BAGEL + SRUM"]
    assert claim.values == {"overall": 6.19}
    assert "+4.37" in claim.notes
    assert "+3.91" in claim.notes


def test_dsr_s_claims_are_gains_and_second_hand() -> None:
    claims = [row for row in ROWS if row.kind == "gain" and "SUDER (DSR)" in row.model]
    assert {row.protocol.split("/")[0]: sum(row.values.values()) for row in claims} == {
        "geneval": 5.0,
        "t2i-compbench": 11.68,
        "llava-bench": 7.5,
    }
    assert all(row.second_hand and row.baseline and row.notes for row in claims)


def test_the_same_model_may_have_three_scores_and_all_are_kept() -> None:
    rows = found("Janus-Pro-7B", "t2i-compbench/official")
    assert sorted(row.values["color"] for row in rows) == [0.5145, 0.6359, 0.7449]


def test_rewritten_prompts_are_another_condition() -> None:
    (original,) = found("BAGEL", "geneval/mask2former", prompts="original")
    (rewritten,) = found("BAGEL", "geneval/mask2former", prompts="rewritten by a language model")
    assert (original.values["overall"], rewritten.values["overall"]) == (0.82, 0.88)


def test_nothing_is_sorted_by_its_score() -> None:
    for shown in reported_page(PROTOCOLS, ROWS, [])["protocols"]:
        (about,) = [one for one in PROTOCOLS.values() if one.title == shown["title"]]
        assert [row["model"] for row in shown["rows"]] == [
            row.model for row in ROWS if row.protocol == about.id
        ]


def test_a_number_is_shown_as_it_was_printed() -> None:
    protocol = Protocol("p/q", "P", "q", {"a": "A", "b": "B"}, "", (0.0, 1.0), (), "")
    rows = parse_rows(
        json.dumps({**ROW, "protocol": "p/q", "values": {"a": 0.5, "b": 0.5145}}), "x", {"p/q": protocol}
    )
    (shown,) = reported_page({"p/q": protocol}, rows, [])["protocols"][0]["rows"]
    assert shown["cells"] == ["0.50", "0.5145"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": ...}, "rows.jsonl:1 lacks model"),
        ({"model": " "}, "rows.jsonl:1: model is ' '; name the model"),
        ({"rank": 1}, "rows.jsonl:1 has the unknown field 'rank'"),
        ({"protocol": "geneval"}, "protocol 'geneval' is unknown; there are: geneval/mask2former"),
        ({"values": {}}, "values is {}; a row needs at least one number"),
        ({"values": {"overall": 50}}, r"values.overall is 50, not a number in \[0, 1\]"),
        ({"values": {"overall": True}}, "values.overall is True; input should be a valid number"),
        ({"values": {"overall": 10**400}}, "it holds a number of 401 digits"),
        ({"values": {"speed": 0.5}}, "values has 'speed'"),
        ({"date": "May 2025"}, "date is 'May 2025'; write YYYY"),
        ({"date": "2025-13"}, "date is '2025-13'"),
        ({"second_hand": "yes"}, "second_hand is 'yes'; input should be a valid boolean"),
        ({"second_hand": True}, "a second-hand row names the copy"),
        ({"source": {"title": "x", "url": "javascript:alert(1)"}}, "source.url is 'javascript:alert"),
        ({"source": {}}, "source lacks title; add it"),
        ({"source": {"title": "x", "year": 2025}}, "source has the unknown field 'year'; there are: title"),
        ({"kind": "rumour"}, "kind is 'rumour'; input should be 'score' or 'gain'"),
        ({"kind": "gain"}, "a gain needs its unit and its baseline"),
        ({"conditions": {"mood": "good"}}, "conditions has the unknown field 'mood'"),
        (
            {"conditions": {"images_per_prompt": True}},
            "images_per_prompt is True; input should be a valid int",
        ),
    ],
)
def test_a_row_that_breaks_the_schema_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(**changes)


@pytest.mark.parametrize("line", ["not json", "[1]", json.dumps(ROW)[:-1], '{"model": NaN}'])
def test_a_line_that_is_no_row_is_named(line: str) -> None:
    with pytest.raises(InputError, match=r"rows.jsonl:3 "):
        parse_rows(f"{json.dumps(ROW)}\n\n{line}\n", "rows.jsonl", PROTOCOLS)


def test_a_row_given_twice_is_named() -> None:
    with pytest.raises(InputError, match=r"rows.jsonl:2 repeats line 1"):
        parse_rows(f"{json.dumps(ROW)}\n{json.dumps(ROW)}\n", "rows.jsonl", PROTOCOLS)
