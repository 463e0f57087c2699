"""The numbers of a category from scores and rewards, and what the page says of them."""

from __future__ import annotations

from itertools import combinations
from statistics import fmean
from typing import Any

import numpy as np
import pytest

from selfreward_eval.harness.records import Item
from studies.composition.candidates import COLUMNS, Candidates
from studies.composition.figures import category_figures, drawn_right, selected
from studies.composition.page import after_training, page, reading
from studies.composition.prompts import Prompt


def row(scores: list[float], dsr: list[float], number: int = 0) -> Candidates:
    """One prompt's candidates with rewards by ``dsr`` alone; a score of 0.9 or more is right."""
    nothing = np.full(len(dsr), np.nan)
    rewards = {column: np.array(dsr) if column == "dsr" else nothing for column in COLUMNS}
    prompt = Prompt("shapes_geneval", Item(f"{number}", "a picture of a star", "colors"), 0.9)
    return Candidates(prompt, np.array(scores), rewards)


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_a_right_one_among_n_is_the_mean_over_all_subsets(n: int) -> None:
    marks = [True, False, False, True, False, False]
    assert drawn_right(2, 6, n) == pytest.approx(fmean(any(part) for part in combinations(marks, n)))


def test_without_a_right_one_no_number_of_candidates_helps() -> None:
    assert drawn_right(0, 6, 6) == 0


@pytest.mark.parametrize("n", [1, 2, 4])
def test_what_a_reward_selects_is_the_mean_over_all_subsets(n: int) -> None:
    rewards, values = [0.3, 0.9, 0.1, 0.7], [1.0, 0.0, 0.5, 0.25]
    best = [values[max(part, key=rewards.__getitem__)] for part in combinations(range(4), n)]
    assert selected(rewards, values, n) == pytest.approx(fmean(best))


def test_equal_rewards_select_each_as_often() -> None:
    assert selected([1.0, 1.0, 0.0], [1.0, 0.0, 0.0], 3) == pytest.approx(0.5)


def test_a_reward_that_knows_has_an_area_of_one_and_selects_the_best() -> None:
    scores = [1.0] * 4 + [0.0] * 4
    numbers = category_figures([row(scores, scores, k) for k in range(3)])
    assert numbers["rewards"]["dsr"]["auc"]["value"] == 1
    assert numbers["rewards"]["dsr"]["best_of_n"] == 1
    assert numbers["rewards"]["dsr"]["over_the_mean"] == 0.5
    assert numbers["right"] == 0.5


def test_a_picture_that_was_not_measured_is_no_wrong_one() -> None:
    numbers = category_figures([row([1.0, np.nan, *[1.0] * 7], [0.0] * 9)])
    assert (numbers["candidates"], numbers["unscored"], numbers["right"]) == (8, 1, 1.0)


def test_a_reward_without_values_has_no_numbers() -> None:
    numbers = category_figures([row([1.0] * 8, [0.0] * 8)])["rewards"]["vqa"]
    assert (numbers["scored"], numbers["auc"]["value"], numbers["best_of_n"]) == (0, None, None)


def described(right: float, among_8: float, among_128: float, auc: float | None) -> dict[str, Any]:
    return {
        "right": right,
        "drawn_right": {"8": among_8, "128": among_128},
        "rewards": {"dsr": {"auc": {"value": auc}}},
    }


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (described(0.95, 1, 1, 0.9), "nearly always drawn right"),
        (described(0.01, 0.05, 0.3, 0.9), "hardly ever drawn right"),
        (described(0.1, 0.6, 1, 0.6), "drawn, and `dsr` does not see it"),
        (described(0.05, 0.3, 0.9, 0.6), "seldom drawn right, and `dsr` does not see it"),
        (described(0.05, 0.3, 0.9, None), "seldom drawn right"),
        (described(0.05, 0.3, 0.9, 0.9), "seldom drawn right, though `dsr` sees it"),
        (described(0.3, 0.8, 1, 0.9), "seen and drawn: what is missing is learning"),
    ],
)
def test_a_category_is_read_by_its_numbers(numbers: dict[str, Any], words: str) -> None:
    assert reading(numbers) == words


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.01, 0.2, "gained"),
        (-0.2, -0.01, "lost"),
        (-0.1, 0.1, "seen and drawn, and no gain shown: too few pictures, or no generalisation"),
        (None, None, "seen and drawn, and no gain shown: too few pictures, or no generalisation"),
    ],
)
def test_a_checkpoint_says_whether_it_was_learnt(low: float | None, high: float | None, words: str) -> None:
    assert after_training(described(0.3, 0.8, 1, 0.9), {"effect": 0.0, "low": low, "high": high}) == words


def test_a_category_that_is_not_seen_cannot_be_learnt() -> None:
    gain = {"effect": 0.0, "low": -0.1, "high": 0.1}
    assert (
        after_training(described(0.3, 0.8, 1, 0.6), gain) == "no gain shown: drawn, and `dsr` does not see it"
    )


def test_the_page_has_every_category_and_the_gains_of_a_trained_run() -> None:
    figures = category_figures([row([1.0] * 64 + [0.0] * 64, list(np.linspace(1, 0, 32)))])
    run = {
        "name": "dsr_grpo on dsr, seed 0",
        "pictures": 76800,
        "tasks": {"shapes_geneval": {"colors": {"effect": 0.1, "low": 0.05, "high": 0.15}}},
    }
    plan = {"model": {"generation": {"guidance": 2.0}}, "candidates": 128, "rewarded": 32}
    text = page({"plan": plan, "tasks": {"shapes_geneval": {"colors": figures}}, "trained": [run]})
    assert "| `colors` | 0.50 | 50% | 100% | 100% | 100% |" in text
    assert "dsr_grpo on dsr, seed 0, 76,800 pictures" in text
    assert "+0.100 (+0.050 to +0.150)" in text
