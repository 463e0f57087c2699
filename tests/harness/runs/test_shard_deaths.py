"""Shards whose processes are killed: by their surroundings, and by a sample."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.paths import ROOT

from selfreward_eval.harness.records import Measurement, Status
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import Finished, Shard, run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

FAILED = frozenset(Status) - {Status.SUCCESS}


def report_of(script: Path, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, str(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_shards_killed_in_the_middle_of_writes_end_like_one_process(tmp_path: Path) -> None:
    """One process, then three shards, then five."""
    script = ROOT / "benchmarks" / "shard_drill.py"
    report = report_of(script, "--items", 16, "--kills", 8, "--folder", tmp_path)
    assert (report["samples"], report["kills"], report["unlike"]) == (64, 13, [])
    assert report["drawn_again"] <= report["drawn_again_at_most"]


@pytest.mark.parametrize(
    ("signal", "ends", "failed"),
    [("SIGKILL", [9, 9, 0], 1), ("SIGTERM", [15, 15, 15, 15, 15], 0)],
)
def test_a_sample_that_kills_its_process_twice_is_a_status(
    tmp_path: Path, signal: str, ends: list[int], failed: int
) -> None:
    """First with its batch, then alone. A launcher that ends all processes (SIGTERM) is no sample's fault."""
    report = report_of(Path(__file__).with_name("killed_by_a_sample.py"), tmp_path, signal)
    assert report["ends"] == ends
    assert len(report["failed"]) == failed
    if failed:
        right, status, reason = report["failed"][0]
        assert (right, status) == (True, "generation_error")
        assert reason.startswith("process died twice")
        # Eleven others, each once.
        assert (report["samples"], report["drawn"]) == (12, 11)


class Dying(DummyModel):
    """Stops in a batch without the journal's end, as a killed process does."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def generate(self, prompts: Any, seeds: Any) -> Any:
        if self.seed in seeds:
            raise KeyboardInterrupt
        return super().generate(prompts, seeds)


def share(model: DummyModel, out: Path, shard: Shard, **options: Any) -> Finished:
    return run(model, [ShapesGenEval()], out, limit=3, batch_size=4, shard=shard, **options)


@pytest.fixture
def died_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, int]:
    """A run folder with a sample in which two processes died, and its seed; nothing says so yet."""
    monkeypatch.setattr("selfreward_eval.harness.runs.journal.Journal.done", lambda journal: None)
    task = ShapesGenEval()
    seed = task.seed(task.items()[0], 2, 0, "hashed")
    for shard in (Shard(0, 1), Shard(0, 1)):
        with pytest.raises(KeyboardInterrupt):
            share(Dying(seed), tmp_path, shard)
    monkeypatch.undo()
    return tmp_path, seed


def test_deaths_are_known_to_other_shards(died_twice: tuple[Path, int]) -> None:
    out, seed = died_twice
    model = Dying(seed)
    ends = [share(model, out, Shard(index, 3)) for index in range(3)]
    assert ends[-1].scores["shapes_geneval"].failures == {"generation_error": 1}


def test_a_retry_is_asked_for_and_begins_anew(died_twice: tuple[Path, int]) -> None:
    out, seed = died_twice
    for index in range(3):
        share(Dying(seed), out, Shard(index, 3))
    last = share(DummyModel(), out, Shard(0, 1), retry=FAILED)
    assert last.drawn == 1
    assert last.scores["shapes_geneval"].failures == {}


def test_an_error_is_no_death(tmp_path: Path) -> None:
    """The journal ends the batch, whatever Python raised."""
    task = ShapesGenEval()
    seed = task.seed(task.items()[0], 2, 0, "hashed")
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            share(Dying(seed), tmp_path, Shard(0, 1))
    last = share(DummyModel(), tmp_path, Shard(0, 1))
    assert last.scores["shapes_geneval"].failures == {}


def test_a_sample_that_kills_in_measuring_keeps_its_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killing(ShapesGenEval):
        def measure(self, items: Any, samples: Any, images: Any) -> list[Measurement]:
            if any(sample.index == 3 for sample in samples):
                raise KeyboardInterrupt
            return super().measure(items, samples, images)

    def sitting() -> Finished:
        return run(DummyModel(), [Killing()], tmp_path, limit=1, shard=Shard(0, 1))

    monkeypatch.setattr("selfreward_eval.harness.runs.journal.Journal.done", lambda journal: None)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            sitting()
    records = load_run(sitting().folder).records["shapes_geneval"]
    assert [str(record.measurement.status) for record in records] == ["success"] * 3 + ["measurement_error"]
    assert records[3].sample.image is not None
    assert "while this sample was being measured" in records[3].measurement.reason
