"""How a model was trained, on its page of the site: whose record is shown, and what of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.watched_pages import watched

from selfreward_eval.harness.comparing.compare import compare_runs, load_run
from selfreward_eval.harness.errors import InputError
from selfreward_eval.leaderboards import build_leaderboard
from selfreward_eval.leaderboards.training_records import public, training_extracts
from selfreward_eval.trainers.record import Arm, TrainingRecord

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MakeRun = Callable[..., Path]
MakeMarks = Callable[..., Any]
Train = Callable[..., Path]

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
START, TRAINED, MIDDLE = "sha256:aaaa", "sha256:bbbb", "sha256:cccc"


@pytest.fixture
def train(make_run: MakeRun, make_marks: MakeMarks, tmp_path: Path) -> Train:
    """``train(**changes)``: the folder of a training run, with its runs before, half-way and after."""

    def made(**changes: Any) -> Path:
        folder = tmp_path / "runs" / "training"
        places = {START: "before/start", MIDDLE: "at-24/start-grpo", TRAINED: "after/guidance-2/start-grpo"}
        runs = {
            revision: make_run(
                f"training/{place}",
                make_marks(rate, 20, seed=4),
                model=place.rpartition("/")[2],
                identity={"model.revision": revision},
            )
            for (revision, place), rate in zip(places.items(), (0.4, 0.5, 0.6), strict=True)
        }
        comparison = compare_runs(load_run(runs[START]), load_run(runs[TRAINED]))
        values: dict[str, Any] = {
            "name": "start-grpo-s7",
            "model": {"name": "start", "revision": START},
            "trainer": {
                "name": "dsr_grpo",
                "version": "1",
                "kl": 0.02,
                "settings": {
                    "prompts": 6,
                    "candidates": 4,
                    "rounds": 3,
                    "steps": 2,
                    "learning_rate": 0.00025,
                },
            },
            "rewarder": {"name": "dsr", "kind": "self"},
            "prompts": {},
            "policy": "fixed",
            "seed": 7,
            "notes": ["the rewarder also judges toy"],
            "before": Arm("before/start", 2.0),
            "after": Arm("after/guidance-2/start-grpo", 2.0),
            "rounds": [
                {"round": k, "reasons": {}, "drawing": {"mean": 0.25 * k, "best": 0.5 + 0.25 * k}}
                for k in range(3)
            ],
            "checkpoint": "weights",
            "comparison": comparison.to_json(),
            "audit": {"toy": {"before": 0.1, "after": 0.3, "effect": 0.2, "n": 40, "of": 40}},
            "seconds": {},
            "verdicts": {"toy": "helped"},
            "points": [
                {"pictures": 0, "rounds": 0, "cpu_seconds": 0.0, "folder": "before/start"},
                {"pictures": 24, "rounds": 1, "cpu_seconds": 11.0, "folder": "at-24/start-grpo"},
            ],
            "cpu_seconds": 7560.0,
        }
        TrainingRecord(**values | changes).write(folder)
        return folder

    return made


def after(folder: Path) -> Path:
    return folder / "after" / "guidance-2" / "start-grpo"


def pages(site: Path) -> dict[str, str]:
    """Model -> its page."""
    return {path.stem.rpartition("-")[0]: path.read_text() for path in (site / "models").iterdir()}


def test_the_page_of_trained_weights_tells_how_they_were_trained(train: Train, tmp_path: Path) -> None:
    folder = train()
    built = build_leaderboard([after(folder), folder / "before" / "start"], tmp_path / "site")
    page = pages(tmp_path / "site")["start-grpo"]
    assert built.trained == 1
    assert "trainer <b>dsr_grpo</b>" in page
    assert "rewarder <b>dsr (self)</b>" in page
    for label, text in (
        ("Pictures learnt from", "72"),
        ("CPU time of training", "7,560 CPU-seconds (2.1 hours)"),
        ("Training seed", "7"),
        ("learning rate", "0.00025"),
        ("kl", "0.02"),
    ):
        assert f"<dt>{label}</dt><dd>{text}</dd>" in page
    assert '<th scope="row">toy</th><td>helped</td>' in page
    assert "<td>0.100 → 0.300</td>" in page
    assert '<th scope="row">3</th><td>drawing</td><td>0.500</td><td>1.000</td>' in page
    assert '<svg class="chart"' in page
    assert "reward of candidates, drawing" in page
    assert "the rewarder also judges toy" in page


def test_the_starting_model_is_a_link_where_it_stands_on_the_site(train: Train, tmp_path: Path) -> None:
    folder = train()
    build_leaderboard([after(folder), folder / "before" / "start"], tmp_path / "both")
    (start,) = [path.name for path in (tmp_path / "both" / "models").iterdir() if "grpo" not in path.name]
    assert f'from <a href="{start}">start</a>' in pages(tmp_path / "both")["start-grpo"]
    build_leaderboard([after(folder)], tmp_path / "alone")
    assert "from start</span>" in pages(tmp_path / "alone")["start-grpo"]


def test_a_model_without_a_record_shows_nothing(train: Train, three_runs: list[Path], tmp_path: Path) -> None:
    folder = train()
    build_leaderboard([*three_runs, after(folder), folder / "before" / "start"], tmp_path / "site")
    shown = {name for name, page in pages(tmp_path / "site").items() if "How it was trained" in page}
    assert shown == {"start-grpo"}


def test_weights_from_the_middle_say_how_far_they_were(train: Train, tmp_path: Path) -> None:
    build_leaderboard([train() / "at-24" / "start-grpo"], tmp_path / "site")
    page = pages(tmp_path / "site")["start-grpo"]
    assert "<dt>Pictures learnt from</dt><dd>24 of 72</dd>" in page
    assert "<dd>11 CPU-seconds</dd>" in page
    assert "helped" not in page


def test_a_run_of_the_weights_elsewhere_needs_the_folder_to_be_named(train: Train, tmp_path: Path) -> None:
    folder = train()
    moved = shutil.copytree(after(folder), tmp_path / "elsewhere")
    assert build_leaderboard([moved], tmp_path / "site").trained == 0
    assert build_leaderboard([moved], tmp_path / "site", trainings=[folder]).trained == 1
    assert "How it was trained" in pages(tmp_path / "site")["start-grpo"]
    assert build_leaderboard([moved], tmp_path / "site", trainings=[folder.parent]).trained == 1


def test_a_record_that_changes_makes_the_page_again(train: Train, tmp_path: Path) -> None:
    folder = train()
    build_leaderboard([after(folder)], tmp_path / "site")
    assert build_leaderboard([after(folder)], tmp_path / "site").written.made == ()
    record = json.loads((folder / "training.json").read_text())
    (folder / "training.json").write_text(json.dumps({**record, "verdicts": {"toy": "no evidence"}}))
    (made,) = build_leaderboard([after(folder)], tmp_path / "site").written.made
    assert "<td>no evidence</td>" in (tmp_path / "site" / made).read_text()


def test_texts_of_a_record_are_escaped_and_cut(train: Train, tmp_path: Path) -> None:
    settings = {"prompts": HOSTILE, HOSTILE: 1}
    folder = train(
        name=HOSTILE,
        trainer={"name": HOSTILE, HOSTILE: HOSTILE, "settings": settings},
        rewarder={"name": HOSTILE, "kind": HOSTILE},
        model={"name": HOSTILE, "revision": START},
        notes=[HOSTILE, "long " * 10_000],
        verdicts={"toy": HOSTILE},
    )
    build_leaderboard([after(folder)], tmp_path / "site")
    page = pages(tmp_path / "site")["start-grpo"]
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert len(page) < 100_000


def test_a_record_s_numbers_are_numbers_or_absent(train: Train, tmp_path: Path) -> None:
    rounds = [{"round": k, "drawing": {"mean": HOSTILE, "best": True}} for k in range(2)]
    folder = train(cpu_seconds=HOSTILE, seed=HOSTILE, rounds=rounds, audit={"toy": {"before": HOSTILE}})
    build_leaderboard([after(folder)], tmp_path / "site")
    page = pages(tmp_path / "site")["start-grpo"]
    assert "alert" not in page
    assert "<dt>CPU time of training</dt><dd>not recorded</dd>" in page
    assert '<svg class="chart"' not in page


def test_no_path_of_this_machine_is_published(train: Train, tmp_path: Path) -> None:
    folder = train(
        model={"weights": str(tmp_path / "private" / "weights"), "revision": START},
        notes=[f"prompts of {tmp_path}/private/prompts.txt, read once"],
    )
    build_leaderboard([after(folder)], tmp_path / "site")
    page = pages(tmp_path / "site")["start-grpo"]
    assert str(tmp_path) not in page
    assert "prompts of prompts.txt, read once" in page
    assert "from weights</span>" in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/ann/a.txt", "a.txt"),
        ("path=/home/ann/a b", "path=a b"),
        (r"C:\Users\ann\w", "w"),
        ("file:///home/ann/w", "w"),
        ("~/w/x", "x"),
        ("lab/tiny", "lab/tiny"),
        ("https://example.org/a/b", "https://example.org/a/b"),
        ("GenEval / CompBench, 1/2", "GenEval / CompBench, 1/2"),
    ],
)
def test_of_a_local_path_the_last_part_is_left(text: str, shown: str) -> None:
    assert public(text) == shown


def test_a_path_that_leads_out_of_the_training_run_is_not_followed(train: Train, tmp_path: Path) -> None:
    folder = train()
    outside = shutil.copytree(after(folder), tmp_path / "outside")
    record = json.loads((folder / "training.json").read_text())
    for leading_out in (str(outside), "../../outside", "after\0x", 7):
        changed = {**record, "after": {**record["after"], "folder": leading_out}, "points": []}
        (folder / "training.json").write_text(json.dumps(changed))
        assert training_extracts([outside], [folder]) == {}


def test_a_training_that_changed_nothing_gives_its_start_no_record(train: Train) -> None:
    folder = train(model={"name": "start", "revision": TRAINED}, points=[])
    assert training_extracts([after(folder)]) == {}


def test_another_program_s_file_of_the_same_name_is_left_alone(three_runs: list[Path]) -> None:
    for content in ("no JSON", "[1]", '{"after": 3}'):
        (three_runs[0].parent / "training.json").write_text(content)
        assert training_extracts(three_runs) == {}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 99}, "has schema 99, this version reads 1"),
        ({"trainer": 3}, "training.json is damaged"),
        ({"comparison": {}}, "training.json is damaged"),
        ({"points": [{"pictures": 5}]}, "training.json is damaged"),
    ],
)
def test_a_damaged_record_is_named(train: Train, change: dict[str, Any], says: str) -> None:
    folder = train()
    record = json.loads((folder / "training.json").read_text())
    (folder / "training.json").write_text(json.dumps({**record, **change}))
    with pytest.raises(InputError, match=says):
        training_extracts([], [folder])


def test_a_folder_without_a_training_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"--training .*empty holds no finished training run"):
        training_extracts([], [tmp_path / "empty"])
    with pytest.raises(InputError, match=r"--training .*gone does not exist"):
        training_extracts([], [tmp_path / "gone"])


@pytest.mark.parametrize("width", [1280, 390])
def test_the_section_fits_the_screen(browser: Browser, train: Train, tmp_path: Path, width: int) -> None:
    folder = train(notes=[HOSTILE, "w" * 400], verdicts={"toy": "v" * 200})
    build_leaderboard([after(folder)], tmp_path / "site")
    (path,) = (tmp_path / "site" / "models").iterdir()
    page = browser.new_page(viewport={"width": width, "height": 800})
    _, troubles = watched(page)
    page.goto(path.as_uri())
    assert page.get_by_role("heading", name="How it was trained").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert troubles == []
    page.close()
