"""Two finished runs under a policy: verdicts by kind of rule, coverage, families, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.gating.findings import Finding, Outcome
from selfreward_eval.harness.gating.fixed import judge
from selfreward_eval.harness.gating.policy_file import read_policy
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.stats.noninferiority import Verdict
from selfreward_eval.harness.task import Metric

PASS, FAIL, INCONCLUSIVE = Verdict


@pytest.fixture
def gate(policy: Callable[[str], Path]) -> Callable[..., Outcome]:
    return lambda text, base, candidate: judge(read_policy(policy(text)), load_run(base), load_run(candidate))


@pytest.fixture
def pair(make_run: Callable[..., Path], arms: Callable[..., Any]) -> Callable[..., tuple[Path, Path]]:
    """``pair(loss)``: run folders of a base and a candidate."""

    def write(loss: float, **options: Any) -> tuple[Path, Path]:
        before, after = arms(loss, **options)
        return make_run("base", before), make_run("candidate", after)

    return write


def rule(**values: Any) -> str:
    lines = {"task": "toy", **values}
    return "[[rule]]\n" + "".join(
        f'{key} = "{value}"\n' if isinstance(value, str) else f"{key} = {value}\n"
        for key, value in lines.items()
    )


def only(outcome: Outcome) -> Finding:
    (finding,) = outcome.findings
    return finding


@pytest.mark.parametrize(
    ("loss", "asked", "verdict", "why"),
    [
        (0.0, {"margin": 0.1}, PASS, "worse by less than 0.1, if at all"),
        (0.2, {"margin": 0.1}, FAIL, "worse by more than 0.1"),
        (0.1, {"margin": 0.1}, INCONCLUSIVE, "a loss of 0.1 can be neither shown nor excluded"),
        (-0.2, {"improve": 0.1}, PASS, "better by more than 0.1"),
        (-0.2, {"improve": 0}, PASS, "better, with 0.95 confidence"),
        (0.2, {"improve": 0}, FAIL, "not better, with 0.95 confidence"),
        (0.0, {"improve": 0}, INCONCLUSIVE, "being better can be neither shown nor excluded"),
        (0.0, {"floor": 0.4}, PASS, "no worse than 0.4"),
        (0.2, {"floor": 0.4}, FAIL, "worse than 0.4"),
        (0.1, {"floor": 0.4}, INCONCLUSIVE, "a score of 0.4 can be neither"),
        (0.2, {"margin": 0.1, "category": "two"}, FAIL, "worse by more"),
    ],
)
def test_a_rule_has_three_verdicts(
    gate: Callable[..., Outcome],
    pair: Callable[..., tuple[Path, Path]],
    loss: float,
    asked: dict[str, Any],
    verdict: Verdict,
    why: str,
) -> None:
    outcome = gate(rule(**asked), *pair(loss))
    assert (only(outcome).verdict, outcome.verdict) == (verdict, verdict)
    assert why in only(outcome).why
    assert outcome.exit_code == {PASS: 0, FAIL: 1, INCONCLUSIVE: 3}[verdict]
    assert (only(outcome).needs is not None) == (verdict is INCONCLUSIVE)


def test_where_lower_is_better_a_rise_is_a_loss(
    gate: Callable[..., Outcome], make_run: Callable[..., Path], arms: Callable[..., Any]
) -> None:
    before, after = arms(0.2)
    error = Metric("correct", higher_is_better=False)
    base, candidate = make_run("base", after, metric=error), make_run("candidate", before, metric=error)
    outcome = gate(rule(margin=0.1) + rule(floor=0.4) + rule(improve=0), base, candidate)
    assert [one.verdict for one in outcome.findings] == [FAIL, FAIL, FAIL]
    margin, floor, _ = outcome.findings
    assert (margin.value or 0.0) < -0.1
    assert margin.candidate == pytest.approx(floor.value)
    assert (floor.low or 0.0) < (floor.value or 0.0) < (floor.high or 0.0)
    assert (floor.low or 0.0) > 0.4


def test_one_failed_rule_fails_the_gate(
    gate: Callable[..., Outcome], pair: Callable[..., tuple[Path, Path]]
) -> None:
    outcome = gate(rule(margin=0.4) + rule(margin=0.1, category="one"), *pair(0.25))
    assert [one.verdict for one in outcome.findings] == [PASS, FAIL]
    assert outcome.verdict is FAIL


def test_a_policy_may_count_an_open_end_as_failure(
    gate: Callable[..., Outcome], pair: Callable[..., tuple[Path, Path]]
) -> None:
    outcome = gate('inconclusive = "fail"\n' + rule(margin=0.1), *pair(0.1))
    assert (only(outcome).verdict, outcome.verdict, outcome.exit_code) == (INCONCLUSIVE, FAIL, 1)


class TestCoverage:
    @pytest.fixture
    def holes(
        self, make_run: Callable[..., Path], arms: Callable[..., Any]
    ) -> Callable[..., tuple[Path, Path]]:
        """``holes(loss, missing)``: the candidate has no number for ``missing`` items of a category."""

        def write(loss: float, missing: int) -> tuple[Path, Path]:
            before, after = arms(loss)
            after["one"][:missing] = [[None, None]] * missing
            return make_run("base", before), make_run("candidate", after)

        return write

    def test_below_what_is_wanted_nothing_passes(
        self, gate: Callable[..., Outcome], holes: Callable[..., tuple[Path, Path]]
    ) -> None:
        runs = holes(0.0, 10)
        found = only(gate(rule(margin=0.1), *runs))
        assert found.verdict is INCONCLUSIVE
        assert found.coverage == pytest.approx(580 / 600)
        assert (
            "96.7% of the samples have a number, 0.99 are wanted; those that have one would PASS" in found.why
        )
        assert found.needs is not None
        assert "--retry-failed" in found.needs.why
        assert only(gate(rule(margin=0.1, coverage=0.9), *runs)).verdict is PASS

    def test_a_failure_that_they_could_not_undo_stands(
        self, gate: Callable[..., Outcome], holes: Callable[..., tuple[Path, Path]]
    ) -> None:
        assert only(gate(rule(margin=0.1), *holes(0.4, 10))).verdict is FAIL

    def test_one_that_they_could_undo_does_not(
        self, gate: Callable[..., Outcome], holes: Callable[..., tuple[Path, Path]]
    ) -> None:
        found = only(gate(rule(margin=0.1, category="one"), *holes(0.3, 60)))
        assert found.verdict is INCONCLUSIVE
        assert "would FAIL" in found.why

    def test_a_category_without_any_number_is_open(
        self, gate: Callable[..., Outcome], holes: Callable[..., tuple[Path, Path]]
    ) -> None:
        found = only(gate(rule(margin=0.1, coverage=0), *holes(0.0, 150)))
        assert (found.verdict, found.value) == (INCONCLUSIVE, None)
        assert found.why == "cannot be judged: no sample has a number in one"


class TestFamilies:
    TWO = rule(improve=0, category="one", family="f") + rule(improve=0, category="two", family="f")

    def test_any_is_enough_where_any_is_required(
        self, gate: Callable[..., Outcome], make_run: Callable[..., Path], arms: Callable[..., Any]
    ) -> None:
        before, after = arms(-0.2)
        after["two"] = before["two"]
        runs = make_run("base", before), make_run("candidate", after)
        family = '[[family]]\nname = "f"\nrequire = "{}"\n'
        some, every = (gate(family.format(how) + self.TWO, *runs) for how in ("any", "all"))
        assert (some.families[0].verdict, some.verdict) == (PASS, PASS)
        assert every.verdict is not PASS

    def test_holm_makes_a_pass_harder(
        self, gate: Callable[..., Outcome], pair: Callable[..., tuple[Path, Path]]
    ) -> None:
        runs = pair(-0.05)
        plain = gate('[[family]]\nname = "f"\ncorrection = "none"\n' + self.TWO, *runs)
        holm = gate('[[family]]\nname = "f"\n' + self.TWO, *runs)
        first, second = sorted(one.p or 1.0 for one in plain.findings)
        assert all(one.p_adjusted is None for one in plain.findings)
        assert sorted(one.p_adjusted or 0.0 for one in holm.findings) == pytest.approx(
            [min(1.0, 2 * first), max(min(1.0, 2 * first), second)]
        )

    def test_all_that_fail_fail_an_any_family(
        self, gate: Callable[..., Outcome], pair: Callable[..., tuple[Path, Path]]
    ) -> None:
        outcome = gate('[[family]]\nname = "f"\nrequire = "any"\n' + self.TWO, *pair(0.3))
        assert outcome.verdict is FAIL


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "line", "said"),
        [
            (rule(task="toi", margin=0.1), 1, "has no task 'toi'; did you mean toy?"),
            (rule(margin=0.1) + rule(category="tow", margin=0.1), 4, "no category 'tow'; did you mean two?"),
            (rule(margin=2), 1, "as large as the whole range"),
            (rule(floor=40), 1, "out of range"),
        ],
    )
    def test_a_rule_on_what_was_not_measured(
        self,
        gate: Callable[..., Outcome],
        pair: Callable[..., tuple[Path, Path]],
        policy: Callable[[str], Path],
        text: str,
        line: int,
        said: str,
    ) -> None:
        with pytest.raises(InputError) as error:
            gate(text, *pair(0.0))
        assert f"gate.toml:{line}: " in str(error.value)
        assert said in str(error.value)

    def test_a_task_missing_in_the_candidate_is_no_pass(
        self, gate: Callable[..., Outcome], make_run: Callable[..., Path], arms: Callable[..., Any]
    ) -> None:
        before, after = arms(0.0)
        with pytest.raises(InputError, match=r"gate.toml:1: the candidate .*other has no task 'toy'"):
            gate(rule(margin=0.1), make_run("base", before), make_run("other", after, task="toys"))

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("tasks.toy.version", "2"),
            ("tasks.toy.instruments", {"detector": {"name": "another"}}),
            ("model.generation", {"guidance": 7.5}),
            ("seed", 1),
        ],
    )
    def test_runs_that_differ_in_more_than_the_model(
        self,
        gate: Callable[..., Outcome],
        make_run: Callable[..., Path],
        arms: Callable[..., Any],
        field: str,
        value: Any,
    ) -> None:
        before, after = arms(0.0)
        runs = make_run("base", before), make_run("candidate", after, identity={field: value})
        with pytest.raises(InputError, match=field.replace(".", r"\.")) as error:
            gate(rule(margin=0.1), *runs)
        assert error.value.exit_code == 4


def test_what_no_rule_is_about_is_told(
    gate: Callable[..., Outcome], make_run: Callable[..., Path], arms: Callable[..., Any]
) -> None:
    before, after = arms(0.0)
    runs = make_run("base", before), make_run("candidate", after)
    assert gate(rule(margin=0.1), *runs).notes == ()


def test_clusters_are_the_units(gate: Callable[..., Outcome], pair: Callable[..., tuple[Path, Path]]) -> None:
    found = only(gate(rule(margin=0.1), *pair(0.0)))
    assert (found.units, found.items, found.planned_items, found.images) == (300, 300, 300, 2)
