"""``run --shard``, ``run --phase`` and ``merge`` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RUN = ("run", "--model", "dummy", "--limit", 3, "-o")


@pytest.mark.parametrize("json_", [False, True])
def test_the_last_shard_prints_the_results(command: Callable[..., Any], tmp_path: Path, json_: bool) -> None:
    flags = ["--json"] if json_ else []
    first = command(*RUN, tmp_path, "--shard", "0/2", *flags)
    assert first.code == 0
    if json_:
        told = json.loads(first.out)
        assert (told["results"], told["samples_left"]) == (None, 12 - told["pictures_drawn"])
    else:
        assert "the last shard to end writes the results" in first.out
    assert not (tmp_path / "dummy" / "report.html").exists()
    last = command(*RUN, tmp_path, "--shard", "1/2", *flags)
    assert (last.code, "results_" in last.out) == (0, True)
    assert (tmp_path / "dummy" / "report.html").exists()


def test_auto_reads_the_launcher_s_variables(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert command(*RUN, tmp_path, "--shard", "auto").code == 0
    assert list((tmp_path / "dummy").glob("*.part-1of2.jsonl"))


def test_drawing_and_measuring_apart(command: Callable[..., Any], tmp_path: Path) -> None:
    drawn = command(*RUN, tmp_path, "--phase", "draw")
    assert (drawn.code, "--phase measure measures what is drawn" in drawn.out) == (0, True)
    measured = command(*RUN, tmp_path, "--phase", "measure", "--json")
    assert json.loads(measured.out)["pictures_drawn"] == 0


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--shard", "2/2"], "there is no shard 2/2; shards are numbered from 0: 0/2 to 1/2"),
        (["--shard", "half"], "give i/n, such as 0/4, or auto"),
        (["--phase", "mesure"], "did you mean measure?"),
    ],
)
def test_a_wrong_option_writes_nothing(
    command: Callable[..., Any], tmp_path: Path, flags: list[str], told: str
) -> None:
    outcome = command(*RUN, tmp_path, *flags)
    assert (outcome.code, told in outcome.err) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_merge_needs_no_arguments_of_tasks(command: Callable[..., Any], tmp_path: Path) -> None:
    """The shards recorded them."""
    for index in range(2):
        command(*RUN, tmp_path / str(index), "--shard", f"{index}/2")
    folders = [tmp_path / str(index) / "dummy" for index in range(2)]
    short = command("merge", folders[0])
    assert (short.code, "lacks" in short.err) == (4, True)
    merged = command("merge", *folders, "--json")
    assert (merged.code, merged.err) == (0, "")
    assert json.loads(merged.out)["tasks"].keys() == {"shapes_geneval"}
    assert (folders[0] / "report.html").exists()


def test_merge_of_no_run_is_refused(command: Callable[..., Any], tmp_path: Path) -> None:
    outcome = command("merge", tmp_path)
    assert (outcome.code, "is not a run folder" in outcome.err) == (4, True)
