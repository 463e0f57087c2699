"""Labels of COCO detectors."""

from __future__ import annotations

import pytest

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.backends.coco import COCO_CLASSES, coco_indices


def test_the_first_and_last_class() -> None:
    assert coco_indices(["toothbrush", "person"]) == {79: "toothbrush", 0: "person"}
    assert len(set(COCO_CLASSES)) == 80


def test_genevals_names_are_the_same_outputs() -> None:
    assert coco_indices(["computer mouse", "tv remote", "computer keyboard"]) == {
        64: "computer mouse",
        65: "tv remote",
        66: "computer keyboard",
    }


@pytest.mark.parametrize("labels", [["unicorn"], ["mouse", "computer mouse"]])
def test_labels_that_no_output_or_the_same_output_has(labels: list[str]) -> None:
    with pytest.raises(UsageError, match=labels[-1]):
        coco_indices(labels)
