"""A weighted sum of rewards, in TRL's words and arithmetic, with missing parts treated as asked."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import Reward
from selfreward_eval.rewarders.composite import CompositeReward, parse_parts
from selfreward_eval.rewarders.control import ConstantReward, RandomReward
from selfreward_eval.rewarders.normalising import EPSILON, normalised

PROMPTS = ["a", "b", "a", "b", "a"]


def values(rewarder: Any, sample: Any, prompts: list[str] = PROMPTS) -> list[float | None]:
    return [reward.value for reward in rewarder.score(prompts, [sample(k) for k in range(len(prompts))])]


def squares(measuring: Any) -> Any:
    return measuring(lambda number: float(number**2))


def loses(measuring: Any, lost: int) -> Any:
    """Does not score one picture."""

    def rule(number: int) -> Reward | float:
        return Reward.unscored(Status.JUDGE_PARSE_ERROR, "no score") if number == lost else 100.0

    return measuring(rule)


def test_a_plain_sum_is_weighted(measuring: Any, sample: Any) -> None:
    both = CompositeReward({"one": measuring(), "two": squares(measuring)}, {"two": 0.5})
    assert values(both, sample) == [0.0, 1.5, 4.0, 7.5, 12.0]
    assert not both.info.groupwise


def test_the_parts_are_its_components_and_its_evidence(measuring: Any, sample: Any) -> None:
    both = CompositeReward({"one": measuring(), "constant": ConstantReward(2.0)})
    (reward,) = both.score(["a"], [sample(3)])
    assert (reward.value, reward.components) == (5.0, {"one": 3.0, "constant": 2.0})
    assert reward.evidence["parts"]["constant"]["source"].startswith("constant@")


def test_what_is_better_when_lower_counts_negatively(measuring: Any, sample: Any) -> None:
    class Loss(measuring):
        info = measuring.info.__class__("loss", "1", "", "external", (0.0, None), higher_is_better=False)

    assert values(CompositeReward({"loss": Loss()}), sample) == [0.0, -1.0, -2.0, -3.0, -4.0]


def test_normalising_after_the_sum_is_what_trl_does_within_a_group(measuring: Any, sample: Any) -> None:
    whole = CompositeReward({"one": measuring(), "two": squares(measuring)}, aggregation="sum_then_normalize")
    found = np.array(values(whole, sample), dtype=float)
    for group in ([0, 2, 4], [1, 3]):
        sums = np.array([k + k**2 for k in group], dtype=float)
        np.testing.assert_allclose(found[group], (sums - sums.mean()) / (sums.std(ddof=1) + 1e-4))


def test_normalising_before_the_sum_makes_scales_irrelevant(measuring: Any, sample: Any) -> None:
    def parts(scale: float) -> dict[str, Any]:
        return {"one": measuring(lambda n: n * scale), "two": squares(measuring)}

    small, large = (
        CompositeReward(parts(scale), {"two": 0.5}, aggregation="normalize_then_sum")
        for scale in (1.0, 200.0)
    )
    np.testing.assert_allclose(values(small, sample), values(large, sample), atol=1e-3)  # type: ignore[arg-type]
    expected = [
        a + 0.5 * b
        for a, b in zip(normalised([0.0, 2.0, 4.0]), normalised([0.0, 4.0, 16.0]), strict=True)
        if a is not None and b is not None
    ]
    np.testing.assert_allclose([values(small, sample)[k] for k in (0, 2, 4)], expected)  # type: ignore[arg-type]


def test_a_constant_part_says_nothing_once_it_is_normalised(measuring: Any, sample: Any) -> None:
    alone = CompositeReward({"one": measuring()}, aggregation="normalize_then_sum")
    padded = CompositeReward(
        {"one": measuring(), "constant": ConstantReward(9.0)}, aggregation="normalize_then_sum"
    )
    assert values(alone, sample) == values(padded, sample)


def test_normalised_values_keep_their_gaps() -> None:
    found = normalised([1.0, None, 3.0])
    assert found[1] is None
    assert found[2] == pytest.approx(1 / (math.sqrt(2) + EPSILON))
    assert normalised([5.0]) == [0.0]
    assert normalised([None, None]) == [None, None]


def test_a_sample_that_one_part_cannot_score_is_not_scored(measuring: Any, sample: Any) -> None:
    both = CompositeReward({"one": measuring(), "picky": loses(measuring, 2)})
    rewards = both.score(PROMPTS, [sample(k) for k in range(5)])
    assert [reward.value for reward in rewards] == [100.0, 101.0, None, 103.0, 104.0]
    assert (rewards[2].status, rewards[2].reason) == (Status.JUDGE_PARSE_ERROR, "picky: no score")
    assert rewards[2].evidence["parts"]["one"]["value"] == 2.0


def test_a_missing_part_may_be_skipped_if_asked_for(measuring: Any, sample: Any) -> None:
    both = CompositeReward({"one": measuring(), "picky": loses(measuring, 2)}, missing="skip")
    assert values(both, sample) == [100.0, 101.0, 2.0, 103.0, 104.0]


def test_where_every_part_is_missing_nothing_is_skipped(measuring: Any, sample: Any) -> None:
    alone = CompositeReward({"picky": loses(measuring, 2)}, missing="skip")
    assert values(alone, sample)[2] is None


@pytest.mark.parametrize("aggregation", ["sum_then_normalize", "normalize_then_sum"])
def test_a_missing_sample_leaves_its_group_to_the_others(
    measuring: Any, sample: Any, aggregation: str
) -> None:
    picky = measuring(lambda n: Reward.unscored(Status.JUDGE_PARSE_ERROR, "no") if n == 2 else float(n))
    found = values(CompositeReward({"picky": picky}, aggregation=aggregation), sample)
    assert found[2] is None
    assert found[0] == pytest.approx(-found[4])  # type: ignore[operator]


def test_kind_and_needs_come_from_the_parts(measuring: Any) -> None:
    assert CompositeReward({"a": RandomReward(), "b": ConstantReward()}).info.kind == "control"
    assert CompositeReward({"a": RandomReward(), "b": measuring()}).info.kind == "external"


def test_its_identity_is_that_of_its_parts(measuring: Any) -> None:
    one, two = (CompositeReward({"m": measuring(scale=scale)}).identity() for scale in (1, 2))
    assert one != two
    assert one["parts"]["m"]["scale"] == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"aggregation": "mean"}, "cannot aggregate by 'mean'"),
        ({"missing": "zero"}, "cannot treat missing parts as 'zero'"),
        ({"weights": {"other": 1.0}}, "has no part 'other'; it has one"),
        ({"weights": {"one": math.inf}}, "weight of 'one' in 'composite' is inf"),
    ],
)
def test_what_makes_no_sum_is_refused(measuring: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CompositeReward({"one": measuring()}, **settings)


def test_a_composite_of_nothing_or_of_relative_rewards_is_refused(measuring: Any) -> None:
    with pytest.raises(UsageError, match="at least one part"):
        CompositeReward({})
    relative = CompositeReward({"m": measuring()}, aggregation="sum_then_normalize")
    with pytest.raises(UsageError, match="depends on its group already"):
        CompositeReward({"relative": relative})


@pytest.mark.parametrize(
    ("text", "message"), [("x*random", "'x' in 'x\\*random' is no weight"), ("random+random", "comes twice")]
)
def test_a_text_that_names_no_sum_is_refused(
    text: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "selfreward_eval.rewarders.composite.build", lambda name, model, world: RandomReward()
    )
    with pytest.raises(UsageError, match=message):
        parse_parts(text)


def test_parts_may_be_named_in_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "selfreward_eval.rewarders.composite.build", lambda name, model, world: ConstantReward(len(name))
    )
    composite = CompositeReward("constant + 0.5*random")
    assert composite.weights == {"constant": 1.0, "random": 0.5}
    assert composite.parts["random"].identity()["value"] == 6.0
