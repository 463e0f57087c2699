"""Other picture sizes: the checkpoint's position embedding interpolated, or the original one from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments import blip_vqa
from selfreward_eval.harness.instruments.backends.blip_positions import NAMES, interpolated

LARGER = 48
RED_CUP = [200, 201, 202, 203]


def original(tiny: Any, path: Path, side: int = LARGER, name: str = NAMES[0], width: int = 16) -> Path:
    """A file with an embedding for pictures of ``side`` pixels."""
    torch.manual_seed(5)
    patches = (side // tiny.patch) ** 2
    save_file({name: 0.5 * torch.randn(1, patches + 1, width)}, path)
    return path


def test_interpolated_equals_transformers_own(tiny: Any, folder: Path) -> None:
    image = tiny.picture()
    (found,) = tiny.instrument(folder, image_size=LARGER).yes_probabilities([image], ["a red cup?"])
    assert found == pytest.approx(tiny.slowly(tiny.network(), image, RED_CUP, side=LARGER), abs=1e-5)


def test_the_size_of_the_picture_changes_the_answer(tiny: Any, folder: Path) -> None:
    answers = [
        tiny.instrument(folder, image_size=side).yes_probabilities([tiny.picture()], ["a red cup?"])[0]
        for side in (tiny.side, LARGER)
    ]
    assert answers[0] != pytest.approx(answers[1], abs=1e-4)


def test_interpolation_keeps_the_class_token_and_constant_grids() -> None:
    embedding = torch.cat([torch.full((1, 1, 3), 7.0), torch.full((1, 16, 3), 2.0)], dim=1)
    grown = interpolated(embedding, 6)
    assert grown.shape == (1, 37, 3)
    assert torch.equal(grown[:, :1], embedding[:, :1])
    assert torch.allclose(grown[:, 1:], torch.tensor(2.0))


def test_the_same_size_is_left_as_it_is() -> None:
    embedding = torch.randn(1, 17, 3)
    assert torch.equal(interpolated(embedding, 4), embedding)


@pytest.mark.parametrize("name", [*NAMES, "any"])
def test_the_original_embedding_takes_the_place_of_the_checkpoints(
    tiny: Any, folder: Path, tmp_path: Path, name: str
) -> None:
    file = original(tiny, tmp_path / "positions.safetensors", name=name)
    model = tiny.network()
    model.vision_model.embeddings.position_embedding = torch.nn.Parameter(load_file(file)[name])
    image = tiny.picture()
    blip = tiny.instrument(folder, image_size=LARGER, positions=str(file))
    (found,) = blip.yes_probabilities([image], ["a red cup?"])
    assert found == pytest.approx(tiny.slowly(model, image, RED_CUP, side=LARGER), abs=1e-5)


def test_the_official_mode_has_upstreams_layer_norms(
    tiny: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blip_vqa, "OFFICIAL_SIDE", LARGER)
    file = original(tiny, tmp_path / "positions.safetensors")
    model = tiny.network()
    model.vision_model.embeddings.position_embedding = torch.nn.Parameter(load_file(file)[NAMES[0]])
    for module in model.vision_model.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.eps = 1e-6
    image = tiny.picture()
    blip = tiny.instrument(folder, image_size=LARGER, positions=str(file))
    (found,) = blip.yes_probabilities([image], ["a red cup?"])
    assert found == pytest.approx(tiny.slowly(model, image, RED_CUP, side=LARGER), abs=1e-6)


def test_every_mode_is_another_identity(
    tiny: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blip_vqa, "OFFICIAL_SIDE", LARGER)
    file = str(original(tiny, tmp_path / "positions.safetensors"))
    native = tiny.instrument(folder).identity()
    middle = tiny.instrument(folder, image_size=LARGER).identity()
    official = tiny.instrument(folder, image_size=LARGER, positions=file).identity()
    other = tiny.instrument(folder, image_size=56, positions=file).identity()
    assert [i["mode"] for i in (native, middle, official, other)] == [
        "native", "interpolated", "official", "file",
    ]  # fmt: skip
    assert (native["positions"], len(official["positions"])) == (None, 64)


def test_the_official_size_is_480() -> None:
    assert blip_vqa.OFFICIAL_SIDE == 480


def test_a_file_is_known_by_its_content(tiny: Any, folder: Path, tmp_path: Path) -> None:
    files = [original(tiny, tmp_path / f"{name}.safetensors") for name in "ab"]
    ids = [tiny.instrument(folder, image_size=LARGER, positions=str(file)).identity() for file in files]
    assert ids[0] == ids[1]


@pytest.mark.parametrize("shape", [{"side": 32}, {"width": 8}])
def test_an_embedding_of_another_shape_is_refused(
    tiny: Any, folder: Path, tmp_path: Path, shape: dict[str, Any]
) -> None:
    file = original(tiny, tmp_path / "positions.safetensors", **shape)
    blip = tiny.instrument(folder, image_size=LARGER, positions=str(file))
    with pytest.raises(CheckpointError, match=r"6x6 patches need \(1, 37, 16\)"):
        blip.yes_probabilities([tiny.picture()], ["dog"])


def test_a_file_without_the_embedding_is_refused(tiny: Any, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "positions.safetensors"
    save_file({"a": torch.zeros(1), "b": torch.zeros(1)}, file)
    blip = tiny.instrument(folder, image_size=LARGER, positions=str(file))
    with pytest.raises(CheckpointError, match=r"2 tensors and none called visual_encoder\.pos_embed"):
        blip.yes_probabilities([tiny.picture()], ["dog"])


@pytest.mark.parametrize(
    ("name", "message"),
    [("positions.safetensors", "do not load"), ("positions.pth", "is not a safetensors file")],
)
def test_a_file_that_is_damaged_or_pickled_is_refused(
    tiny: Any, folder: Path, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / name).write_bytes(b"no tensors")
    blip = tiny.instrument(folder, image_size=LARGER, positions=str(tmp_path / name))
    with pytest.raises(CheckpointError, match=message):
        blip.yes_probabilities([tiny.picture()], ["dog"])


def test_a_file_that_is_not_there_is_refused(tiny: Any, folder: Path) -> None:
    blip = tiny.instrument(folder, positions="nowhere.safetensors")
    with pytest.raises(
        CheckpointError, match=r"no file nowhere\.safetensors; positions is 'interpolated' or"
    ):
        blip.identity()


def test_a_size_that_is_no_whole_number_of_patches_is_refused(tiny: Any, folder: Path) -> None:
    with pytest.raises(UsageError, match="an image_size of 50 does not fit; choose a multiple of 8"):
        tiny.instrument(folder, image_size=50).yes_probabilities([tiny.picture()], ["dog"])
