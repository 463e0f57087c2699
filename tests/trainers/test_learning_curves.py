"""Score against pictures: a method's claim where seeds allow one, corrected over points and tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.learning import finish, write_measured, write_point

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.stats.multiplicity import holm
from selfreward_eval.trainers.learning_curves import learning_curve, points_of
from selfreward_eval.trainers.pooling import side_by_side
from selfreward_eval.trainers.report.learning import gain_words


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``before``, ``dsr`` with two finished seeds that learn, ``flat`` with one that does not."""
    home = tmp_path_factory.mktemp("curves")
    before = write_measured(home / "before" / "evaluation-guidance-2" / "tiny", 0.3, 1)
    for seed in (0, 1):
        folder = home / "dsr" / f"seed-{seed}"
        write_point(folder, before, 8, 0.32, reward=-1.5)
        write_point(folder, before, 32, 0.70, reward=-1.0 + 0.1 * seed)
        write_point(folder, before, 64, 0.85, reward=-0.8)
        finish(folder, before, seed)
    folder = home / "flat" / "seed-0"
    write_point(folder, before, 8, 0.3)
    write_point(folder, before, 64, 0.31)
    finish(folder, before, 0)
    return home


@pytest.fixture(scope="module")
def before(home: Path) -> Path:
    return home / "before" / "evaluation-guidance-2" / "tiny"


def curve_of(home: Path, before: Path, name: str, **options: Any) -> dict[str, Any]:
    folders = sorted((home / name).glob("seed-*"))
    curve = learning_curve([points_of(one, k) for k, one in enumerate(folders)], before, **options)
    assert curve is not None
    return curve


def test_two_seeds_make_a_claim_about_the_method(home: Path, before: Path) -> None:
    curve = curve_of(home, before, "dsr")
    assert [point["pictures"] for point in curve["points"]] == [8, 32, 64]
    last = curve["points"][-1]
    assert last["seeds"] == [0, 1]
    assert last["tasks"]["toy"]["of"] == "method"
    assert len(last["tasks"]["toy"]["scores"]) == 2


def test_one_seed_is_its_checkpoint(home: Path, before: Path) -> None:
    curve = curve_of(home, before, "flat")
    assert {point["tasks"]["toy"]["of"] for point in curve["points"]} == {"checkpoint"}


def test_costs_and_rewards_are_means_over_the_seeds(home: Path, before: Path) -> None:
    point = curve_of(home, before, "dsr")["points"][1]
    assert (point["cpu_seconds"], point["judgements"]) == (16.0, 32.0)
    assert point["reward"] == pytest.approx(-0.95)


def test_a_gain_is_shown_from_the_first_point_that_all_later_ones_confirm(home: Path, before: Path) -> None:
    assert curve_of(home, before, "flat")["gain_from"] == {"toy": None}
    curve = curve_of(home, before, "flat")
    assert learning_curve([], before) is None
    folder = sorted((home / "dsr").glob("seed-*"))[0]
    alone = learning_curve([points_of(folder, 0)], before)
    assert alone is not None
    assert alone["gain_from"] == {"toy": 32}
    assert curve["family"] == 2


def test_planned_points_count_in_the_correction(home: Path, before: Path) -> None:
    folder = sorted((home / "dsr").glob("seed-*"))[0]
    measured = points_of(folder, 0)
    curve = learning_curve([measured], before, planned=(8, 32, 64, 128, 256))
    assert curve is not None
    assert curve["family"] == 5
    plain = [point["tasks"]["toy"]["p"] for point in curve["points"]]
    adjusted = [point["tasks"]["toy"]["p_adjusted"] for point in curve["points"]]
    assert adjusted == holm([*plain, None, None])[:3]


def test_only_the_tasks_asked_for_are_told_and_corrected_for(home: Path, before: Path) -> None:
    """The point at the end of a run has all tasks, also those that are not measured along the way."""
    assert curve_of(home, before, "dsr", only=["toy"]) == curve_of(home, before, "dsr")
    without = curve_of(home, before, "dsr", only=["another"])
    assert (without["tasks"], without["family"]) == ([], 0)


def test_an_unfinished_run_takes_part_with_what_it_has(home: Path, before: Path, tmp_path: Path) -> None:
    folder = tmp_path / "arm" / "seed-0"
    write_point(folder, before, 32, 0.6)
    (folder / "at-64").mkdir()
    found = points_of(folder, 0)
    assert not found.finished
    assert [point["pictures"] for point in found.points] == [32]


def test_points_on_fewer_items_are_compared_with_the_start_on_as_many(tmp_path: Path) -> None:
    whole = write_measured(tmp_path / "before" / "evaluation-guidance-2" / "tiny", 0.9, 7)
    part = write_measured(tmp_path / "before" / "evaluation-guidance-2-60-items" / "tiny", 0.3, 8)
    found = []
    for seed in (0, 1):
        write_point(tmp_path / f"seed-{seed}", part, 32, 0.6, items="-60-items")
        found.append(points_of(tmp_path / f"seed-{seed}", seed))
    curve = learning_curve(found, whole)
    assert curve is not None
    assert curve["points"][0]["tasks"]["toy"]["effect"] > 0.2


def test_a_damaged_point_is_named(tmp_path: Path) -> None:
    (tmp_path / "at-8").mkdir()
    (tmp_path / "at-8" / "point.json").write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match=r"at-8/point\.json is damaged"):
        points_of(tmp_path, 0)


def test_methods_side_by_side_have_their_curves(home: Path, tmp_path: Path) -> None:
    compared = side_by_side([home / "dsr", home / "flat"], None, tmp_path / "methods.html")
    told = compared.to_json()["learning_curve"]
    assert list(told) == ["dsr", "flat"]
    text = compared.page.read_text(encoding="utf-8")
    assert "Score against pictures" in text
    assert "flat, toy: no gain is shown at the last point, 64 pictures." in text
    assert "reward of dsr" in text


@pytest.mark.parametrize(
    ("since", "said"),
    [
        (None, "no gain is shown at the last point, 64 pictures."),
        (64, "a gain is shown at the last point, 64 pictures, and not before."),
        (32, "a gain is shown from 32 pictures on, up to 64."),
    ],
)
def test_words_say_from_which_budget_a_gain_is_shown(since: int | None, said: str) -> None:
    points = [{"pictures": n, "seeds": [0, 1], "tasks": {"toy": {"of": "method"}}} for n in (32, 64)]
    curve = {"points": points, "tasks": ["toy"], "family": 2, "gain_from": {"toy": since}}
    assert gain_words("dsr", curve)[0] == f"dsr, toy: {said}"


def test_tasks_that_fared_alike_share_a_sentence() -> None:
    points = [{"pictures": 64, "seeds": [0, 1], "tasks": {"a": {"of": "method"}}}]
    since = {"a": None, "b": 64, "c": None}
    curve = {"points": points, "tasks": list(since), "family": 3, "gain_from": since}
    assert gain_words("dsr", curve)[:2] == [
        "dsr, a, c: no gain is shown at the last point, 64 pictures.",
        "dsr, b: a gain is shown at the last point, 64 pictures, and not before.",
    ]
