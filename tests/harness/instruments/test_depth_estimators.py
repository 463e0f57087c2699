"""Depth by tiny DPT, DPT-hybrid and Depth Anything networks with random weights, saved as real ones are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from selfreward_eval.harness.errors import CheckpointError, InputError, UsageError
from selfreward_eval.harness.instruments.base import DepthEstimator
from selfreward_eval.harness.instruments.depth import DepthAnything, DptDepth, as_8_bit, nearness

SIDE = 64
NECK: dict[str, Any] = {"neck_hidden_sizes": [8, 8, 16, 16], "fusion_hidden_size": 8}
LAYERS = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 32}


def dpt(seed: int = 0, *, hybrid: bool = False) -> Any:
    """A DPT for pictures of 32 pixels, which must cope with 64."""
    from transformers import BitConfig, DPTConfig, DPTForDepthEstimation

    extra: dict[str, Any] = {"backbone_out_indices": [0, 1, 2, 3]}
    if hybrid:
        # As the published one: two convolutional stages go to the neck as they are, then the transformer's.
        backbone = BitConfig(  # type: ignore[call-arg]
            global_padding="same", layer_type="bottleneck", depths=[1, 1, 1], hidden_sizes=[8, 16, 32],
            embedding_size=8, num_groups=2, out_features=["stage1", "stage2", "stage3"],
            embedding_dynamic_padding=True,
        )  # fmt: skip
        extra |= {"is_hybrid": True, "backbone_config": backbone, "backbone_featmap_shape": [1, 32, 2, 2]}
        extra |= {"neck_hidden_sizes": [8, 16, 16, 16]}
    config = DPTConfig(image_size=32, patch_size=16, **{**LAYERS, **NECK, **extra})
    return randomised(DPTForDepthEstimation(config), seed)


def anything(seed: int = 0, *, kind: str = "relative") -> Any:
    """A Depth Anything with patches of 16 pixels."""
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    backbone = Dinov2Config(  # type: ignore[call-arg]
        image_size=32, patch_size=16, hidden_size=16, num_hidden_layers=4, num_attention_heads=2, mlp_ratio=2,
        out_indices=[1, 2, 3, 4], reshape_hidden_states=False,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, patch_size=16, reassemble_hidden_size=16, head_hidden_size=8,
        depth_estimation_type=kind, **NECK,
    )  # fmt: skip
    return randomised(DepthAnythingForDepthEstimation(config), seed)


def randomised(model: Any, seed: int) -> Any:
    torch.manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.normal_(0, 0.3)
        # The last layer ends in a ReLU: what is negative everywhere would be a constant map.
        model.head.state_dict()[
            [name for name in model.head.state_dict() if name.endswith("bias")][-1]
        ].fill_(5.0)
    return model.eval()


NETWORKS = {"dpt": dpt, "hybrid": lambda: dpt(hybrid=True), "anything": anything}
INSTRUMENTS: dict[str, Any] = {"dpt": DptDepth, "hybrid": DptDepth, "anything": DepthAnything}
LOOKS = {
    "dpt": ("BILINEAR", (0.5,) * 3, (0.5,) * 3),
    "hybrid": ("BILINEAR", (0.5,) * 3, (0.5,) * 3),
    "anything": ("BICUBIC", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
kinds = pytest.mark.parametrize("kind", list(NETWORKS))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("weights")
    for name, network in NETWORKS.items():
        network().save_pretrained(root / name)
    return {name: root / name for name in NETWORKS}


def estimator(folders: dict[str, Path], kind: str, **settings: Any) -> Any:
    usual = {"image_size": SIDE, "device": "cpu", "quantise": False}
    return INSTRUMENTS[kind](str(folders[kind]), **{**usual, **settings})


def picture(width: int = 40, height: int = 30, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def slowly(kind: str, image: Image.Image) -> np.ndarray:
    """One picture, by upstream's steps written out."""
    from torchvision import transforms

    how, mean, std = LOOKS[kind]
    look = transforms.Compose(
        [
            transforms.Resize([SIDE, SIDE], interpolation=transforms.InterpolationMode[how]),
            transforms.ToTensor(),
            transforms.Normalize(mean, std),
        ]
    )
    model = NETWORKS[kind]()
    if kind == "hybrid":
        model.dpt.embeddings.image_size = (SIDE, SIDE)
    with torch.no_grad():
        found = model(pixel_values=look(image)[None]).predicted_depth[0]
    found = (found - found.min()) / (found.max() - found.min())
    size = (image.height, image.width)
    return torch.nn.functional.interpolate(found[None, None], size, mode="bilinear", align_corners=True)[
        0, 0
    ].numpy()


@kinds
def test_it_is_a_depth_estimator(folders: dict[str, Path], kind: str) -> None:
    assert isinstance(estimator(folders, kind), DepthEstimator)


@kinds
def test_it_reads_what_the_network_says(folders: dict[str, Path], kind: str) -> None:
    images = [picture(), picture(17, 50, seed=1)]
    for image, found in zip(images, estimator(folders, kind).depth(images), strict=True):
        expected = slowly(kind, image)
        assert found.dtype == np.float32
        assert found.shape == (image.height, image.width)
        assert found == pytest.approx(expected, abs=1e-4)
        assert np.ptp(expected) > 0.2


@kinds
def test_batches_change_nothing(folders: dict[str, Path], kind: str) -> None:
    images = [picture(30 + 5 * k, 40, seed=k) for k in range(5)]
    alone = estimator(folders, kind, batch_size=1).depth(images)
    for one, other in zip(alone, estimator(folders, kind, batch_size=4).depth(images), strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_nothing_has_no_depth(folders: dict[str, Path]) -> None:
    assert estimator(folders, "dpt").depth([]) == []


def test_larger_is_nearer_and_the_ends_are_0_and_1() -> None:
    found = nearness(torch.tensor([[2.0, 4.0], [6.0, 10.0]]), 2, 2)
    assert found.tolist() == [[0.0, 0.25], [0.5, 1.0]]


def test_corners_are_aligned() -> None:
    """Three columns from two: the middle one is halfway."""
    assert nearness(torch.tensor([[0.0, 1.0]]), 3, 1).tolist() == [[0.0, 0.5, 1.0]]


@pytest.mark.parametrize("value", [0.0, 3.5, -2.0])
def test_a_constant_map_is_zero_everywhere(value: float) -> None:
    found = nearness(torch.full((4, 4), value), 6, 2)
    assert found.shape == (2, 6)
    assert not found.any()


def test_8_bits_are_those_of_upstreams_png() -> None:
    depth = np.random.default_rng(0).random((50, 50), dtype=np.float32)
    depth[0, :3] = 0, 1, 254.999 / 255
    upstream = np.asarray(Image.fromarray(255 * depth).convert("L"), dtype=np.float32)
    assert np.array_equal(np.rint(255 * as_8_bit(depth)), upstream)


def test_quantised_maps_are_multiples_of_one_255th(folders: dict[str, Path]) -> None:
    (found,) = estimator(folders, "dpt", quantise=True).depth([picture()])
    (fine,) = estimator(folders, "dpt").depth([picture()])
    assert np.array_equal(found, as_8_bit(fine))
    assert len(np.unique(found)) < len(np.unique(fine))


@kinds
@pytest.mark.parametrize(
    "image",
    [Image.new("RGB", (1, 1)), Image.new("L", (5, 90)), Image.new("RGBA", (90, 5)), Image.new("P", (9, 9))],
)
def test_odd_pictures_are_read(folders: dict[str, Path], kind: str, image: Image.Image) -> None:
    (found,) = estimator(folders, kind).depth([image])
    assert found.shape == (image.height, image.width)
    assert ((found >= 0) & (found <= 1)).all()


def test_a_picture_without_a_pixel_is_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="dpt_depth: picture 0 has 0x7 pixels"):
        estimator(folders, "dpt").depth([Image.new("RGB", (0, 7))])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(folders: dict[str, Path], dtype: str) -> None:
    half = estimator(folders, "dpt", dtype=dtype)
    (found,) = half.depth([picture()])
    (exact,) = estimator(folders, "dpt").depth([picture()])
    assert float(np.abs(found - exact).mean()) < 0.05
    assert half.identity()["dtype"] == dtype


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (float("inf"), r"damaged: head.head.0.weight holds NaN or infinity"),
        (3e38, "dpt_depth computes no number in float32"),
    ],
)
def test_weights_that_overflow_give_no_number(tmp_path: Path, value: float, told: str) -> None:
    model = dpt()
    with torch.no_grad():
        model.head.head[0].weight.fill_(value)
    model.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=told):
        estimator({"dpt": tmp_path}, "dpt").depth([picture()])


def test_the_official_settings_are_the_default() -> None:
    usual = DptDepth()
    assert (usual.weights, usual.image_size, usual.quantise) == ("Intel/dpt-hybrid-midas", 480, True)


def test_identity_is_the_content_not_the_place(folders: dict[str, Path], tmp_path: Path) -> None:
    dpt().save_pretrained(tmp_path / "dpt")
    assert estimator({"dpt": tmp_path / "dpt"}, "dpt").identity() == estimator(folders, "dpt").identity()


@pytest.mark.parametrize("change", [{"image_size": 96}, {"quantise": True}, {"dtype": "bfloat16"}])
def test_what_changes_a_reading_is_in_the_identity(folders: dict[str, Path], change: dict[str, Any]) -> None:
    assert estimator(folders, "dpt", **change).identity() != estimator(folders, "dpt").identity()


def test_depth_anything_is_another_instrument(folders: dict[str, Path]) -> None:
    names = [estimator(folders, kind).identity()["name"] for kind in ("dpt", "anything")]
    assert names == ["dpt_depth", "depth_anything"]


def test_published_checkpoints_may_lack_what_is_never_used(tmp_path: Path) -> None:
    model = dpt()
    unused = "neck.fusion_stage.layers.0.residual_layer1."
    state = {name: value for name, value in model.state_dict().items() if not name.startswith(unused)}
    assert len(state) < len(model.state_dict())
    model.save_pretrained(tmp_path, state_dict=state)
    (found,) = estimator({"dpt": tmp_path}, "dpt").depth([picture()])
    assert found == pytest.approx(slowly("dpt", picture()), abs=1e-4)


def test_other_missing_weights_are_never_made_up(tmp_path: Path) -> None:
    model = dpt()
    state = {name: value for name, value in model.state_dict().items() if name != "head.head.0.weight"}
    model.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(CheckpointError, match=r"lacks 1 weights .* such as head\.head\.0\.weight"):
        estimator({"dpt": tmp_path}, "dpt").depth([picture()])


def test_the_wrong_family_is_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(CheckpointError, match="is a 'depth_anything' where 'dpt' is needed"):
        DptDepth(str(folders["anything"]), device="cpu").depth([picture()])


def test_metric_depth_is_refused(tmp_path: Path) -> None:
    anything(kind="metric").save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="metric depth, where larger is farther"):
        estimator({"anything": tmp_path}, "anything").depth([picture()])


@kinds
def test_a_size_that_is_no_whole_number_of_patches_is_refused(folders: dict[str, Path], kind: str) -> None:
    with pytest.raises(UsageError, match="an image_size of 50 does not fit; choose a multiple of 16"):
        estimator(folders, kind, image_size=50).depth([picture()])


def test_a_damaged_file_is_named(folders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folders["dpt"] / "config.json").read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        estimator({"dpt": tmp_path}, "dpt").depth([picture()])


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "dpt"}))
    with pytest.raises(CheckpointError, match="holds no safetensors"):
        DptDepth(str(tmp_path)).identity()


@pytest.mark.parametrize("settings", [{"dtype": "int8"}, {"batch_size": 0}, {"image_size": 0}])
@pytest.mark.parametrize("instrument", [DptDepth, DepthAnything])
def test_impossible_settings_are_refused_at_once(instrument: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=instrument.kind.name):
        instrument(**settings)


@pytest.mark.parametrize("size", [(40, 30), (17, 50), (64, 64), (1, 9)])
def test_pictures_are_squashed_as_the_librarys_processor_does(size: tuple[int, int]) -> None:
    """DPT's own processor, told not to keep proportions, on pictures of unequal sides."""
    from transformers import DPTImageProcessorPil

    from selfreward_eval.harness.instruments.backends.preprocessing import HALF, preprocess

    library = DPTImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, keep_aspect_ratio=False, resample=2,
        image_mean=list(HALF), image_std=list(HALF),
    )  # fmt: skip
    image = picture(*size)
    expected = library(image, return_tensors="pt")["pixel_values"]
    found = preprocess([image], SIDE, resample="bilinear", mean=HALF, std=HALF)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
