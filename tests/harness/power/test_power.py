"""What a design can detect: known sizes, assumptions, and pilots."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from dataclasses import replace
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

import selfreward_eval.harness.power.power
from selfreward_eval.harness.comparing.compare import compare_runs, load_run
from selfreward_eval.harness.errors import InputError, NotComparable, UnknownName, UsageError
from selfreward_eval.harness.power.benchmark_sizes import BENCHMARKS, benchmark_size
from selfreward_eval.harness.power.pilots import spreads_of_pair, spreads_of_run
from selfreward_eval.harness.power.power import (
    Plan,
    Question,
    Spread,
    assumed_marks,
    assumed_sd,
    curve,
    largest_sd,
    plan,
    resized,
)
from selfreward_eval.harness.task import Metric

MakeRun = Callable[..., Path]


def detectable(spread: Spread, **question: float) -> float:
    found = plan(spread, Question(**question)).detectable  # type: ignore[arg-type]
    assert found is not None
    return found


class TestKnownBenchmarks:
    """Smallest differences found with 80 % power at 5 %, two-sided, by the sd of an item's difference."""

    @pytest.mark.parametrize(
        ("name", "sd", "expected"),
        [
            ("geneval", 0.20, 0.024),
            ("geneval", 0.35, 0.042),
            ("geneval", 0.50, 0.060),
            ("compbench-category", 0.20, 0.032),
            ("compbench-category", 0.35, 0.057),
            ("compbench", 0.20, 0.011),
            ("compbench", 0.50, 0.029),
            ("reasonbench", 0.35, 0.035),
            ("reasonbench", 0.50, 0.050),
        ],
    )
    def test_differences_that_large_benchmarks_detect(self, name: str, sd: float, expected: float) -> None:
        size = benchmark_size(name)
        assert detectable(assumed_sd(sd, size.strata, size.images)) == pytest.approx(expected, abs=6e-4)

    def test_llava_bench_cannot_certify_two_points(self) -> None:
        """With 24 pictures even the quietest assumption leaves more than a tenth of the scale open."""
        size = benchmark_size("llava-w")
        found = plan(assumed_sd(0.2, size.strata, 1), Question(effect=0.02))
        assert found.detectable == pytest.approx(0.12, abs=0.006)
        assert found.verdict.endswith("not reliably detectable")

    def test_sizes_are_those_of_the_official_files(self) -> None:
        sizes = {name: one.units for name, one in BENCHMARKS.items()}
        assert sizes["geneval"] == 553
        assert (sizes["compbench"], sizes["reasonbench"], sizes["llava-w"]) == (2400, 800, 24)

    def test_an_unknown_benchmark_gets_a_hint(self) -> None:
        with pytest.raises(UnknownName, match=r"'genevl' is not known; did you mean geneval\?"):
            benchmark_size("genevl")


class TestQuestions:
    spread = assumed_marks(0.5, 0.4, 0.5, 0.05, BENCHMARKS["geneval"].strata, 4)

    def ask(self, **question: float) -> Plan:
        return plan(self.spread, Question(**question))  # type: ignore[arg-type]

    def test_five_points_on_geneval_are_at_the_edge_for_items_like_these(self) -> None:
        found = self.ask(effect=0.05)
        assert found.power == pytest.approx(0.8, abs=0.01)
        assert found.prompts is not None
        assert found.prompts.count == pytest.approx(553, abs=10)

    def test_as_many_prompts_as_needed_detect_the_effect(self) -> None:
        needed = self.ask(effect=0.03).prompts
        assert needed is not None
        assert needed.count is not None
        assert detectable(resized(self.spread, units=needed.count)) == pytest.approx(0.03, rel=0.005)

    def test_as_many_pictures_as_needed_detect_the_effect(self) -> None:
        needed = self.ask(effect=0.045).pictures
        assert needed is not None
        assert needed.count is not None
        assert detectable(resized(self.spread, images=needed.count)) <= 0.045 * 1.001
        assert detectable(resized(self.spread, images=needed.count - 1)) > 0.045

    def test_pictures_cannot_replace_prompts_for_ever(self) -> None:
        needed = self.ask(effect=0.01).pictures
        assert needed is not None
        assert needed.count is None
        assert "more prompts are needed" in needed.why

    def test_dear_prompts_deserve_more_pictures(self) -> None:
        cheap, dear = self.ask(cost_ratio=0.1).best_pictures, self.ask(cost_ratio=50).best_pictures
        assert cheap.count is not None
        assert dear.count is not None
        assert cheap.count < dear.count

    def test_the_curve_passes_the_wanted_power_at_the_detectable_difference(self) -> None:
        found = self.ask()
        assert found.detectable is not None
        low, middle, high = curve(found, [0.0, found.detectable, 3 * found.detectable])
        assert low == pytest.approx(0.05, abs=1e-6)
        assert middle == pytest.approx(0.8, abs=1e-6)
        assert high > 0.999

    def test_the_largest_sd_is_where_the_effect_is_just_detectable(self) -> None:
        limit = largest_sd(self.ask(effect=0.05))
        assert limit is not None
        assert detectable(replace(self.spread, sd=limit)) == pytest.approx(0.05)

    @pytest.mark.parametrize(
        ("question", "said"),
        [
            ({"effect": -0.1}, "--effect -0.1: give the size of a difference"),
            ({"alpha": 0.9}, "--alpha 0.9 and --power 0.8 must lie"),
            ({"cost_ratio": -1.0}, "--cost-ratio -1"),
        ],
    )
    def test_questions_out_of_range_are_refused(self, question: dict[str, float], said: str) -> None:
        with pytest.raises(UsageError, match=said):
            self.ask(**question)


class TestAssumptions:
    def test_a_standard_deviation_does_not_tell_prompts_from_pictures(self) -> None:
        spread = assumed_sd(0.3, {"": 100}, 4)
        found = plan(spread, Question(effect=0.05))
        assert found.pictures is not None
        assert found.pictures.count is None
        assert "--score and --icc" in found.pictures.why
        with pytest.raises(UsageError, match="--images 10 cannot be answered"):
            resized(spread, images=10)

    def test_marks_of_alike_prompts_only_have_picture_noise(self) -> None:
        spread = assumed_marks(0.5, 0.0, 0.5, 0.0, {"": 100}, 4)
        assert (spread.omega2, spread.noise) == (0.0, 0.5)
        assert spread.sd == pytest.approx(sqrt(0.5 / 4))

    def test_a_score_cannot_rise_above_one(self) -> None:
        with pytest.raises(UsageError, match=r"--score 0\.98 \(with the effect 1\.03\)"):
            assumed_marks(0.98, 0.3, 0.5, 0.05, {"": 100}, 4)


class TestPilots:
    @pytest.fixture
    def pair(self, make_run: MakeRun) -> tuple[Path, Path]:
        rng = np.random.default_rng(4)
        chance = rng.beta(1, 1, size=(2, 60, 1))
        draw = lambda: {  # noqa: E731
            name: (rng.random((60, 4)) < chance[k]).astype(float).tolist() for k, name in enumerate("xy")
        }
        return make_run("a", draw()), make_run("b", draw())

    def test_a_pair_has_the_standard_error_of_its_comparison(self, pair: tuple[Path, Path]) -> None:
        a, b = map(load_run, pair)
        task = compare_runs(a, b).tasks["toy"]
        headline, x, _ = spreads_of_pair(a, b, "toy")
        assert headline.sd / sqrt(120) == pytest.approx(task.overall.se)
        assert headline.df == pytest.approx(task.overall.df)
        assert x.sd / sqrt(60) == pytest.approx(task.categories["x"].se)

    def test_the_parts_of_a_pilot_add_up(self, pair: tuple[Path, Path]) -> None:
        for spread in spreads_of_pair(load_run(pair[0]), load_run(pair[1]), "toy"):
            assert spread.omega2 is not None
            assert spread.noise is not None
            if spread.omega2 > 0:
                assert spread.omega2 + spread.noise / 4 == pytest.approx(spread.sd**2)

    def test_one_run_foretells_the_pair_when_the_true_scores_agree(self, pair: tuple[Path, Path]) -> None:
        a, b = map(load_run, pair)
        from_pair, from_one = spreads_of_pair(a, b, "toy")[0], spreads_of_run(a, "toy", 1.0)[0]
        assert from_one.omega2 == 0
        assert from_one.sd == pytest.approx(from_pair.sd, rel=0.15)

    def test_an_unrelated_arm_makes_more_noise(self, pair: tuple[Path, Path]) -> None:
        run = load_run(pair[0])
        assert spreads_of_run(run, "toy", 0.0)[0].sd > spreads_of_run(run, "toy")[0].sd
        assert "correlate by 0.5 (assumed)" in spreads_of_run(run, "toy")[0].source

    def test_one_picture_per_item_leaves_its_noise_unknown(self, make_run: MakeRun) -> None:
        run = load_run(make_run("a", {"x": [[1], [0], [1], [0], [0]]}))
        spread = spreads_of_run(run, "toy")[0]
        assert (spread.omega2, spread.noise) == (None, None)
        assert spread.sd == pytest.approx(sqrt(2 * 0.5 * 0.3))
        assert "one picture per item" in spread.why

    def test_a_pilot_in_which_nothing_varied_has_no_plan(self, make_run: MakeRun) -> None:
        marks = {"x": [[1, 0]] * 5}
        found = plan(
            spreads_of_pair(load_run(make_run("a", marks)), load_run(make_run("b", marks)), "toy")[0],
            Question(effect=0.05),
        )
        assert (found.detectable, found.power, found.verdict) == (None, None, "")
        assert "says nothing about power" in found.why

    def test_a_pilot_of_single_items_says_what_it_needs(self, make_run: MakeRun) -> None:
        run = load_run(make_run("a", {"x": [[1, 0], [0, 0]], "y": [[1, 1]]}))
        with pytest.raises(InputError, match=r"fewer than two scored items in y, .* larger --limit"):
            spreads_of_run(run, "toy")

    def test_a_pair_has_to_be_comparable(self, pair: tuple[Path, Path], make_run: MakeRun) -> None:
        other = load_run(make_run("c", {"x": [[1, 0, 1, 1]]}, identity={"seed": 3}))
        with pytest.raises(NotComparable):
            spreads_of_pair(load_run(pair[0]), other, "toy")

    def test_a_task_that_was_not_run_is_named(self, pair: tuple[Path, Path]) -> None:
        with pytest.raises(UsageError, match="did not run 'geneval'; it has toy"):
            spreads_of_run(load_run(pair[0]), "geneval")

    def test_another_number_of_items_keeps_the_spread(self, pair: tuple[Path, Path]) -> None:
        spread = spreads_of_pair(load_run(pair[0]), load_run(pair[1]), "toy")[0]
        larger = resized(spread, units=480)
        assert larger.sd == spread.sd
        assert detectable(larger) == pytest.approx(detectable(spread) / 2, rel=0.02)

    def test_items_of_one_cluster_are_one_unit(self, make_run: MakeRun) -> None:
        import json

        rng = np.random.default_rng(3)
        metric = Metric("correct", macro=False)
        folders = [make_run(n, {"x": rng.integers(0, 2, (60, 2)).tolist()}, metric=metric) for n in "ab"]
        for folder in folders:
            (path,) = folder.glob("samples_*.jsonl")
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            for line in lines:
                line["doc"]["cluster"] = f"picture {int(line['prompt_id'].split('-')[1]) // 3}"
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        a, b = map(load_run, folders)
        spread = spreads_of_pair(a, b, "toy")[0]
        assert spread.units == 20
        assert spread.sd / sqrt(20) == pytest.approx(compare_runs(a, b).tasks["toy"].overall.se)


def test_docstring_examples_hold() -> None:
    result = doctest.testmod(selfreward_eval.harness.power.power)
    assert result.attempted > 0
    assert result.failed == 0


def test_a_score_among_several_is_planned_at_the_level_after_the_correction() -> None:
    spread = assumed_sd(0.35, {"": 400}, 1)
    alone, of_four = plan(spread, Question(effect=0.05)), plan(spread, Question(effect=0.05, scores=4))
    assert (alone.alpha, of_four.alpha) == (0.05, 0.0125)
    assert of_four.power < alone.power  # type: ignore[operator]
    assert plan(spread, Question(effect=0.05, scores=4), corrected=False) == replace(
        alone, question=Question(effect=0.05, scores=4)
    )


def test_single_marks_are_planned_for_mcnemar() -> None:
    found = plan(assumed_marks(0.7, 0.3, 0.5, 0.15, {"": 100}, 1), Question(effect=0.15))
    assert found.test == "exact McNemar"
