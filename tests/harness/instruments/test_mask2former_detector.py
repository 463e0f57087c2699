"""The detector on a tiny network with random weights, saved as the real ones are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.backends import mask2former_mmdet
from selfreward_eval.harness.instruments.backends.coco import COCO_CLASSES
from selfreward_eval.harness.instruments.base import Detector
from selfreward_eval.harness.instruments.mask2former import Mask2FormerDetector


def network(classes: int = 80) -> Any:
    """A Mask2Former of some thousand weights."""
    from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinConfig

    torch.manual_seed(0)
    backbone = SwinConfig(  # type: ignore[call-arg]
        image_size=64,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = Mask2FormerConfig(  # type: ignore[call-arg]
        backbone_config=backbone,
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        dim_feedforward=32,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        num_queries=5,
        num_labels=classes,
    )
    return Mask2FormerForUniversalSegmentation(config).eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny"
    network().save_pretrained(path)
    return path


@pytest.fixture(autouse=True)
def small_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are shown small here, to be quick."""
    monkeypatch.setattr(mask2former_mmdet, "SHORT_EDGE", 64)
    monkeypatch.setattr(mask2former_mmdet, "LONG_EDGE", 128)


def picture(width: int = 40, height: int = 30, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def detector(folder: Path, **settings: Any) -> Mask2FormerDetector:
    return Mask2FormerDetector(str(folder), device="cpu", **settings)


def test_it_is_a_detector(folder: Path) -> None:
    assert isinstance(detector(folder), Detector)


def test_every_candidate_has_label_box_score_and_mask(folder: Path) -> None:
    (found,) = detector(folder).detect([picture()], COCO_CLASSES)
    assert len(found) == 100
    for detection in found:
        assert detection.label in COCO_CLASSES
        assert 0 <= detection.score <= 1
        assert detection.mask is not None
        assert detection.mask.shape == (30, 40)
        assert detection.mask.dtype == bool
        x0, y0, x1, y1 = detection.box
        assert 0 <= x0 <= x1 <= 40
        assert 0 <= y0 <= y1 <= 30


def test_it_reads_what_the_network_says(folder: Path) -> None:
    image = picture()
    with torch.inference_mode():
        output = network()(pixel_values=mask2former_mmdet.load_pixels(torch.from_numpy(np.array(image))))
        masks = mask2former_mmdet.restore_masks(
            output.masks_queries_logits[0], mask2former_mmdet.input_size(40, 30), (40, 30)
        )
        expected = mask2former_mmdet.instances(output.class_queries_logits[0], masks)
    (found,) = detector(folder).detect([image], COCO_CLASSES)
    assert [d.label for d in found] == [COCO_CLASSES[i] for i in expected.classes.tolist()]
    assert [d.score for d in found] == pytest.approx(expected.scores.tolist(), abs=1e-6)


def test_only_the_labels_asked_for_come_back_under_the_tasks_names(folder: Path) -> None:
    (found,) = detector(folder).detect([picture()], COCO_CLASSES)
    (some,) = detector(folder).detect([picture()], ["computer mouse", "person"])
    assert [d.score for d in some] == [d.score for d in found if d.label in ("mouse", "person")]
    assert {d.label for d in some} <= {"computer mouse", "person"}


def test_batches_change_nothing(folder: Path) -> None:
    images = [picture(seed=0), picture(48, 48, seed=1), picture(seed=2)]
    alone = detector(folder).detect(images, COCO_CLASSES)
    together = detector(folder, batch_size=8).detect(images, COCO_CLASSES)
    for one, other in zip(alone, together, strict=True):
        scores = [sorted(d.score for d in found) for found in (one, other)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-5)


def test_identity_is_the_content_not_the_place(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "tiny"
    network().save_pretrained(copy)
    assert detector(copy).identity() == detector(folder).identity()
    assert len(detector(folder).identity()["sha256"]) == 64


def test_other_weights_are_another_identity(folder: Path, tmp_path: Path) -> None:
    other = network()
    with torch.no_grad():
        other.class_predictor.bias += 1
    other.save_pretrained(tmp_path / "tiny")
    assert detector(tmp_path / "tiny").identity() != detector(folder).identity()


def test_a_network_of_other_classes_is_refused(tmp_path: Path) -> None:
    network(classes=3).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="with 3 classes"):
        detector(tmp_path).detect([picture()], ["person"])


def test_missing_weights_are_never_made_up(tmp_path: Path) -> None:
    model = network()
    state = {name: value for name, value in model.state_dict().items() if name != "class_predictor.weight"}
    model.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(CheckpointError, match=r"lacks 1 weights of .*, such as class_predictor\.weight"):
        detector(tmp_path).detect([picture()], ["person"])


def test_a_damaged_file_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    whole = (folder / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        detector(tmp_path).detect([picture()], ["person"])


def test_pickled_weights_are_not_loaded(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    torch.save(network().state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="pickled weights are not loaded"):
        detector(tmp_path).identity()


def test_weights_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def offline(*_: Any, **__: Any) -> str:
        raise LocalEntryNotFoundError("no connection\nand a long explanation")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(CheckpointError, match="'owner/name' is neither a folder") as caught:
        Mask2FormerDetector("owner/name").identity()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("settings", [{"dtype": "int8"}, {"batch_size": 0}])
def test_impossible_settings_are_refused_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="mask2former"):
        Mask2FormerDetector(**settings)


def test_half_precision(folder: Path) -> None:
    (found,) = detector(folder, dtype="bfloat16").detect([picture()], COCO_CLASSES)
    assert all(np.isfinite(d.score) for d in found)


def test_masks_that_are_no_numbers_are_never_given(folder: Path) -> None:
    mask2former = detector(folder)
    mask2former._loaded().class_predictor.register_forward_hook(lambda _, __, output: output * torch.nan)
    with pytest.raises(CheckpointError, match="mask2former computes no number in float32"):
        mask2former.detect([picture()], COCO_CLASSES)
