"""YOLOv3-tiny on values of our own, and the real weights on photographs where both are on this machine."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.photographs import photograph

from selfreward_eval.harness.data import locate
from selfreward_eval.harness.errors import CheckpointError, MissingData, UsageError
from selfreward_eval.harness.instruments.backends.darknet import (
    COARSE,
    EPSILON,
    HEADER,
    LAYERS,
    NUMBERS,
    OUTPUTS,
    PER_BOX,
    decode,
    load_weights,
)
from selfreward_eval.harness.instruments.base import Detector
from selfreward_eval.harness.instruments.yolov3_tiny import (
    WEIGHTS,
    YoloV3TinyDetector,
    load_pixels,
    restore_boxes,
)


def write_weights(path: Path, values: np.ndarray) -> Path:
    path.write_bytes(bytes(HEADER) + values.astype("<f4").tobytes())
    return path


def constant(objectness: float, class_logits: dict[int, float]) -> np.ndarray:
    """Weights of zeros but for the biases of both grids, so that every cell of any picture says the same."""
    values = np.zeros(NUMBERS)
    start = 0
    for layer in LAYERS:
        if layer.outputs == OUTPUTS:
            bias = np.zeros((3, PER_BOX))
            bias[:, 4], bias[:, 5:] = objectness, -30
            for index, logit in class_logits.items():
                bias[:, 5 + index] = logit
            values[start : start + OUTPUTS] = bias.reshape(-1)
        start += layer.numbers
    return values


def test_the_file_is_darknets() -> None:
    assert NUMBERS == 8_858_734
    assert HEADER + 4 * NUMBERS == 35_434_956


def test_a_layers_values_are_bias_scale_mean_variance_and_kernel(tmp_path: Path) -> None:
    values = np.zeros(NUMBERS)
    first = LAYERS[0]
    heads = values[: 4 * first.outputs].reshape(4, first.outputs)
    heads[0], heads[1], heads[2], heads[3] = 5, 2, 3, 4
    values[4 * first.outputs] = 7
    layer = load_weights(write_weights(tmp_path / "w", values), "cpu").layers[0]
    factor = 2 / math.sqrt(4 + EPSILON)
    assert layer.kernel[0, 0, 0, 0].item() == pytest.approx(7 * factor)
    assert layer.bias[0].item() == pytest.approx(5 - 3 * factor)


def test_the_grids_have_a_32nd_and_a_16th_of_the_pictures_size(tmp_path: Path) -> None:
    network = load_weights(write_weights(tmp_path / "w", constant(0, {})), "cpu")
    coarse, fine = network(torch.zeros(1, 3, 96, 96))
    assert (coarse.shape, fine.shape) == ((1, OUTPUTS, 3, 3), (1, OUTPUTS, 6, 6))


def test_a_cell_says_where_its_box_lies() -> None:
    grid = torch.zeros(OUTPUTS, 2, 2)
    boxes, scores = decode(grid, COARSE, 64)
    # The first anchor in the first cell: its centre is half a cell from the corner.
    assert boxes[0].tolist() == pytest.approx([16 - 81 / 2, 16 - 82 / 2, 16 + 81 / 2, 16 + 82 / 2])
    assert boxes[1][0].item() == pytest.approx(48 - 81 / 2)
    assert scores[0].tolist() == pytest.approx([0.25] * 80)


def test_a_wide_picture_lies_in_the_middle_of_grey() -> None:
    pixels = load_pixels(Image.new("RGB", (200, 100), "white"), 64)
    assert pixels.shape == (3, 64, 64)
    assert pixels[0, :16].unique().tolist() == [0.5]
    assert pixels[0, 16:48].min().item() == pytest.approx(1)


def test_boxes_come_back_in_pixels_of_the_picture() -> None:
    boxes = torch.tensor([[0.0, 16, 64, 48], [-5, 0, 32, 32]])
    assert restore_boxes(boxes, (200, 100), 64).tolist() == [[0, 0, 200, 100], [0, 0, 100, 50]]


def test_only_what_was_asked_for_is_found_and_each_place_once(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "w", constant(30, {0: 30, 16: 0}))
    detector = YoloV3TinyDetector(str(path), size=32)
    assert isinstance(detector, Detector)
    (found,) = detector.detect([Image.new("RGB", (32, 32))], ["dog"])
    assert {one.label for one in found} == {"dog"}
    assert {round(one.score, 3) for one in found} == {0.5}
    assert len(found) < 15
    assert detector.detect([Image.new("RGB", (32, 32))], ["cat"]) == [[]]


def test_geneval_may_use_its_own_names(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "w", constant(30, {64: 30}))
    (found,) = YoloV3TinyDetector(str(path), size=32).detect([Image.new("RGB", (9, 40))], ["computer mouse"])
    assert {one.label for one in found} == {"computer mouse"}


@pytest.mark.parametrize("size", [0, 100, "416", True])
def test_another_size_is_refused(size: int) -> None:
    with pytest.raises(UsageError, match="multiple of 32"):
        YoloV3TinyDetector(size=size)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"pickled")
    with pytest.raises(CheckpointError, match=r"holds 7 bytes, .* 35,434,956"):
        YoloV3TinyDetector(str(tmp_path / "w")).detect([Image.new("RGB", (8, 8))], ["dog"])
    with pytest.raises(CheckpointError, match="cannot be read"):
        YoloV3TinyDetector(str(tmp_path / "none")).identity()
    damaged = write_weights(tmp_path / "nan", np.full(NUMBERS, np.nan))
    with pytest.raises(CheckpointError, match="no numbers"):
        YoloV3TinyDetector(str(damaged)).detect([Image.new("RGB", (8, 8))], ["dog"])


def test_without_weights_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFREWARD_CACHE", str(tmp_path))
    monkeypatch.delenv("SELFREWARD_DATA", raising=False)
    with pytest.raises(MissingData, match=r"data fetch yolov3_tiny`"):
        YoloV3TinyDetector().identity()


def test_the_real_weights_find_a_cup() -> None:
    coffee = photograph("skimage", "coffee.png")
    try:
        locate(WEIGHTS)
    except MissingData as error:
        pytest.skip(str(error))
    (found,) = YoloV3TinyDetector().detect([coffee], ["cup", "dog"])
    assert [(one.label, one.score > 0.5) for one in found[:1]] == [("cup", True)]
