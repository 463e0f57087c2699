"""``merge``: a run finished from what its shards recorded, on one disk or on several."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from selfreward_eval.harness.errors import InputError, RunFolderError
from selfreward_eval.harness.runs.merging import merge_run
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import Finished, Shard, run
from selfreward_eval.harness.runs.store import RunFolder
from selfreward_eval.harness.task import limited
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval


def share(out: Path, shard: Shard | None = None, seed: int = 0, model: DummyModel | None = None) -> Finished:
    return run(model or DummyModel(), [ShapesGenEval()], out, limit=3, seed=seed, shard=shard)


@pytest.fixture
def machines(tmp_path: Path) -> list[Path]:
    """Run folders of three shards, each on a disk of its own."""
    return [share(tmp_path / f"disk{index}", Shard(index, 3)).folder for index in range(3)]


def samples(folder: Path) -> list[dict[str, object]]:
    (path,) = folder.glob("samples_*.jsonl")
    return [json.loads(line) | {"timing": None} for line in path.read_text().splitlines()]


def test_folders_of_several_machines_become_one_run(machines: list[Path], tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in machines[1].rglob("*") if path.is_file()}
    merged = merge_run(machines[0], machines[1:], [ShapesGenEval()])
    one = share(tmp_path / "one")
    assert samples(machines[0]) == samples(one.folder)
    assert merged.scores == one.scores == load_run(machines[0]).scores
    assert {path: path.read_bytes() for path in before} == before
    pictures = {path.name: path.read_bytes() for path in one.folder.rglob("*.png")}
    assert {path.name: path.read_bytes() for path in machines[0].rglob("*.png")} == pictures


def test_a_folder_merged_twice_adds_nothing(machines: list[Path]) -> None:
    first = merge_run(machines[0], machines[1:], [ShapesGenEval()])
    again = merge_run(machines[0], machines[1:], [ShapesGenEval()])
    assert (first.reused > 0, again.reused) == (True, 0)
    assert again.results_path == first.results_path


def test_missing_samples_are_counted(machines: list[Path]) -> None:
    lacking = 12 - sum(len(list(folder.rglob("*.png"))) for folder in machines[:2])
    with pytest.raises(RunFolderError, match=f"lacks {lacking} of 12 samples of 'shapes_geneval'"):
        merge_run(machines[0], machines[1:2], [ShapesGenEval()])
    # What was copied stays: the third folder alone is enough now.
    merge_run(machines[0], machines[2:], [ShapesGenEval()])


def test_a_number_replaces_a_failure_of_another_machine(tmp_path: Path) -> None:
    item = limited(ShapesGenEval().items(), 3)[1]
    failing = share(tmp_path / "a", Shard(0, 1), model=DummyModel(missing=item.text)).folder
    whole = share(tmp_path / "b", Shard(0, 1), model=DummyModel()).folder
    # One identity, so that only the number decides.
    manifest = json.loads((failing / "run.json").read_text())
    manifest["identity"] = json.loads((whole / "run.json").read_text())["identity"]
    (failing / "run.json").write_text(json.dumps(manifest))
    assert merge_run(failing, [whole], [ShapesGenEval()]).reused == 4
    assert samples(failing) == samples(whole)


def test_another_run_is_refused(machines: list[Path], tmp_path: Path) -> None:
    other = share(tmp_path / "other", Shard(0, 3), seed=1).folder
    with pytest.raises(RunFolderError, match=r"holds another run \(seed: 0 there, 1 here"):
        merge_run(machines[0], [other], [ShapesGenEval()])


def test_a_folder_named_twice_is_refused(machines: list[Path]) -> None:
    with pytest.raises(InputError, match="is named twice"):
        merge_run(machines[0], [machines[0]], [ShapesGenEval()])


def test_a_changed_picture_is_not_copied(machines: list[Path]) -> None:
    next(machines[1].rglob("*.png")).write_bytes(b"another")
    with pytest.raises(InputError, match="is not the picture that was recorded"):
        merge_run(machines[0], machines[1:], [ShapesGenEval()])


def test_a_missing_picture_is_named(machines: list[Path]) -> None:
    next(machines[1].rglob("*.png")).unlink()
    with pytest.raises(InputError, match="cannot be read"):
        merge_run(machines[0], machines[1:], [ShapesGenEval()])


def test_a_picture_outside_the_folder_is_refused(machines: list[Path]) -> None:
    (part,) = machines[1].glob("samples_*.jsonl")
    line = json.loads(part.read_text().splitlines()[0]) | {"image": "../../secret.png"}
    part.write_text(json.dumps(line) + "\n")
    with pytest.raises(RunFolderError, match=r"names the picture '../../secret.png'"):
        merge_run(machines[0], machines[1:], [ShapesGenEval()])


def test_a_folder_that_is_being_written_is_refused(machines: list[Path]) -> None:
    identity = json.loads((machines[1] / "run.json").read_text())["identity"]
    with RunFolder(machines[1], identity, {}, part="1of3"), pytest.raises(RunFolderError, match="is writing"):
        merge_run(machines[0], machines[1:], [ShapesGenEval()])
