"""What the three open-vocabulary detectors have in common, on tiny networks with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.base import Detector
from selfreward_eval.harness.instruments.grounding_dino import GroundingDinoDetector
from selfreward_eval.harness.instruments.groundingdino_py import GroundingDinoPyDetector
from selfreward_eval.harness.instruments.owlv2 import Owlv2Detector

LABELS = ["dog", "red frog", "t-shirt"]
KINDS: dict[str, Any] = {
    "grounding_dino": GroundingDinoDetector,
    "groundingdino_py": GroundingDinoPyDetector,
    "owlv2": Owlv2Detector,
}

Draw = Callable[..., Image.Image]


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Any:
    return KINDS[request.param]


@pytest.fixture
def folder(kind: Any, grounding_folder: Path, owlv2_folder: Path) -> Path:
    return owlv2_folder if kind is Owlv2Detector else grounding_folder


@pytest.fixture
def save(kind: Any, save_grounding: Any, save_owlv2: Any) -> Callable[[Path], Path]:
    return save_owlv2 if kind is Owlv2Detector else save_grounding


@pytest.fixture
def make(kind: Any, folder: Path) -> Callable[..., Any]:
    """The detector, by default with every candidate."""

    def build(weights: Path = folder, **settings: Any) -> Any:
        return kind(str(weights), **{"device": "cpu", "floor": 0.0, **settings})

    return build


def copied(folder: Path, target: Path) -> Path:
    """All files of a folder, elsewhere."""
    target.mkdir(parents=True)
    for path in folder.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def test_it_is_a_detector(make: Any) -> None:
    assert isinstance(make(), Detector)


@pytest.mark.parametrize("size", [(96, 64), (64, 96)])
def test_every_candidate_has_label_box_and_score_in_the_picture(
    make: Any, picture: Draw, size: tuple[int, int]
) -> None:
    (found,) = make().detect([picture(*size)], LABELS)
    assert {d.label for d in found} == set(LABELS)
    for d in found:
        x0, y0, x1, y1 = d.box
        assert 0 <= x0 <= x1 <= size[0]
        assert 0 <= y0 <= y1 <= size[1]
        assert 0 <= d.score <= 1
    assert max(d.box[2] for d in found) > 0.7 * size[0]
    assert max(d.box[3] for d in found) > 0.7 * size[1]


def test_the_surest_candidate_of_a_label_comes_first(make: Any, picture: Draw) -> None:
    (found,) = make().detect([picture()], LABELS)
    assert [d.label for d in found] == sorted((d.label for d in found), key=LABELS.index)
    for label in LABELS:
        scores = [d.score for d in found if d.label == label]
        assert scores == sorted(scores, reverse=True)


def test_the_floor_leaves_out_what_is_below_it(make: Any, picture: Draw) -> None:
    (whole,) = make().detect([picture()], LABELS)
    floor = sorted(d.score for d in whole)[len(whole) // 2]
    (found,) = make(floor=floor).detect([picture()], LABELS)
    assert found == [d for d in whole if d.score >= floor]
    assert 0 < len(found) < len(whole)


def test_a_picture_in_which_nothing_is_found_has_no_detections(make: Any, picture: Draw) -> None:
    assert make(floor=1.0).detect([picture(), picture(seed=1)], LABELS) == [[], []]


@pytest.mark.parametrize(("images", "labels"), [(0, LABELS), (1, [])])
def test_without_pictures_or_labels_there_is_nothing_to_do(
    make: Any, picture: Draw, images: int, labels: list[str]
) -> None:
    assert make().detect([picture()] * images, labels) == [[]] * images


def test_batches_change_nothing(make: Any, picture: Draw) -> None:
    images = [picture(seed=0), picture(64, 64, seed=1), picture(seed=2), picture(64, 96, seed=3)]
    alone = [make().detect([image], LABELS)[0] for image in images]
    together = make(batch_size=8).detect(images, LABELS)
    for one, other in zip(alone, together, strict=True):
        assert [d.label for d in one] == [d.label for d in other]
        assert [d.score for d in one] == pytest.approx([d.score for d in other], abs=1e-5)
        assert sorted(edge for d in one for edge in d.box) == pytest.approx(
            sorted(edge for d in other for edge in d.box), abs=1e-3
        )


def test_the_same_question_has_the_same_answer(make: Any, picture: Draw) -> None:
    detector = make()
    assert detector.detect([picture()], LABELS) == detector.detect([picture()], LABELS)


def test_pictures_of_other_modes_are_read_as_colours(make: Any, picture: Draw) -> None:
    grey = picture().convert("L")
    assert make().detect([grey], LABELS) == make().detect([grey.convert("RGB")], LABELS)


def test_the_same_label_twice_counts_once(make: Any, picture: Draw) -> None:
    assert make().detect([picture()], ["dog", "dog"]) == make().detect([picture()], ["dog"])


def test_spellings_of_one_phrase_share_their_candidates(make: Any, picture: Draw) -> None:
    (found,) = make().detect([picture()], ["Dog", "dog"])
    (alone,) = make().detect([picture()], ["dog"])
    for label in ("Dog", "dog"):
        assert [(d.box, d.score) for d in found if d.label == label] == [(d.box, d.score) for d in alone]


def test_an_empty_label_is_refused(make: Any, picture: Draw) -> None:
    with pytest.raises(UsageError, match="label 2 of 2"):
        make().detect([picture()], ["dog", " "])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_near(make: Any, picture: Draw, dtype: str) -> None:
    (full,) = make().detect([picture()], LABELS)
    (half,) = make(dtype=dtype).detect([picture()], LABELS)
    assert len(half) == len(full)
    for label in LABELS:
        means = [np.mean([d.score for d in found if d.label == label]) for found in (full, half)]
        assert means[0] == pytest.approx(means[1], abs=0.05)
        assert means[0] != means[1]


@pytest.mark.parametrize(
    "settings", [{"dtype": "int8"}, {"batch_size": 0}, {"floor": 1.5}, {"template": "a photo"}]
)
def test_impossible_settings_are_refused_at_once(kind: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=kind.NAME):
        kind(**settings)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_device_that_is_not_here_is_refused(make: Any, picture: Draw) -> None:
    with pytest.raises(UsageError, match="device=cuda"):
        make(device="cuda").detect([picture()], LABELS)


def test_identity_is_the_content_not_the_place(make: Any, folder: Path, tmp_path: Path) -> None:
    elsewhere = copied(folder, tmp_path / "elsewhere" / folder.name)
    assert make(elsewhere).identity() == make().identity()
    assert len(make().identity()["sha256"]) == 64


@pytest.mark.parametrize("settings", [{"floor": 0.3}, {"dtype": "bfloat16"}, {"template": "one {label}"}])
def test_settings_that_change_a_reading_change_the_identity(make: Any, settings: dict[str, Any]) -> None:
    assert make(**settings).identity() != make().identity()


def test_settings_of_speed_alone_do_not(make: Any) -> None:
    assert make(batch_size=4).identity() == make().identity()


def test_other_weights_are_another_identity(make: Any, folder: Path, tmp_path: Path) -> None:
    other = copied(folder, tmp_path / folder.name)
    weights = load_file(other / "model.safetensors")
    name = sorted(weights)[0]
    save_file({**weights, name: weights[name] + 1}, other / "model.safetensors", {"format": "pt"})
    assert make(other).identity() != make().identity()


def test_another_tokenizer_is_another_identity(make: Any, folder: Path, tmp_path: Path) -> None:
    other = copied(folder, tmp_path / folder.name)
    words = other / "tokenizer.json"
    words.write_text(words.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert make(other).identity() != make().identity()


def test_missing_weights_are_never_made_up(make: Any, folder: Path, tmp_path: Path, picture: Draw) -> None:
    broken = copied(folder, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    for name in list(weights):
        if "text" in name and name.endswith(("text_projection.weight", "position_embedding.weight")):
            del weights[name]
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"lacks \d of its weights|lacks \d weights"):
        make(broken).detect([picture()], LABELS)


def test_weights_of_another_shape_are_refused(make: Any, folder: Path, tmp_path: Path, picture: Draw) -> None:
    broken = copied(folder, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    name = next(name for name in weights if name.endswith("text_projection.weight"))
    save_file({**weights, name: torch.zeros(3, 3)}, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match=str(broken)):
        make(broken).detect([picture()], LABELS)


def test_a_damaged_file_is_named(make: Any, folder: Path, tmp_path: Path, picture: Draw) -> None:
    broken = copied(folder, tmp_path / "broken")
    whole = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=str(broken)) as caught:
        make(broken).detect([picture()], LABELS)
    assert "\n" not in str(caught.value)


def test_a_damaged_tokenizer_is_named(make: Any, folder: Path, tmp_path: Path, picture: Draw) -> None:
    broken = copied(folder, tmp_path / "broken")
    (broken / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match=f"tokenizer in {broken} does not load"):
        make(broken).detect([picture()], LABELS)


def test_weights_without_a_tokenizer_are_refused(
    make: Any, folder: Path, tmp_path: Path, picture: Draw
) -> None:
    broken = copied(folder, tmp_path / "broken")
    (broken / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match="holds no tokenizer"):
        make(broken).detect([picture()], LABELS)


def test_another_architecture_is_refused(make: Any, tmp_path: Path, folder: Path, picture: Draw) -> None:
    from transformers import BertConfig

    broken = copied(folder, tmp_path / "broken")
    BertConfig().save_pretrained(broken)
    with pytest.raises(CheckpointError, match="'bert'"):
        make(broken).detect([picture()], LABELS)


def test_pickled_weights_are_not_loaded(make: Any, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="pickled weights are not loaded"):
        make(tmp_path).identity()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (torch.nan, r"damaged: (\S*text_projection|feat_map).weight holds NaN"),
        (3e38, "no numbers in float32"),
    ],
)
def test_scores_that_are_no_numbers_are_never_given(
    make: Any, folder: Path, tmp_path: Path, picture: Draw, value: float, told: str
) -> None:
    broken = copied(folder, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    name = next(name for name in weights if name.endswith("text_projection.weight"))
    save_file(
        {**weights, name: torch.full_like(weights[name], value)},
        broken / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(CheckpointError, match=told):
        make(broken).detect([picture()], LABELS)


def test_weights_that_cannot_be_had(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def offline(*_: Any, **__: Any) -> str:
        raise LocalEntryNotFoundError("no connection\nand a long explanation")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(CheckpointError, match="'owner/name' is neither a folder") as caught:
        kind("owner/name").identity()
    assert "\n" not in str(caught.value)
