"""Rendered pictures of the shapes world, left by another program, scored by the runner."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.errors import InputError, NotComparable, RunFolderError
from selfreward_eval.harness.models.folder import FolderModel
from selfreward_eval.harness.runs.giving_up import GIVE_UP
from selfreward_eval.harness.runs.run import Finished, run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.requests import evaluation, realise

TASK = ShapesGenEval()
NAME = TASK.info.name
LIMIT = 12
LAYOUTS = ["geneval", "t2i_compbench", "jsonl"]


def perfect(position: int, index: int) -> Image.Image:
    """A picture that is right."""
    scene = realise(np.random.default_rng([position, index]), evaluation()[position][1], avoid_unseen=False)
    assert scene is not None
    return Image.fromarray(render(scene))


@pytest.fixture(params=LAYOUTS)
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Four right pictures of the first items of two tags, in each layout in turn."""
    root = tmp_path / "made"
    rows = []
    wanted = [p for p, item in enumerate(TASK.items()) if item.id in few()]
    within: Counter[str] = Counter()
    for position, item in enumerate(TASK.items()):
        place = within[item.category]
        within[item.category] += 1
        if position not in wanted:
            continue
        for index in range(4):
            path = {
                "geneval": Path(item.id, "samples", f"{index:05d}.png"),
                "t2i_compbench": Path(item.category, "samples", f"{item.text}_{place * 4 + index:06d}.png"),
                "jsonl": Path(f"{position}_{index}.png"),
            }[request.param]
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            perfect(position, index).save(root / path)
            rows.append({"id": item.id, "prompt": item.text, "image_path": str(path), "index": index})
        if request.param == "geneval":
            (root / item.id / "metadata.jsonl").write_text(json.dumps(item.metadata))
    if request.param == "jsonl":
        (root / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def few() -> set[str]:
    """The items that the limit takes."""
    from selfreward_eval.harness.task import limited

    return {item.id for item in limited(TASK.items(), LIMIT)}


def score(root: Path, out: Path, **options: Any) -> Finished:
    return run(FolderModel(str(root)), [ShapesGenEval()], out, limit=LIMIT, **options)


def lines(finished: Finished) -> list[dict[str, Any]]:
    (path,) = finished.folder.glob("samples_*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def files(root: Path) -> list[Path]:
    return sorted(root.rglob("*.png"))


def test_right_pictures_score_one(made: Path, tmp_path: Path) -> None:
    finished = score(made, tmp_path / "out")
    overall = finished.scores[NAME].overall
    assert (overall.value, overall.n_scored, overall.coverage) == (1.0, 48, 1.0)
    assert finished.folder.name == "made"


def test_the_run_keeps_the_very_pixels_it_was_given(made: Path, tmp_path: Path) -> None:
    finished = score(made, tmp_path / "out")
    for line in lines(finished):
        with Image.open(finished.folder / line["image"]) as picture:
            expected = perfect(int(line["prompt_id"]), line["image_idx"])
            assert picture.tobytes() == expected.tobytes()


@pytest.mark.parametrize("batch_size", [1, 32])
def test_missing_and_damaged_pictures_are_statuses_and_counted(
    made: Path, tmp_path: Path, batch_size: int
) -> None:
    gone, damaged = files(made)[:3], files(made)[3]
    for file in gone:
        file.unlink()
    damaged.write_bytes(damaged.read_bytes()[:100])
    finished = score(made, tmp_path / "out", batch_size=batch_size)
    scores = finished.scores[NAME]
    assert scores.failures == {"missing_image": 3, "unreadable_image": 1}
    assert (scores.overall.n_scored, scores.overall.n_expected) == (44, 48)
    failed = [line for line in lines(finished) if line["status"] != "success"]
    assert all("accuracy" not in line and line["image"] is None for line in failed)
    reasons = {line["status"]: line["reason"] for line in failed}
    assert "looked for" in reasons["missing_image"]
    assert "cannot be read: it is damaged" in reasons["unreadable_image"]


def test_the_inventory_lies_in_the_run_folder(made: Path, tmp_path: Path) -> None:
    files(made)[0].unlink()
    finished = score(made, tmp_path / "out")
    inventory = json.loads((finished.folder / "inventory.json").read_text())
    share = inventory["tasks"][NAME]
    assert (share["n_expected"], share["n_found"], share["n_missing"]) == (48, 47, 1)
    (missing,) = share["missing"]
    (line,) = [line for line in lines(finished) if line["status"] == "missing_image"]
    assert (missing["item_id"], missing["index"]) == (line["prompt_id"], line["image_idx"])
    assert {(one["item_id"], one["index"]) for one in share["found"]} == {
        (line["prompt_id"], line["image_idx"]) for line in lines(finished) if line["status"] == "success"
    }


def test_nothing_is_read_again_in_a_finished_run(made: Path, tmp_path: Path) -> None:
    files(made)[0].unlink()
    first = score(made, tmp_path / "out")
    again = score(made, tmp_path / "out")
    assert (first.drawn, again.drawn, again.reused) == (47, 0, 48)
    assert again.scores == first.scores


def test_a_folder_that_was_completed_is_another_run(made: Path, tmp_path: Path) -> None:
    gone = files(made)[0]
    content = gone.read_bytes()
    gone.unlink()
    score(made, tmp_path / "out")
    gone.write_bytes(content)
    with pytest.raises(RunFolderError, match=r"holds another run \(model.pictures: 47 there, 48 here"):
        score(made, tmp_path / "out")


def test_many_missing_pictures_first_do_not_stop_the_run(made: Path, tmp_path: Path) -> None:
    for line in lines(score(made, tmp_path / "whole"))[: 2 * GIVE_UP]:
        wanted = perfect(int(line["prompt_id"]), line["image_idx"]).tobytes()
        for file in files(made):
            if Image.open(file).tobytes() == wanted:
                file.unlink()
                break
    finished = score(made, tmp_path / "less", batch_size=4)
    assert finished.scores[NAME].failures["missing_image"] == 2 * GIVE_UP
    assert finished.scores[NAME].overall.n_scored == 48 - 2 * GIVE_UP


def test_a_folder_without_any_of_the_pictures_writes_nothing(tmp_path: Path) -> None:
    picture = tmp_path / "made/samples/a zebra_000000.png"
    picture.parent.mkdir(parents=True)
    perfect(0, 0).save(picture)
    with pytest.raises(InputError, match="has no picture for any of the 48 samples of task 'shapes_geneval'"):
        score(tmp_path / "made", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_folders_are_comparable_and_a_folder_and_a_model_are_not(made: Path, tmp_path: Path) -> None:
    from selfreward_eval.harness.comparing.compare import compare_runs
    from selfreward_eval.harness.runs.reader import load_run

    first = score(made, tmp_path / "first")
    for file in files(made)[::3]:
        Image.new("RGB", (48, 48), (240, 240, 240)).save(file)
    second = score(made, tmp_path / "second")
    overall = compare_runs(load_run(first.folder), load_run(second.folder)).tasks[NAME].overall
    assert overall.effect == pytest.approx(-1 / 3, abs=0.1)
    drawn = run(DummyModel(), [ShapesGenEval()], tmp_path / "third", limit=LIMIT)
    with pytest.raises(NotComparable, match=r"model.generation.drawn: \"elsewhere\" != absent"):
        compare_runs(load_run(first.folder), load_run(drawn.folder))


def test_the_page_of_such_a_run_can_be_written(made: Path, tmp_path: Path) -> None:
    from selfreward_eval.harness.report import write_run_page

    files(made)[0].unlink()
    page = write_run_page(score(made, tmp_path / "out").folder).read_text()
    assert "missing_image" in page or "missing image" in page
