"""``selfreward-eval rescore`` as a user meets it: recorded words, read again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from selfreward_eval.harness.instruments.judge_panel import PanelJudge
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.harness.testing.scripted_judge import ScriptedJudge
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval
from selfreward_eval.tasks.shapes.reasonbench.task import ShapesReasonBench

if TYPE_CHECKING:
    from selfreward_eval.harness.task import Task

Command = Callable[..., Any]


def judged(folder: Path, lines: list[dict[str, Any]], parser: str = "tolerant", *more: Task) -> Path:
    """A run of 8 pictures whose judge said what ``lines`` say."""
    script = folder / "script.jsonl"
    script.write_text("".join(json.dumps(line) + "\n" for line in lines))
    task = ShapesReasonBench("judge_scripted", {"script": str(script)}, parser)
    return run(DummyModel(), [task, *more], folder / "runs", limit=8).folder


DESCRIBE = {"contains": ["Describe"], "reply": "A picture."}


def scores(count: int, value: float, before: str = "") -> dict[str, Any]:
    """The line that answers blocks of ``count`` questions."""
    told = json.dumps({"reason": [], "score": [value] * count})
    return {"contains": [f"there are {count} in all"], "reply": before + told}


def chatty() -> list[dict[str, Any]]:
    """A judge that always gives a half, in words around the JSON that only some parsers accept."""
    blocks = [scores(count, 0.5, "Here you are: ") for count in range(1, 7)]
    return [*blocks, DESCRIBE]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return judged(tmp_path, chatty())


def content(command: Command, *arguments: object) -> dict[str, Any]:
    outcome = command("rescore", *arguments, "--json")
    assert outcome.code == 0, outcome.err
    found: dict[str, Any] = json.loads(outcome.out)["tasks"]["shapes_t2i_reasonbench"]
    return found


def test_read_the_same_way_nothing_changes(command: Command, folder: Path) -> None:
    found = content(command, folder)
    assert found["rescored"] == found["recorded"]
    assert found["recorded"]["overall"]["value"] == 0.5
    assert (found["samples_with_replies"], found["samples_changed"]) == (8, 0)


def test_a_stricter_parser_leaves_no_number(command: Command, folder: Path) -> None:
    found = content(command, folder, "--task-args", "parser=strict")
    assert found["recorded"]["overall"]["value"] == 0.5
    assert found["rescored"]["overall"]["value"] is None
    assert found["status_changes"] == [{"recorded": "success", "rescored": "judge_parse_error", "samples": 8}]


def test_what_could_not_be_read_gets_its_number(command: Command, tmp_path: Path) -> None:
    folder = judged(tmp_path, chatty(), "strict")
    found = content(command, folder, "--task-args", "shapes_t2i_reasonbench.parser=tolerant")
    assert found["recorded"]["overall"]["value"] is None
    assert found["rescored"]["overall"]["value"] == 0.5


def test_the_parser_of_the_run_holds_unless_another_is_asked_for(command: Command, tmp_path: Path) -> None:
    found = content(command, judged(tmp_path, chatty(), "strict"))
    assert found["settings"] == {"parser": "strict"}
    assert found["samples_changed"] == 0


def test_neither_the_judge_nor_its_script_is_needed(command: Command, folder: Path) -> None:
    (folder.parent.parent / "script.jsonl").unlink()
    assert content(command, folder)["rescored"]["overall"]["value"] == 0.5


def test_a_failed_call_stays_one(command: Command, tmp_path: Path) -> None:
    folder = judged(tmp_path, [{"contains": ["Describe"], "error": "no line"}])
    found = content(command, folder, "--task-args", "parser=strict")
    assert found["rescored"]["failures"] == {"judge_transport_error": 8}
    assert found["rescored"]["overall"]["value"] is None


def test_the_screen_shows_both_numbers_and_what_moved(command: Command, folder: Path) -> None:
    outcome = command("rescore", folder, "--task-args", "parser=strict")
    overall = next(line for line in outcome.out.splitlines() if "overall" in line)
    assert "0.500" in overall
    assert "absent" in overall
    assert "0.000 to 1.000" in overall
    assert "8 of 8 samples with replies changed" in outcome.out
    assert "8 from success to judge_parse_error" in outcome.out


def test_nothing_is_written_unless_asked(command: Command, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    command("rescore", folder, "--task-args", "parser=strict")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_folder_gets_a_record_named_after_the_parser(
    command: Command, folder: Path, tmp_path: Path
) -> None:
    command("rescore", folder, "--task-args", "parser=strict", "--output", tmp_path / "out")
    record = json.loads((tmp_path / "out" / "rescored_strict.json").read_text())
    samples = record["tasks"]["shapes_t2i_reasonbench"]["samples"]
    assert {one["status"] for one in samples} == {"judge_parse_error"}
    assert len(samples) == 8


def test_the_run_s_own_files_are_not_overwritten(command: Command, folder: Path) -> None:
    outcome = command("rescore", folder, "--output", folder / "run.json")
    assert (outcome.code, len(outcome.errors)) == (2, 1)
    assert "a file of the run itself" in outcome.errors[0]


def test_a_panel_s_agreement_is_told(command: Command, tmp_path: Path) -> None:
    scripts = {"a": tmp_path / "a.jsonl", "b": tmp_path / "b.jsonl"}
    for path, value in zip(scripts.values(), (1.0, 0.5), strict=True):
        lines = [*(scores(count, value) for count in range(1, 7)), DESCRIBE]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    members = {name: ScriptedJudge(script=path) for name, path in scripts.items()}
    task = ShapesReasonBench(PanelJudge(members))
    folder = run(DummyModel(), [task], tmp_path / "runs", limit=8).folder
    found = content(command, folder)
    # Eight pairs of 1 and 0.5: observed 16 * 0.125 = 2, all together 16 * 0.0625 = 1; 1 - 15 * 2 / 16.
    assert found["agreement"] == {"alpha": -0.875, "samples": 8, "failed": [0, 0]}
    assert found["rescored"]["overall"]["value"] == 1.0
    assert "agreement of 2 replies (Krippendorff's alpha): -0.875" in command("rescore", folder).out


def test_a_task_without_a_judge_is_left_out_and_told(command: Command, tmp_path: Path) -> None:
    folder = judged(tmp_path, chatty(), "tolerant", ShapesGenEval())
    outcome = command("rescore", folder, "--json")
    assert set(json.loads(outcome.out)["tasks"]) == {"shapes_t2i_reasonbench"}
    assert "no judge's replies to read again in shapes_geneval" in outcome.err


def test_a_run_without_judged_tasks_is_refused(command: Command, tmp_path: Path) -> None:
    folder = run(DummyModel(), [ShapesGenEval()], tmp_path, limit=6).folder
    outcome = command("rescore", folder)
    assert outcome.code == 2
    assert "has no judged task (shapes_geneval)" in outcome.errors[0]


@pytest.mark.parametrize(("arguments", "fault"), [("parser=lenient", "lenient"), ("volume=3", "volume")])
def test_a_wrong_argument_is_named(command: Command, folder: Path, arguments: str, fault: str) -> None:
    outcome = command("rescore", folder, "--task-args", arguments)
    assert outcome.code == 2
    assert fault in outcome.errors[0]


def test_a_damaged_reply_names_its_sample(command: Command, folder: Path) -> None:
    (path,) = folder.glob("samples_*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[2]["evidence"]["replies"] = 3
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    outcome = command("rescore", folder)
    assert outcome.code == 4
    assert lines[2]["prompt_id"] in outcome.errors[0]


def labels_of(folder: Path, path: Path, score: float, *, most: int = 8) -> Path:
    """People's scores of the samples of a run."""
    from selfreward_eval.harness.runs.reader import load_run

    ids = [record.item.id for record in load_run(folder).records["shapes_t2i_reasonbench"]][:most]
    path.write_text("item,index,score\n" + "".join(f"{name},0,{score}\n" for name in ids))
    return path


def test_a_label_of_an_unknown_item_is_told_with_its_line(
    command: Command, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("item,index,score\nnowhere,0,1\n")
    outcome = command("rescore", folder, "--labels", path)
    assert outcome.code == 4
    assert "labels.csv:2: 'nowhere' is no item of the run" in outcome.err


def test_a_label_outside_the_range_is_told_with_its_line(
    command: Command, folder: Path, tmp_path: Path
) -> None:
    outcome = command("rescore", folder, "--labels", labels_of(folder, tmp_path / "labels.csv", 7.0))
    assert outcome.code == 4
    assert "labels.csv:2 has score = 7" in outcome.err


def test_too_few_labels_in_a_category_are_refused_by_name(
    command: Command, folder: Path, tmp_path: Path
) -> None:
    outcome = command("rescore", folder, "--labels", labels_of(folder, tmp_path / "labels.csv", 1.0))
    assert outcome.code == 2
    assert "5 labels or more in each" in outcome.err


def test_labels_correct_the_judge_where_categories_have_enough(command: Command, tmp_path: Path) -> None:
    script = tmp_path / "script.jsonl"
    script.write_text("".join(json.dumps(line) + "\n" for line in chatty()))
    task = ShapesReasonBench("judge_scripted", {"script": str(script)}, "tolerant")
    folder = run(DummyModel(), [task], tmp_path / "runs", limit=40).folder
    labels = labels_of(folder, tmp_path / "labels.csv", 1.0, most=40)
    people = content(command, folder, "--labels", labels)["people"]
    assert people["labels"] == 40
    # The judge gave a half to all, which no label differs from in its own way: the people decide.
    assert people["corrected"]["value"] == 1.0
    assert "the labels speak alone" in people["corrected"]["why"]
    shown = command("rescore", folder, "--labels", labels)
    assert "judge alone: 0.500" in shown.out
    assert "corrected by people: 1.000 (" in shown.out
