"""A run that was stopped goes on where it stopped, and ends as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.errors import RunFolderError
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import Finished, run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

COMMAND = [sys.executable, "-c", "from selfreward_eval.cli.main import main; main()"]


def draw(model: DummyModel, out: Path, batch_size: int = 7) -> Finished:
    return run(model, [ShapesGenEval()], out, limit=6, batch_size=batch_size)


def lines(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.glob("samples_*.jsonl")
    return [json.loads(line) | {"timing": None} for line in path.read_text().splitlines()]


def pictures(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.glob("images/**/*") if p.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """24 samples that nothing disturbs."""
    return draw(DummyModel(), tmp_path_factory.mktemp("whole"))


@pytest.fixture
def half(tmp_path: Path) -> Finished:
    """A run whose last 10 lines are gone, as if it had been killed before them."""
    finished = draw(DummyModel(), tmp_path)
    (path,) = finished.folder.glob("samples_*.jsonl")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:14]))
    return finished


@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_run_killed_at_any_write_ends_like_an_undisturbed_one(tmp_path: Path, batch_size: int) -> None:
    script = Path(__file__).with_name("killed_at_every_write.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), str(batch_size)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    # The manifest twice, the results, and for each of 8 samples a picture and a line.
    assert (report["writes"], report["pictures"]) == (19, 8)
    assert report["unlike"] == []
    assert report["twice"] == []


def test_a_command_killed_half_way_and_given_again_does_nothing_twice(
    whole: Finished, tmp_path: Path
) -> None:
    log, out = tmp_path / "log", tmp_path / "out"
    arguments = ["run", "--model", "dummy", "--limit", "6", "--batch-size", "1", "-o", str(out), "--json"]
    command = [*COMMAND, *arguments, "--model-args", f"log={log},seconds=0.02"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not log.exists() or log.read_text().count("\n") < 10:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = lines(out / "dummy") if list(out.glob("*/samples_*")) else []
    assert 5 <= len(before) < 24
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["samples_reused"] >= len(before)
    assert lines(out / "dummy") == lines(whole.folder)
    assert pictures(out / "dummy") == pictures(whole.folder)
    assert summary["tasks"] == {name: scores.to_json() for name, scores in whole.scores.items()}
    # Only the picture in hand when the signal came, not yet written, may have been drawn again.
    times = Counter(log.read_text().splitlines())
    assert len(times) == 24
    assert sum(times.values()) <= 25


def test_a_picture_whose_line_is_missing_is_used_and_not_drawn(whole: Finished, half: Finished) -> None:
    model = DummyModel()
    again = draw(model, half.folder.parent)
    assert model.drawn == []
    assert (again.drawn, again.reused) == (0, 14)
    assert lines(again.folder) == lines(whole.folder)
    assert again.scores == whole.scores


def test_a_torn_last_line_is_measured_again(whole: Finished, half: Finished) -> None:
    (path,) = half.folder.glob("samples_*.jsonl")
    with path.open("a") as file:
        file.write('{"doc_id": 55, "doc": {"prom')
    again = draw(DummyModel(), half.folder.parent)
    assert again.reused == 14
    assert lines(again.folder) == lines(whole.folder)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n", "half", "flipped"])
def test_a_picture_that_is_none_is_drawn_again(whole: Finished, half: Finished, content: bytes | str) -> None:
    name = lines(whole.folder)[20]["image"]
    good = (whole.folder / name).read_bytes()
    if content == "half":
        content = good[: len(good) // 2]
    elif content == "flipped":
        content = good[:30] + bytes([good[30] ^ 0xFF]) + good[31:]
    assert isinstance(content, bytes)
    (half.folder / name).write_bytes(content)
    model = DummyModel()
    again = draw(model, half.folder.parent)
    assert [str(seed) for _, seed in model.drawn] == [Path(name).stem.split("_")[1]]
    assert again.drawn == 1
    assert pictures(again.folder) == pictures(whole.folder)
    assert lines(again.folder) == lines(whole.folder)


def test_a_picture_of_another_format_is_read_for_what_it_is(half: Finished) -> None:
    """Whole, though someone converted it: the record has the hash of what lies there."""
    name = lines(half.folder)[0]["image"]
    (path,) = half.folder.glob("samples_*.jsonl")
    path.unlink()
    with Image.open(half.folder / name) as picture:
        picture.convert("P").save(half.folder / name)
    model = DummyModel()
    draw(model, half.folder.parent)
    assert model.drawn == []
    assert (
        lines(half.folder)[0]["image_sha256"] == hashlib.sha256((half.folder / name).read_bytes()).hexdigest()
    )


def test_what_a_killed_writer_left_half_written_is_removed(half: Finished) -> None:
    picture = half.folder / lines(half.folder)[0]["image"]
    stale = [picture.with_name(f".{picture.name}.1.ab.tmp"), half.folder / ".run.json.1.ab.tmp"]
    mine = half.folder / "notes.tmp"
    for path in (*stale, mine):
        path.write_bytes(b"half")
    draw(DummyModel(), half.folder.parent)
    assert [path.exists() for path in (*stale, mine)] == [False, False, True]


def test_a_deleted_line_in_the_middle_is_filled_in(whole: Finished, half: Finished) -> None:
    (path,) = half.folder.glob("samples_*.jsonl")
    path.write_text("".join(line for k, line in enumerate(path.open()) if k != 3))
    model = DummyModel()
    again = draw(model, half.folder.parent)
    by_id = sorted(lines(again.folder), key=lambda line: line["doc_id"])
    assert by_id == lines(whole.folder)
    assert (model.drawn, again.scores) == ([], whole.scores)


def test_lines_of_other_seeds_are_not_taken_over(half: Finished, tmp_path: Path) -> None:
    """A file of the same run's name with another run's samples: nothing is drawn or measured on top of it."""
    (path,) = half.folder.glob("samples_*.jsonl")
    other = run(DummyModel(), [ShapesGenEval()], tmp_path / "other", limit=6, seed=1)
    (foreign,) = other.folder.glob("samples_*.jsonl")
    path.write_bytes(foreign.read_bytes())
    model = DummyModel()
    with pytest.raises(
        RunFolderError, match=r"which is not of this run \(its seed is \d+, the plan has \d+\)"
    ):
        draw(model, half.folder.parent)
    assert model.drawn == []
    assert path.read_bytes() == foreign.read_bytes()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"doc_id": 100_000}, "the plan has no doc_id 100000"),
        ({"doc_id": 1}, "doc_id 1 is sample 1 of item"),
        ({"image_idx": 7}, "doc_id 0 is sample 0 of item"),
        ({"seed": 3}, "its seed is 3, the plan has"),
        ({"doc": {"prompt": "draw anything"}}, "its prompt, category, cluster or metadata is not the plan's"),
        ({"doc": {"metadata": {}}}, "its prompt, category, cluster or metadata is not the plan's"),
    ],
)
def test_a_line_that_was_never_planned_is_named(half: Finished, changes: dict[str, Any], told: str) -> None:
    (path,) = half.folder.glob("samples_*.jsonl")
    first, *rest = path.read_text().splitlines(keepends=True)
    line = json.loads(first)
    changed = {**line, **changes, "doc": {**line["doc"], **changes.get("doc", {})}}
    path.write_text(json.dumps(changed) + "\n" + "".join(rest))
    with pytest.raises(RunFolderError, match=told):
        draw(DummyModel(), half.folder.parent)


def test_damaged_results_are_written_again(half: Finished) -> None:
    assert half.results_path is not None
    half.results_path.write_text("{")
    again = draw(DummyModel(), half.folder.parent)
    assert load_run(again.folder).scores == again.scores


def test_the_folder_s_manifest_says_when_it_is_done(tmp_path: Path) -> None:
    states: list[str] = []

    class Watching(DummyModel):
        def generate(self, prompts: Any, seeds: Any) -> list[Any]:
            states.append(json.loads((tmp_path / "dummy" / "run.json").read_text())["status"])
            return list(super().generate(prompts, seeds))

    draw(Watching(), tmp_path)
    manifest = json.loads((tmp_path / "dummy" / "run.json").read_text())
    assert set(states) == {"started"}
    assert (manifest["status"], manifest["finished"] > manifest["created"]) == ("success", True)
    assert os.path.exists(tmp_path / "dummy" / f"results_{manifest['created']}.json")
