"""The on-disk contract: everything comes back as it was written, and failures carry no number."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.records import (
    Item,
    Manifest,
    Measurement,
    Sample,
    SampleRecord,
    Status,
    fingerprint,
)

texts = st.text(max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
items = st.builds(
    Item, id=texts, text=texts, category=texts, cluster=texts, metadata=st.dictionaries(texts, json_values)
)
numbers = st.floats(allow_nan=False, allow_infinity=False)
measurements = st.builds(
    Measurement,
    status=st.just(Status.SUCCESS),
    values=st.dictionaries(st.sampled_from(["accuracy", "score"]), numbers),
    reason=texts,
    evidence=st.dictionaries(texts, json_values),
) | st.builds(
    Measurement,
    status=st.sampled_from([status for status in Status if status is not Status.SUCCESS]),
    reason=texts,
)


@st.composite
def records(draw: st.DrawFn) -> SampleRecord:
    item = draw(items)
    sample = Sample(
        item.id, draw(st.integers(0, 9)), draw(st.integers(0, 2**63 - 1)), draw(st.none() | texts)
    )
    return SampleRecord(draw(st.integers(0)), item, sample, draw(measurements), {"gen_s": 0.5})


@given(records())
def test_a_sample_line_comes_back_as_it_was_written(record: SampleRecord) -> None:
    line = json.loads(json.dumps(record.to_json()))
    assert SampleRecord.from_json(line) == record


@given(records())
def test_a_line_has_a_number_only_where_one_was_measured(record: SampleRecord) -> None:
    line = record.to_json()
    assert line["metrics"] == sorted(record.measurement.values)
    assert record.measurement.ok or not {"accuracy", "score"} & line.keys()


def test_a_line_has_every_key_of_lm_eval() -> None:
    record = SampleRecord(
        7,
        Item("00001", "draw a cat", "one"),
        Sample("00001", 3, 42, "images/x.png"),
        Measurement(Status.SUCCESS),
    )
    line = record.to_json()
    keys = "doc_id doc target arguments resps filtered_resps filter metrics doc_hash prompt_hash target_hash"
    assert set(keys.split()) <= line.keys()
    assert line["doc_id"] == 7
    assert line["doc"]["prompt_id"] == line["doc"]["cluster"] == "00001"
    assert line["arguments"] == {"gen_args_0": {"arg_0": "draw a cat", "arg_1": {"seed": 42}}}
    assert line["resps"] == [["images/x.png"]]


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.SUCCESS])
def test_a_failure_cannot_carry_a_number(status: Status) -> None:
    with pytest.raises(ValueError, match=f"status {status} carries no value"):
        Measurement(status, {"accuracy": 0.0})


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(ValueError, match="'fine' is not a valid Status"):
        Measurement("fine")  # type: ignore[arg-type]


def test_an_item_is_its_own_cluster_by_default() -> None:
    assert Item("a", "text", "one").cluster == "a"
    assert Item("a", "text", "one", cluster="b").cluster == "b"


def test_readers_ignore_keys_of_later_versions() -> None:
    item = Item("a", "text", "one")
    assert Item.from_json(item.to_json() | {"invented_later": 1}) == item
    manifest = Manifest({"seed": 0}, {}, "started", "2026-01-01")
    assert Manifest.from_json(manifest.to_json() | {"invented_later": 1}) == manifest


@given(st.dictionaries(texts, json_values))
def test_a_fingerprint_does_not_depend_on_the_order_of_keys(value: dict[str, object]) -> None:
    backwards = dict(reversed(value.items()))
    assert fingerprint(value) == fingerprint(backwards) == fingerprint(json.loads(json.dumps(value)))


def test_a_manifest_is_known_by_its_identity_alone() -> None:
    one = Manifest({"seed": 0}, {"python": "3.11"}, "started", "2026-01-01")
    assert one.fingerprint == Manifest({"seed": 0}, {}, "success", "2027-01-01").fingerprint
    assert one.fingerprint != Manifest({"seed": 1}, {"python": "3.11"}, "started", "2026-01-01").fingerprint
