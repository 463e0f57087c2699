"""An exported Inspect log is read by Inspect itself."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from selfreward_eval.harness.errors import InputError, MissingExtra
from selfreward_eval.harness.runs.reader import Run, load_run
from selfreward_eval.leaderboards.export.inspect_log import write_inspect_log

MARKS = {"one": [[1.0, 0.0], [1.0, None]], "two": [[0.0, 0.0], [1.0, 1.0]]}


@pytest.fixture
def toy(make_run: Callable[..., Path]) -> Run:
    return load_run(make_run("a", MARKS, model="lab/tiny", pictures=True))


def test_without_inspect_the_extra_is_named(
    toy: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "inspect_ai.log", None)
    with pytest.raises(MissingExtra, match="extra 'inspect'"):
        write_inspect_log(toy, "toy", tmp_path / "toy.eval")


def test_inspect_reads_scores_metrics_and_failures(toy: Run, tmp_path: Path) -> None:
    log_module = pytest.importorskip("inspect_ai.log", reason="inspect-ai is not installed (extra 'inspect')")
    log = log_module.read_eval_log(str(write_inspect_log(toy, "toy", tmp_path / "toy.eval")))
    assert log.status == "success"
    assert (log.eval.task, log.eval.task_version, log.eval.model) == ("toy", "1", "lab/tiny")
    assert log.eval.dataset.sample_ids == ["one-0", "one-1", "two-0", "two-1"]
    assert log.eval.config.epochs == 2
    overall, one, two = log.results.scores
    assert overall.metrics["mean"].value == toy.scores["toy"].overall.value
    assert overall.metrics["stderr"].value == toy.scores["toy"].overall.se
    assert (one.scored_samples, one.unscored_samples) == (3, 1)
    assert two.name == "correct (two)"
    by_id = {(sample.id, sample.epoch): sample for sample in log.samples}
    assert len(by_id) == 8
    assert by_id["one-0", 1].scores["correct"].value == 1.0
    failed = by_id["one-1", 2].scores["correct"]
    assert math.isnan(failed.value)
    assert failed.explanation == "it failed"
    assert by_id["one-1", 2].metadata["status"] == "generation_error"


def test_inspect_finds_the_pictures_inside_the_log(toy: Run, tmp_path: Path) -> None:
    log_module = pytest.importorskip("inspect_ai.log", reason="inspect-ai is not installed (extra 'inspect')")
    path = write_inspect_log(toy, "toy", tmp_path / "toy.eval")
    sample = log_module.read_eval_log_sample(str(path), id="two-0", epoch=2, resolve_attachments=True)
    picture = sample.output.choices[0].message.content[0]
    assert picture.image.startswith("data:image/png;base64,")
    assert sample.metadata["image"].endswith(".png")
    light = log_module.read_eval_log(
        str(write_inspect_log(toy, "toy", tmp_path / "light.eval", pictures=False))
    )
    assert light.samples[0].output.completion == light.samples[0].metadata["image"]


def test_a_task_that_was_not_done_is_named(toy: Run, tmp_path: Path) -> None:
    pytest.importorskip("inspect_ai.log", reason="inspect-ai is not installed (extra 'inspect')")
    with pytest.raises(InputError, match="has no task 'geneval'"):
        write_inspect_log(toy, "geneval", tmp_path / "x.eval")
