"""compare_runs, gate and build_leaderboard: folders or runs in, the records of the command line out."""

from __future__ import annotations

from pathlib import Path

import pytest

import selfreward_eval as se
from selfreward_eval.harness.errors import UsageError

POLICY = '[[rule]]\ntask = "shapes_geneval"\nmargin = 0.5\n'


def test_folders_and_loaded_runs_give_the_same_comparison(runs: tuple[Path, Path]) -> None:
    a, b = runs
    assert se.compare_runs(a, str(b)) == se.compare_runs(se.load_run(a), se.load_run(b))
    assert se.compare_runs(a, b).tasks["shapes_geneval"].overall.effect == 0.0


def test_files_are_written_where_a_path_is_given(runs: tuple[Path, Path], tmp_path: Path) -> None:
    se.compare_runs(*runs, output_path=tmp_path, plots=True)
    names = {path.name for path in tmp_path.rglob("*")}
    assert {"compare_first_vs_second.json", "compare_first_vs_second.html"} <= names
    assert any(name.endswith(".svg") for name in names)


def test_plots_without_a_path_are_refused(runs: tuple[Path, Path]) -> None:
    with pytest.raises(UsageError, match="plots need an output path"):
        se.compare_runs(*runs, plots=True)


@pytest.mark.parametrize("sequential", [False, True])
def test_a_policy_judges_two_runs(runs: tuple[Path, Path], tmp_path: Path, sequential: bool) -> None:
    policy = tmp_path / "gate.toml"
    policy.write_text(POLICY)
    outcome = se.gate(*runs, policy, sequential=sequential)
    assert [finding.rule for finding in outcome.findings] == ["shapes_geneval margin"]
    assert outcome.exit_code == {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}[outcome.verdict]


def test_a_leaderboard_is_built_from_a_folder_of_runs(runs: tuple[Path, Path], tmp_path: Path) -> None:
    built = se.build_leaderboard(str(runs[0].parent), tmp_path / "site", title="Ours")
    assert built.runs == 2
    assert "Ours" in (tmp_path / "site" / "index.html").read_text()
