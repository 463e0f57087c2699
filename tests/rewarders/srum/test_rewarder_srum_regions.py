"""Region proposals: a detector's objects or SAM's masks, in whole pixels, the largest first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.errors import CheckpointError, InputError, UsageError
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.rewarders.base import RewardSample
from selfreward_eval.rewarders.srum.region_views import region_view
from selfreward_eval.rewarders.srum.regions import DetectorRegions, Proposer, object_labels
from selfreward_eval.rewarders.srum.rewarder import proposer
from selfreward_eval.rewarders.srum.sam import SamRegions


class Finds:
    """A detector that finds what it is told; keeps what it was asked."""

    def __init__(self, *detections: Detection) -> None:
        self.detections = list(detections)
        self.asked: list[tuple[int, tuple[str, ...]]] = []

    def identity(self) -> dict[str, Any]:
        return {"name": "finds"}

    def detect(self, images: Sequence[Image.Image], labels: Sequence[str]) -> list[list[Detection]]:
        self.asked.append((len(images), tuple(labels)))
        return [self.detections for _ in images]


def boxes(found: Any) -> list[tuple[int, int, int, int]]:
    return [one.box for one in found]


def test_detections_are_sorted_by_area_and_cut_by_score(sample: Any) -> None:
    detector = Finds(
        Detection("a", (0, 0, 2, 2), 0.9),
        Detection("b", (0, 0, 6, 4), 0.3),
        Detection("c", (0, 0, 5, 4), 0.29),
    )
    (found,) = DetectorRegions(detector, ["a", "b", "c"]).propose(["p"], [sample(1)])
    assert [(one.label, one.area) for one in found] == [("b", 24), ("a", 4)]


def test_a_masks_area_counts_where_there_is_one(sample: Any) -> None:
    mask = np.zeros((4, 6), dtype=bool)
    mask[0, 0] = True
    detector = Finds(Detection("a", (0, 0, 6, 4), 0.9, mask), Detection("b", (0, 0, 2, 2), 0.9))
    (found,) = DetectorRegions(detector, ["a", "b"]).propose(["p"], [sample(1)])
    assert [(one.label, one.area) for one in found] == [("b", 4), ("a", 1)]


def test_boxes_are_rounded_into_the_picture(sample: Any) -> None:
    detector = Finds(
        Detection("a", (-3.0, 0.4, 2.6, 99.0), 0.9),
        Detection("a", (1.1, 1.1, 1.4, 3.0), 0.9),
        Detection("a", (7.0, 1.0, 9.0, 3.0), 0.9),
    )
    (found,) = DetectorRegions(detector, ["a"]).propose(["p"], [sample(1)])
    assert boxes(found) == [(0, 0, 3, 4)]


def test_pictures_with_the_same_labels_are_detected_together(sample: Any) -> None:
    detector = Finds()
    prompts = ["a red cup", "a dog", "a red cup"]
    DetectorRegions(detector).propose(prompts, [sample(k) for k in range(3)])
    assert detector.asked == [(2, ("red cup",)), (1, ("dog",))]


def test_labels_come_from_the_metadata_or_else_the_prompt() -> None:
    row = {"include": [{"class": "bench"}, {"class": "dog"}, {"class": "bench"}]}
    assert object_labels("p", row) == ("bench", "dog")
    assert object_labels("p", {"chunks": ["a green bench", "the dog"]}) == ("green bench", "dog")
    assert object_labels("the sheep stands in front of an old red barn", {}) == ("sheep", "old red barn")


def test_a_prompt_that_names_no_object_is_refused() -> None:
    with pytest.raises(InputError, match="'slowly' names no object to look for; choose regions=sam"):
        object_labels("slowly", {})


def test_the_oracle_proposes_the_shapes_it_sees(scene: Any) -> None:
    shapes = proposer("shapes")
    assert isinstance(shapes, Proposer)
    (found,) = shapes.propose(["whatever"], [scene(("star", "red", 8, 8), ("ring", "blue", 40, 24))])
    assert {one.label for one in found} == {"star", "ring"}
    # The oracle's boxes hug what is painted, a pixel within the outline at most.
    expected = {"star": (1, 1, 15, 15), "ring": (33, 17, 47, 31)}
    for one in found:
        assert np.abs(np.subtract(one.box, expected[one.label])).max() <= 1


def test_a_proposer_may_be_given_itself(sample: Any) -> None:
    own = DetectorRegions(Finds(), ["a"])
    assert proposer(own) is own
    with pytest.raises(UsageError, match="cannot take regions from int"):
        proposer(3)  # type: ignore[arg-type]


def test_a_named_detector_gets_its_arguments_and_the_proposer_its_own() -> None:
    built = proposer("shapes_oracle", {"threshold": 0.7, "labels": ["star"]})
    assert isinstance(built, DetectorRegions)
    assert (built.threshold, built.labels) == (0.7, ("star",))
    with pytest.raises(UsageError, match="shapes_oracle_vqa cannot be the region detector"):
        proposer("shapes_oracle_vqa")
    with pytest.raises(UsageError, match="'shapes' take labels and threshold only, got device"):
        proposer("shapes", {"device": "cpu"})


# How a region is shown


def picture() -> Image.Image:
    pixels = np.full((8, 8, 3), 200, dtype=np.uint8)
    pixels[0:2, 0:2] = (255, 0, 0)
    pixels[6:8, 6:8] = (0, 0, 255)
    return Image.fromarray(pixels)


def test_a_masked_region_keeps_its_place_and_loses_its_surroundings() -> None:
    seen = np.asarray(region_view(picture(), (0, 0, 3, 3), "masked"))
    assert seen.shape == (8, 8, 3)
    assert seen[0, 0].tolist() == [255, 0, 0]
    assert seen[7, 7].tolist() == [200, 200, 200]


def test_a_cropped_region_is_all_there_is() -> None:
    assert region_view(picture(), (6, 6, 8, 8), "crop").size == (2, 2)
    with pytest.raises(UsageError, match="cannot be shown 'outlined'; known: masked, crop"):
        region_view(picture(), (0, 0, 1, 1), "outlined")


# SAM


@pytest.fixture(scope="module")
def sam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random SAM in the hub's format."""
    import torch
    from transformers import (
        SamConfig,
        SamImageProcessor,
        SamMaskDecoderConfig,
        SamModel,
        SamPromptEncoderConfig,
        SamVisionConfig,
    )

    torch.manual_seed(0)
    heads: dict[str, Any] = {"num_hidden_layers": 1, "num_attention_heads": 2}
    size: dict[str, Any] = {"image_size": 64, "patch_size": 8}
    config = SamConfig(
        vision_config=SamVisionConfig(
            hidden_size=16, output_channels=16, mlp_dim=32, window_size=4, global_attn_indexes=[0],
            num_pos_feats=8, **heads, **size,
        ).to_dict(),
        prompt_encoder_config=SamPromptEncoderConfig(hidden_size=16, mask_input_channels=4, **size).to_dict(),
        mask_decoder_config=SamMaskDecoderConfig(
            hidden_size=16, mlp_dim=32, iou_head_hidden_dim=16, iou_head_depth=2, **heads
        ).to_dict(),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("sam")
    SamModel(config).save_pretrained(folder)
    SamImageProcessor(
        size={"longest_edge": 64},
        pad_size={"height": 64, "width": 64},
        mask_size={"longest_edge": 16},
        mask_pad_size={"height": 16, "width": 16},
    ).save_pretrained(folder)
    return folder


def noise(width: int = 60, height: int = 48) -> RewardSample:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return RewardSample(Image.fromarray(pixels))


def test_sams_masks_become_boxes_by_size(sam: Path) -> None:
    regions = SamRegions(str(sam), points=3, iou=-10, stability=0.0, overlap=1.0, device="cpu")
    (found,) = regions.propose(["p"], [noise()])
    assert len(found) > 3
    areas = [one.area for one in found]
    assert areas == sorted(areas, reverse=True)
    for one in found:
        x0, y0, x1, y1 = one.box
        assert 0 <= x0 < x1 <= 60
        assert 0 <= y0 < y1 <= 48
        assert 0 < one.area <= (x1 - x0) * (y1 - y0)


def test_masks_that_are_not_sure_enough_are_left_out(sam: Path) -> None:
    assert SamRegions(str(sam), points=3, device="cpu").propose(["p"], [noise()]) == [[]]


def test_sam_proposes_the_same_in_any_batch(sam: Path) -> None:
    def propose(*samples: RewardSample, **settings: Any) -> list[Any]:
        regions = SamRegions(
            str(sam), points=3, iou=-10, stability=0.0, overlap=1.0, device="cpu", **settings
        )
        return regions.propose(["p"] * len(samples), samples)

    one, two = noise(), noise(32, 32)
    assert propose(one, two) == [*propose(one), *propose(two)]
    assert [boxes(found) for found in propose(one, points_at_once=2)] == [
        boxes(found) for found in propose(one)
    ]


def test_sam_is_known_by_its_weights(sam: Path) -> None:
    identity = SamRegions(str(sam), points=3).identity()
    assert (identity["weights"], identity["points"], len(identity["sha256"])) == (sam.name, 3, 64)
    assert identity != SamRegions(str(sam), points=4).identity()


def test_sam_without_weights_or_points_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no config"):
        SamRegions(str(tmp_path)).identity()
    with pytest.raises(UsageError, match="points=0"):
        SamRegions(points=0)
    with pytest.raises(UsageError, match=r"the regions 'sam' cannot be built: .*'pionts'"):
        proposer("sam", {"pionts": 3})
