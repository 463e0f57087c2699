"""Runs in the formats of others, read back by the programs and schemas that own them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.runs.reader import Run, load_run
from selfreward_eval.leaderboards.export.common import iso_time, model_of, unix_time
from selfreward_eval.leaderboards.export.every_eval_ever import write_every_eval_ever
from selfreward_eval.leaderboards.export.hugging_face import (
    eval_results,
    model_index,
    parse_benchmark,
    yaml_text,
)

MakeRun = Callable[..., Path]

MARKS = {"one": [[1.0, 0.0], [1.0, None]], "two": [[0.0, 0.0], [1.0, 1.0]]}


@pytest.fixture
def toy(make_run: MakeRun) -> Run:
    return load_run(make_run("a", MARKS, model="lab/tiny", pictures=True))


def test_times_of_runs_are_iso_8601_in_utc() -> None:
    assert iso_time("2026-01-10T09-30-00.5") == "2026-01-10T09:30:00.500000+00:00"
    assert unix_time("1970-01-02T00-00-00") == "86400"
    with pytest.raises(InputError, match="'yesterday' is not ISO 8601"):
        iso_time("yesterday")


def test_a_model_s_name_tells_its_developer(toy: Run) -> None:
    assert (model_of(toy).developer, model_of(toy).short) == ("lab", "tiny")


def test_the_hub_reads_our_eval_results_back(toy: Run) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    benchmark = parse_benchmark("org/toy-benchmark:default@0123abc")
    files = eval_results(toy, {"toy": benchmark}, {"url": "https://example.org/run", "name": "the run"})
    assert list(files) == [".eval_results/toy.yaml"]
    content = yaml.safe_load(yaml_text(files[".eval_results/toy.yaml"]))
    (entry,) = hub.parse_eval_result_entries(content)
    assert hub.eval_result_entries_to_yaml([entry]) == content
    assert (entry.dataset_id, entry.task_id, entry.dataset_revision) == (
        "org/toy-benchmark",
        "default",
        "0123abc",
    )
    assert entry.value == toy.scores["toy"].overall.value == 0.625
    assert entry.source_url == "https://example.org/run"
    assert "± " in entry.notes
    assert "4 items x 2; 1 of 8 samples without a score" in entry.notes


@pytest.mark.parametrize("text", ["toy", "org/toy", "org/toy:", "org/toy:a@main", "https://x/y:z"])
def test_a_benchmark_is_written_in_one_way(text: str) -> None:
    with pytest.raises(UsageError, match="is not ORG/NAME:TASK"):
        parse_benchmark(text)


def test_a_task_that_was_not_done_is_not_exported(toy: Run) -> None:
    with pytest.raises(InputError, match="has no task 'geneval'; it has: toy"):
        eval_results(toy, {"geneval": parse_benchmark("a/b:c")})
    with pytest.raises(UsageError, match="name the benchmark"):
        eval_results(toy, {})


def test_a_run_without_a_score_is_not_exported(make_run: MakeRun) -> None:
    failed = load_run(make_run("failed", {"one": [[None], [None]]}))
    with pytest.raises(InputError, match="toy has no score"):
        eval_results(failed, {"toy": parse_benchmark("a/b:c")})
    with pytest.raises(InputError, match="has no score"):
        model_index(failed)


def test_the_hub_reads_our_model_index_back(toy: Run) -> None:
    cards = pytest.importorskip("huggingface_hub.repocard_data", reason="huggingface_hub is not installed")
    index = model_index(toy)["model-index"]
    name, results = cards.model_index_to_eval_results(index)
    assert name == "tiny"
    assert [result.metric_value for result in results] == [0.625, 0.75, 0.5]
    assert [result.dataset_config for result in results] == [None, "one", "two"]
    assert {result.task_type for result in results} == {"text-to-image"}
    assert cards.eval_results_to_model_index(name, results) == index


def exported(toy: Run, out: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    aggregate, samples = write_every_eval_ever(toy, out, organization="Example", relationship="third_party")
    return json.loads(aggregate.read_text()), [json.loads(line) for line in samples.read_text().splitlines()]


def test_every_eval_ever_has_scores_with_uncertainty(toy: Run, tmp_path: Path) -> None:
    aggregate, _ = exported(toy, tmp_path)
    overall, one, two = aggregate["evaluation_results"]
    assert overall["score_details"]["score"] == 0.625
    assert one["evaluation_name"] == "toy/one"
    assert overall["score_details"]["uncertainty"]["standard_error"]["value"] == toy.scores["toy"].overall.se
    assert two["metric_config"]["lower_is_better"] is False
    assert aggregate["model_info"]["id"] == "lab/tiny"
    assert aggregate["evaluation_id"] == f"toy/lab/tiny/{aggregate['retrieved_timestamp']}"


def test_every_eval_ever_has_a_line_per_scored_sample(toy: Run, tmp_path: Path) -> None:
    aggregate, samples = exported(toy, tmp_path)
    detailed = aggregate["detailed_evaluation_results"]
    assert len(samples) == detailed["total_rows"] == 7
    assert detailed["additional_details"] == {
        "samples_without_a_score": "1",
        "without_score_generation_error": "1",
    }
    ids = {result["evaluation_result_id"] for result in aggregate["evaluation_results"]}
    for line in samples:
        assert line["evaluation_id"] == aggregate["evaluation_id"]
        assert line["evaluation_result_id"] in ids
        assert line["evaluation"]["is_correct"] == (line["evaluation"]["score"] == 1.0)
        assert all(isinstance(value, str) for value in line["metadata"].values())


def test_every_eval_ever_s_files_are_where_its_store_wants_them(toy: Run, tmp_path: Path) -> None:
    first = write_every_eval_ever(toy, tmp_path, organization="Example")
    again = write_every_eval_ever(toy, tmp_path, organization="Example")
    assert first == again
    aggregate, samples = first
    name = uuid.UUID(aggregate.stem)
    assert aggregate == tmp_path / "data" / "toy" / "lab" / "tiny" / f"{name}.json"
    detailed = json.loads(aggregate.read_text())["detailed_evaluation_results"]
    assert detailed["file_path"] == samples.relative_to(tmp_path).as_posix()
    assert detailed["checksum"] == hashlib.sha256(samples.read_bytes()).hexdigest()


def test_what_every_eval_ever_must_know_is_asked_for(toy: Run, make_run: MakeRun, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--organization is needed"):
        write_every_eval_ever(toy, tmp_path, organization=" ")
    with pytest.raises(UsageError, match="--relationship 'friend'"):
        write_every_eval_ever(toy, tmp_path, organization="x", relationship="friend")
    nameless = load_run(make_run("nameless", MARKS))
    with pytest.raises(UsageError, match="give --developer"):
        write_every_eval_ever(nameless, tmp_path, organization="x")
    assert write_every_eval_ever(nameless, tmp_path, organization="x", developer="lab")


def test_no_path_leaves_the_export_s_folder(make_run: MakeRun, tmp_path: Path) -> None:
    run = load_run(make_run("a", MARKS, model="../../evil/../x"))
    for path in write_every_eval_ever(run, tmp_path / "out", organization="x"):
        assert path.resolve().is_relative_to((tmp_path / "out").resolve())


def test_every_eval_ever_s_own_validator_passes_them(
    toy: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("every_eval_ever", reason="every-eval-ever is not installed (it needs Python 3.12)")
    monkeypatch.chdir(tmp_path)
    files = write_every_eval_ever(toy, tmp_path, organization="Example")
    names = [path.relative_to(tmp_path).as_posix() for path in files]
    done = subprocess.run([sys.executable, "-m", "every_eval_ever", "validate", *names], check=False)
    assert done.returncode == 0
