"""``results_*.json``: lm-eval's keys and meanings, and our block beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.runs.scores import TaskScores
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval
from selfreward_eval.tasks.shapes.requests import TAGS

NAME = "shapes_geneval"
KEYS = (
    "results group_subtasks configs versions n-shot higher_is_better n-samples config git_hash date "
    "task_hashes model_source model_name model_name_sanitized total_evaluation_time_seconds"
)
CONFIG_KEYS = (
    "model model_args batch_size device limit bootstrap_iters gen_kwargs "
    "random_seed numpy_seed torch_seed fewshot_seed"
)
SAMPLE_KEYS = (
    "doc_id doc target arguments resps filtered_resps filter metrics "
    "doc_hash prompt_hash target_hash accuracy"
)
OWN_SAMPLE_KEYS = "prompt_id image_idx seed image image_sha256 status timing"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 18 items, one of which fails."""
    model = DummyModel(name="lab/dummy", fail="a picture of two")
    out = tmp_path_factory.mktemp("results")
    return run(
        model, [ShapesGenEval()], out, limit=18, seed=1, batch_size=9, call={"model_args": "a=b"}
    ).folder


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("results_*.json")
    return dict(json.loads(path.read_text()))


@pytest.fixture(scope="module")
def samples(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.glob("samples_*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_key_of_lm_eval_is_there(results: dict[str, Any]) -> None:
    assert set(KEYS.split()) | {"selfreward"} == results.keys()
    assert set(CONFIG_KEYS.split()) == results["config"].keys()


def test_every_sample_line_has_lm_eval_s_keys_and_ours(samples: list[dict[str, Any]]) -> None:
    for line in samples:
        expected = set(SAMPLE_KEYS.split()) | set(OWN_SAMPLE_KEYS.split())
        if line["status"] != "success":
            expected -= {"accuracy"}
        assert expected <= line.keys()
        assert ("accuracy" in line) == (line["status"] == "success")


def test_a_line_s_number_is_its_own_and_its_item_is_the_cluster(samples: list[dict[str, Any]]) -> None:
    assert len({line["doc_id"] for line in samples}) == len(samples) == 72
    for line in samples:
        assert line["doc_id"] == int(line["doc"]["prompt_id"]) * 4 + line["image_idx"]


def test_rows_are_the_task_and_its_categories(results: dict[str, Any]) -> None:
    rows = results["results"]
    assert list(rows) == [NAME, *(f"{NAME}_{tag}" for tag in TAGS)]
    assert results["group_subtasks"] == {NAME: [f"{NAME}_{tag}" for tag in TAGS]}
    assert rows[f"{NAME}_colors"]["alias"] == "colors"
    for table in ("versions", "n-shot", "higher_is_better", "n-samples"):
        assert results[table].keys() == rows.keys()


def test_numbers_are_those_of_our_block(results: dict[str, Any]) -> None:
    scores = TaskScores.from_json(results["selfreward"]["tasks"][NAME])
    row = results["results"][NAME]
    assert (row["accuracy,none"], row["accuracy_stderr,none"]) == (scores.overall.value, scores.overall.se)
    for tag, score in scores.categories.items():
        assert results["results"][f"{NAME}_{tag}"]["accuracy,none"] == score.value


def test_a_standard_error_that_does_not_exist_is_left_out(tmp_path: Path) -> None:
    """One item per category has none."""
    finished = run(DummyModel(), [ShapesGenEval()], tmp_path, limit=6)
    assert finished.results_path is not None
    rows = json.loads(finished.results_path.read_text())["results"]
    assert all("accuracy,none" in row and "accuracy_stderr,none" not in row for row in rows.values())


def test_samples_are_counted_before_the_limit_and_as_scored(results: dict[str, Any]) -> None:
    assert results["n-samples"][NAME] == {"original": 280 * 4, "effective": 68}
    assert results["n-samples"][f"{NAME}_counting"] == {"original": 48 * 4, "effective": 8}
    assert results["results"][NAME]["sample_len"] == 72


def test_how_the_run_was_asked_for_is_told(results: dict[str, Any]) -> None:
    config = results["config"]
    assert (config["model"], config["model_args"], config["batch_size"], config["limit"]) == (
        "dummy",
        "a=b",
        9,
        18,
    )
    assert {config[key] for key in config if key.endswith("_seed")} == {1}
    assert config["gen_kwargs"]["fail"] == ["a picture of two"]
    assert (results["model_name"], results["model_name_sanitized"]) == ("lab/dummy", "lab__dummy")


def test_the_block_belongs_to_the_manifest(folder: Path, results: dict[str, Any]) -> None:
    loaded = load_run(folder)
    block = results["selfreward"]
    assert (block["schema"], block["fingerprint"]) == (1, loaded.manifest.fingerprint)
    assert block["manifest"]["environment"]["packages"]["selfreward-eval"]
    assert loaded.scores[NAME].failures == {"generation_error": 4}
    assert len(loaded.records[NAME]) == 72


def test_lm_eval_itself_prints_our_table(results: dict[str, Any]) -> None:
    utils = pytest.importorskip("lm_eval.utils", reason="lm-eval is not installed")
    table = utils.make_table(results)
    value = results["results"][NAME]["accuracy,none"]
    assert f"|{NAME}  |      1|none  |     0|accuracy|↑  |{value:.4f}|±  |" in table
    assert all(f"| - {tag}" in table for tag in TAGS)


def test_lm_eval_documents_the_keys_that_we_write(
    results: dict[str, Any], samples: list[dict[str, Any]]
) -> None:
    schema = pytest.importorskip("lm_eval.result_schema", reason="lm-eval is not installed")
    assert results.keys() - {"selfreward"} <= schema.EvalResults.__annotations__.keys()
    assert schema.SampleResult.__annotations__.keys() <= samples[0].keys()
