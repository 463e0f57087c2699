"""Textual images read by OCR: which prompts are taken, what is measured, a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.reading import Reads

from selfreward_eval.harness.errors import UnknownName, UsageError
from selfreward_eval.harness.records import Status
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.t2i_reasonbench.written import T2IReasonBenchText, measurement_of

pytestmark = pytest.mark.usefixtures("invented")


def test_only_prompts_that_quote_a_text_are_taken() -> None:
    (item,) = T2IReasonBenchText().items()
    assert (item.id, item.category) == ("textual_image-0003", "textual_image")
    assert item.metadata == {"wanted": ["Blossom in the City", "5 pm"]}


def test_a_text_that_is_not_complete_counts_for_nothing_but_its_likeness() -> None:
    found = measurement_of(["Blossom", "5 pm"], Reads("BLOSS0M", "5 PM").read_text([None])[0])  # type: ignore[list-item]
    assert found.values == {"exact_text": 0.5, "text_likeness": pytest.approx((6 / 7 + 1) / 2)}
    assert found.reason == "1 of 2 texts written; not 'Blossom'"
    assert found.evidence["lines"][0]["text"] == "BLOSS0M"


def test_a_picture_without_any_text_has_been_read() -> None:
    found = measurement_of(["Blossom"], [])
    assert (found.status, found.values["exact_text"]) == (Status.SUCCESS, 0)


def test_a_run(tmp_path: Path) -> None:
    task = T2IReasonBenchText(reader=Reads("Blossom in the City"))
    score = run(DummyModel(), [task], tmp_path).scores["t2i_reasonbench_text"]
    assert (score.metric, score.overall.value) == ("exact_text", 0.5)
    assert score.comparable.startswith("no: this project's own variant")


def test_an_instrument_that_reads_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="'shapes_oracle' reads no text"):
        _ = T2IReasonBenchText(reader="shapes_oracle").reader
    with pytest.raises(UnknownName, match="no_such_reader"):
        _ = T2IReasonBenchText(reader="no_such_reader").reader
