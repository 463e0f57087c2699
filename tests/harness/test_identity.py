"""Where two identities differ."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.identity import Difference, differing

identities = st.recursive(
    st.integers(0, 3) | st.text(max_size=2) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
).filter(lambda value: isinstance(value, dict))


def test_every_differing_leaf_is_named_by_its_path() -> None:
    a = {"model": {"generation": {"guidance": 2.0}, "name": "tiny"}, "seed": 0}
    b = {"model": {"generation": {"guidance": 5.0}, "name": "tiny"}, "limit": 12, "seed": 0}
    assert differing(a, b) == [
        Difference("limit", "absent", "12"),
        Difference("model.generation.guidance", "2.0", "5.0"),
    ]


def test_what_is_written_alike_is_alike() -> None:
    assert differing({"range": (0, 1), "options": {}}, {"range": [0, 1]}) == []


def test_none_is_not_absent() -> None:
    assert differing({"limit": None}, {}) == [Difference("limit", "null", "absent")]


def test_long_values_are_shown_by_their_ends() -> None:
    (only,) = differing({"sha256": "a" * 64}, {"sha256": "a" * 63 + "b"})
    assert only.a == '"' + "a" * 23 + "..." + "a" * 7 + '"'
    assert only.a != only.b


@given(identities, identities)
def test_swapping_the_two_swaps_the_sides(a: dict[str, object], b: dict[str, object]) -> None:
    assert differing(a, a) == []
    assert [Difference(field, y, x) for field, x, y in differing(b, a)] == differing(a, b)
