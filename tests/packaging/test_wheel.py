"""What a wheel installs: one name, every data file, and a package that works from there."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest
from support.installing import environment, install, python
from support.paths import ROOT

pytestmark = pytest.mark.slow

ROOMS = ("harness", "tasks", "rewarders", "trainers", "leaderboards")
LEFT = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "build", "dist", "results", "demo", "training"
)
WORKS = """
from pathlib import Path
import selfreward_eval as se
from selfreward_eval.harness.models.tiny import WEIGHTS
print(Path(se.__file__).parent)
assert sum(path.stat().st_size for path in WEIGHTS.rglob("*.safetensors")) > 1e6
runs = [se.run("dummy", "shapes_geneval", model_args={"name": name}, limit=6).folder for name in "ab"]
se.compare_runs(*runs, output_path="page.html")
print(se.build_leaderboard(runs, "site").runs, Path("page.html").stat().st_size > 10_000)
"""


def built(source: Path, kind: str, out: Path) -> Path:
    """What setuptools builds from a folder, without network."""
    out.mkdir()
    program = f"import setuptools.build_meta as backend; backend.build_{kind}({str(out)!r})"
    done = python(["-c", program], source, environment(here=False))
    assert done.returncode == 0, done.stderr
    (file,) = out.iterdir()
    return file


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository: building leaves files behind."""
    return shutil.copytree(ROOT, tmp_path_factory.mktemp("copy") / "source", symlinks=True, ignore=LEFT)


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    return built(source, "wheel", source.parent / "wheel")


def names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def test_it_adds_one_name(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in names(wheel)}
    assert tops == {"selfreward_eval", "selfreward_eval-0.1.0.dist-info"}


def test_it_holds_every_file_of_every_room(wheel: Path, source: Path) -> None:
    files = [path for room in ROOMS for path in (source / room).rglob("*") if path.is_file()]
    wanted = {f"selfreward_eval/{path.relative_to(source).as_posix()}" for path in files}
    assert len(wanted) > 400
    assert wanted - names(wheel) == set()


def test_a_wheel_from_the_source_archive_is_the_same(wheel: Path, source: Path) -> None:
    archive = built(source, "sdist", source.parent / "sdist")
    with tarfile.open(archive) as packed:
        packed.extractall(source.parent / "unpacked", filter="data")
    (unpacked,) = (source.parent / "unpacked").iterdir()
    assert names(built(unpacked, "wheel", source.parent / "second")) == names(wheel)


def test_it_works_where_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    target = install(wheel, tmp_path / "target")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = python(["-c", WORKS], elsewhere, environment(target, here=False))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(target / "selfreward_eval"), "2", "True"]
