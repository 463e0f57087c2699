"""What the command line shows of an inventory."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from selfreward_eval.cli.inventory import NAMED, show, survey
from selfreward_eval.harness.models.folder import FolderModel
from selfreward_eval.harness.models.inventory import Extra, Found, Inventory, Missing, TaskInventory
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval


def shown(inventory: Inventory) -> str:
    stream = io.StringIO()
    show(inventory, Console(file=stream, width=100))
    return stream.getvalue()


def inventory(missing: int = 0, extra: int = 0, notes: tuple[str, ...] = ()) -> Inventory:
    share = TaskInventory(
        tuple(Found(f"f{k}", 0, f"f{k}.png") for k in range(3)),
        tuple(Missing(f"m{k}", k, "a [red] bus", f"m{k}.png") for k in range(missing)),
        beyond_limit=2,
    )
    extras = tuple(Extra(f"e{k}.png", "nobody asks") for k in range(extra))
    return Inventory("some/[bold]folder", "geneval", 9, {"toy": share}, extras, notes)


def test_a_complete_folder_is_one_table() -> None:
    text = shown(inventory())
    assert "9 pictures in some/[bold]folder, layout geneval" in text
    assert [cell.strip() for cell in text.splitlines()[4].strip("│").split("│")] == [
        "toy",
        "3",
        "3",
        "0",
        "2",
    ]
    assert "inventory.json" not in text
    assert "missing for" not in text


def test_what_is_missing_is_counted_and_the_first_are_named() -> None:
    text = shown(inventory(missing=NAMED + 2))
    assert "7 pictures are missing for toy:" in text
    assert "  m0, index 0 ('a [red] bus'): m0.png" in text
    assert f"m{NAMED}, index" not in text
    assert "  and 2 more" in text
    assert "all of them are in inventory.json in the run folder" in text


def test_what_is_extra_is_counted_and_named() -> None:
    text = shown(inventory(extra=2, notes=("a note",)))
    assert "2 pictures are asked for by no item:" in text
    assert "  e1.png: nobody asks" in text
    assert "more" not in text
    assert "note: a note" in text


def test_a_text_from_the_folder_cannot_steer_the_terminal() -> None:
    text = shown(inventory(notes=("\x1b[2Jgone\nagain",)))
    assert r"note: \x1b[2Jgone\nagain" in text


def test_it_is_shown_on_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = ShapesGenEval()
    file = tmp_path / "samples" / f"{task.items()[0].text}_000000.png"
    file.parent.mkdir()
    Image.new("RGB", (8, 8)).save(file)
    found = survey(FolderModel(str(tmp_path)), [task], 6)
    captured = capsys.readouterr()
    assert found is not None
    assert len(found.tasks["shapes_geneval"].missing) == 23
    assert "23 pictures are missing for shapes_geneval:" in captured.err
    assert captured.out == ""


def test_a_model_that_draws_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert survey(DummyModel(), [ShapesGenEval()], None) is None
    assert capsys.readouterr().err == ""
