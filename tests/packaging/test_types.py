"""Type checkers of other projects see this package's types, from an editable install too."""

from __future__ import annotations

import re
from pathlib import Path

from support.installing import environment, python
from support.paths import ROOT

USER = """
import selfreward_eval as se

finished = se.run("tiny", ["shapes_geneval"], limit=4)
reveal_type(finished)
reveal_type(se.load_run(finished.folder))
reveal_type(se.compare_runs("a", "b"))
reveal_type(se.gate("a", "b"))
reveal_type(se.reward("a", "dsr", "rewards"))
reveal_type(se.build_leaderboard(["a"], "site"))
reveal_type(finished.scores["shapes_geneval"].overall.value)
se.rnu
se.run("tiny", limits=4)
"""
REVEALED = ["Finished", "Run", "Comparison", "Outcome", "Rewarded", "Built", "float | None"]


def test_an_editable_install_puts_one_folder_on_the_path_and_one_package_is_in_it() -> None:
    """Then it is a plain line in a .pth file, which type checkers and editors follow."""
    packages = [path.name for path in (ROOT / "src").iterdir() if path.suffix != ".egg-info"]
    assert packages == ["selfreward_eval"]
    assert (ROOT / "src" / "selfreward_eval" / "py.typed").is_file()


def test_mypy_in_another_project_resolves_the_types(tmp_path: Path) -> None:
    """MYPYPATH stands in for the .pth line: the tests may run without an installation.

    Types of other packages are left out, because reading them takes a minute.
    """
    (tmp_path / "user.py").write_text(USER)
    env = {**environment(here=False), "MYPYPATH": str(ROOT / "src")}
    alone = ("--follow-imports=silent", "--no-site-packages", "--ignore-missing-imports")
    done = python(["-m", "mypy", *alone, "user.py"], tmp_path, env)
    revealed = re.findall(r'Revealed type is "(.+)"', done.stdout)
    assert [re.sub(r"\b(?:[a-z_]+\.)+", "", text) for text in revealed] == REVEALED, done.stdout
    errors = re.findall(r"error: (.+)", done.stdout)
    assert len(errors) == 2
    assert 'has no attribute "rnu"' in errors[0]
    assert 'Unexpected keyword argument "limits" for "run"' in errors[1]
