"""What a run will consist of: the limit, the samples, the identity."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Item, fingerprint
from selfreward_eval.harness.runs.plan import identity, plan
from selfreward_eval.harness.task import limited
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

TASK = ShapesGenEval()
categories = st.lists(st.sampled_from("abcd"), min_size=1, max_size=30)


def items_of(names: list[str]) -> list[Item]:
    return [Item(str(k), "text", name) for k, name in enumerate(names)]


def test_a_limit_takes_two_items_of_every_tag() -> None:
    taken = limited(TASK.items(), 12)
    assert set(Counter(item.category for item in taken).values()) == {2}
    assert [item.id for item in taken] == sorted(item.id for item in taken)


def test_no_limit_and_a_large_one_take_everything() -> None:
    assert limited(TASK.items(), None) == limited(TASK.items(), 10_000) == list(TASK.items())


@given(categories, st.integers(1, 40))
def test_a_limit_is_even_as_far_as_the_categories_reach(names: list[str], limit: int) -> None:
    items = items_of(names)
    taken = limited(items, limit)
    assert len(taken) == min(limit, len(items))
    assert taken == [item for item in items if item in taken]
    counts, whole = Counter(item.category for item in taken), Counter(names)
    fullest = max(counts.values())
    assert all(counts[name] >= min(fullest - 1, whole[name]) for name in whole)


@given(categories, st.integers(1, 40))
def test_a_larger_limit_keeps_what_a_smaller_one_took(names: list[str], limit: int) -> None:
    items = items_of(names)
    assert {i.id for i in limited(items, limit)} <= {i.id for i in limited(items, limit + 1)}


def test_a_sample_keeps_its_number_and_seed_under_any_limit() -> None:
    whole = {p.doc_id: p for p in plan(TASK, TASK.items(), TASK.items(), 0, "hashed")}
    few = plan(TASK, TASK.items(), limited(TASK.items(), 12), 0, "hashed")
    assert len(whole) == len(TASK.items()) * TASK.info.images_per_item
    assert len(few) == 12 * TASK.info.images_per_item
    assert all(whole[planned.doc_id] == planned for planned in few)


def test_an_unknown_seed_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'shapes_geneval' has no seed policy 'official'; known: hashed"):
        plan(TASK, TASK.items(), TASK.items(), 0, "official")


def test_everything_that_can_change_a_score_is_in_the_identity() -> None:
    def who(**changes: object) -> str:
        setting = {"model": DummyModel(), "seed": 0, "policy": "hashed", "limit": 6} | changes
        items = {"shapes_geneval": limited(TASK.items(), setting["limit"])}  # type: ignore[arg-type]
        model, seed, policy = setting["model"], setting["seed"], setting["policy"]
        return fingerprint(identity(model, [TASK], items, seed, policy, setting["limit"]))  # type: ignore[arg-type]

    variants: list[dict[str, object]] = [{}]
    variants += [{"model": DummyModel(size=16)}, {"seed": 1}, {"policy": "other"}, {"limit": 7}]
    assert len({who(**changes) for changes in variants}) == len(variants)
    assert who() == who()
