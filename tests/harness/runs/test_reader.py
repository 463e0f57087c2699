"""Reading run folders back, whole and damaged ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from selfreward_eval.harness.errors import InputError, RunFolderError
from selfreward_eval.harness.runs.reader import load_run

MARKS = {"one": [[1, 0], [1, None]], "two": [[0, 0], [1, 1]]}


@pytest.fixture
def folder(make_run: Callable[..., Path]) -> Path:
    return make_run("tiny", MARKS)


def samples(folder: Path) -> Path:
    (path,) = folder.glob("samples_toy_*.jsonl")
    return path


def test_a_run_comes_back_as_it_was_written(folder: Path) -> None:
    run = load_run(folder)
    assert run.name == "tiny"
    assert run.manifest.identity["seed"] == 0
    assert run.scores["toy"].overall.value == 0.625
    assert [record.doc_id for record in run.records["toy"]] == list(range(8))
    assert run.torn == ()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no run folder at .*nowhere; `selfreward-eval run"):
        load_run(tmp_path / "nowhere")


def test_the_folder_above_a_run_leads_to_it(folder: Path) -> None:
    with pytest.raises(RunFolderError, match=r"no run\.json\); did you mean .*tiny\?"):
        load_run(folder.parent)


def test_a_folder_without_runs_is_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is not a run folder"):
        load_run(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"identity": {}}', '{"identity": 3, "environment": {}, '
                                     '"status": "success", "created": ""}', "\x00\x00"])  # fmt: skip
def test_a_damaged_manifest_is_named(folder: Path, content: str) -> None:
    (folder / "run.json").write_text(content)
    with pytest.raises(RunFolderError, match=r"run\.json is damaged .* run into a new folder"):
        load_run(folder)


@pytest.mark.parametrize("status", ["started", "error"])
def test_an_unfinished_run_is_refused(make_run: Callable[..., Path], status: str) -> None:
    with pytest.raises(RunFolderError, match=f"not finished .status: {status}.; run the same command again"):
        load_run(make_run("half", MARKS, status=status))


def test_a_torn_last_line_is_left_out_and_told(folder: Path) -> None:
    path = samples(folder)
    path.write_bytes(path.read_bytes()[:-20])
    run = load_run(folder)
    assert len(run.records["toy"]) == 7
    assert run.torn == (path,)


def test_only_the_run_s_own_samples_are_read(folder: Path) -> None:
    """Newer or whole, a file with another time in its name is of another run."""
    text = samples(folder).read_text()
    for name in ("samples_toy_2027-01-01T00-00-00", "samples_toy_hard_2026-11-20T10-00-00"):
        (folder / f"{name}.jsonl").write_text(text.replace('"fine"', '"other"').replace("1.0", "0.0"))
    (folder / "samples_toy_2026-12-01T00-00-00.jsonl").write_text("{}\n{...\n{}")
    run = load_run(folder)
    assert {record.measurement.reason for record in run.records["toy"]} == {"fine", "it failed"}
    assert run.scores["toy"].overall.value == 0.625


def test_only_the_run_s_own_results_are_read(folder: Path) -> None:
    """A damaged file of a newer name is nobody's: no call of the run would ever rewrite it."""
    (folder / "results_2027-01-01T00-00-00.json").write_text("{")
    assert load_run(folder).scores["toy"].overall.value == 0.625


def change(path: Path, number: int, **values: object) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[number] |= values
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"correct": 0.0},
            r"the samples give toy \(one\) 0\.5, the results say 0\.75; restore the file, or run",
        ),
        ({"status": "missing_image", "metrics": []}, r"toy \(one\) 2 scored of 4, the results say 3 of 4"),
        ({"correct": 1.5}, r"a success with correct = 1\.5, which is not in \[0, 1\]; measure it again"),
        ({"metrics": []}, "a success with correct = None"),
        (
            {"seed": 7},
            r"sample 0 of item 'one-0', which is not of this run \(its seed is 7, the plan has \d+\)",
        ),
        ({"image_idx": 2}, r"its index is 2, the plan has 2 samples per item"),
        ({"image_idx": -1}, r"its index is -1"),
    ],
)
def test_a_sample_that_is_not_of_the_run_is_named(
    folder: Path, changes: dict[str, object], message: str
) -> None:
    change(samples(folder), 0, **changes)
    with pytest.raises(InputError, match=message):
        load_run(folder)


def test_samples_of_another_run_under_this_run_s_name_are_refused(
    folder: Path, make_run: Callable[..., Path]
) -> None:
    """Another seed is seen at the first line, another model by its scores."""
    other_seed = make_run("seed", MARKS, identity={"seed": 1})
    samples(folder).write_bytes(samples(other_seed).read_bytes())
    with pytest.raises(InputError, match=r"not of this run \(its seed is"):
        load_run(folder)
    other_model = make_run("model", {"one": [[1, 1], [1, 1]], "two": [[1, 1], [1, 1]]})
    samples(folder).write_bytes(samples(other_model).read_bytes())
    with pytest.raises(
        InputError, match=r"the samples give toy \(one\) 4 scored of 4, the results say 3 of 4"
    ):
        load_run(folder)


def test_two_prompts_of_one_item_are_refused(folder: Path) -> None:
    lines = samples(folder).read_text().splitlines()
    doc = json.loads(lines[0])["doc"]
    change(samples(folder), 0, doc={**doc, "prompt": "draw anything"})
    with pytest.raises(InputError, match="its prompt, category, cluster or metadata is not that of the item"):
        load_run(folder)


def test_more_items_than_planned_are_refused(make_run: Callable[..., Path]) -> None:
    folder = make_run("official", MARKS, identity={"seed_policy": "official"})
    line = json.loads(samples(folder).read_text().splitlines()[0])
    line["doc"]["prompt_id"] = "new"
    with samples(folder).open("a") as file:
        file.write(json.dumps(line) + "\n")
    with pytest.raises(InputError, match="holds 5 items, the plan of the run has 4"):
        load_run(folder)


def test_what_is_missing_may_have_been_anything_in_range_and_nothing_else(folder: Path) -> None:
    """With its last line torn, results of 0.625 can still follow: two-1 has one mark left of two."""
    path = samples(folder)
    path.write_bytes(path.read_bytes()[:-20])
    assert load_run(folder).scores["toy"].overall.value == 0.625
    (results,) = folder.glob("results_*.json")
    content = json.loads(results.read_text())
    content["selfreward"]["tasks"]["toy"]["categories"]["two"]["value"] = 0.8
    results.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"toy \(two\) 0\.5, the results say 0\.8"):
        load_run(folder)


def test_results_that_do_not_follow_from_their_own_categories_are_refused(folder: Path) -> None:
    (results,) = folder.glob("results_*.json")
    content = json.loads(results.read_text())
    content["selfreward"]["tasks"]["toy"]["overall"]["value"] = 1.0
    results.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"the samples give toy \(overall\) 0\.625, the results say 1;"):
        load_run(folder)


@pytest.mark.parametrize("created", ["../../2026", "/etc/2026"])
def test_a_time_that_leads_out_of_the_folder_is_refused(folder: Path, created: str) -> None:
    manifest = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**manifest, "created": created}))
    with pytest.raises(RunFolderError, match="which is none of its folder"):
        load_run(folder)


def test_a_damaged_line_in_the_middle_is_named(folder: Path) -> None:
    path = samples(folder)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], "{...\n", *lines[2:]]))
    with pytest.raises(InputError, match=r"samples_toy_.*\.jsonl:2 is not a JSON record"):
        load_run(folder)


def test_a_line_of_another_layout_is_named(folder: Path) -> None:
    path = samples(folder)
    path.write_text('{"doc_id": 0}\n' + path.read_text())
    with pytest.raises(InputError, match=r"record 1 of .*\.jsonl is not a sample .KeyError"):
        load_run(folder)


def test_missing_samples_are_named(folder: Path) -> None:
    samples(folder).unlink()
    with pytest.raises(InputError, match=r"scores but no samples_toy_2026-11-20T10-00-00\.jsonl"):
        load_run(folder)


def test_results_of_another_run_do_not_count(folder: Path) -> None:
    (results,) = folder.glob("results_*.json")
    content = json.loads(results.read_text())
    content["selfreward"]["fingerprint"] = "other"
    results.write_text(json.dumps(content))
    with pytest.raises(
        RunFolderError, match=r"results_.*\.json is of another run; run the same command again"
    ):
        load_run(folder)
    results.rename(folder / "results_2027-01-01T00-00-00.json")
    with pytest.raises(RunFolderError, match="none of its 1 results files is of this run"):
        load_run(folder)
    (folder / "results_2027-01-01T00-00-00.json").unlink()
    with pytest.raises(RunFolderError, match=r"it has no results_\*\.json"):
        load_run(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "has schema 2, this version reads 1"),
        ({"tasks": {"toy": {}}}, "written in another layout"),
        ({"tasks": None}, "written in another layout"),
    ],
)
def test_results_of_another_layout_are_refused(folder: Path, change: dict[str, object], message: str) -> None:
    (results,) = folder.glob("results_*.json")
    content = json.loads(results.read_text())
    content["selfreward"].update(change)
    results.write_text(json.dumps(content))
    with pytest.raises(RunFolderError, match=message):
        load_run(folder)


def test_damaged_results_are_named(folder: Path) -> None:
    (results,) = folder.glob("results_*.json")
    results.write_text("{")
    with pytest.raises(RunFolderError, match=r"results_.*\.json is damaged"):
        load_run(folder)
