"""Where an open_clip network may come from: a tag, a file, a folder, the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from selfreward_eval.harness.errors import CheckpointError, InputError, UsageError
from selfreward_eval.harness.instruments.backends.open_clip_loading import FILES
from selfreward_eval.harness.instruments.open_clip_scorer import OpenClipScorer

open_clip = pytest.importorskip("open_clip")

NAME = "tiny-clip-of-many-sources"
CONFIG: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 20, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    config = tmp_path_factory.mktemp("clip") / f"{NAME}.json"
    config.write_text(json.dumps(CONFIG))
    open_clip.add_model_config(config)
    torch.manual_seed(0)
    tensors = open_clip.create_model(NAME).state_dict()
    return {name: value.clone().contiguous() for name, value in tensors.items()}


def folder_of(state: dict[str, torch.Tensor], path: Path, name: str = FILES[0], **looks: Any) -> Path:
    """A folder as open_clip saves it."""
    path.mkdir(parents=True)
    (path / "open_clip_config.json").write_text(json.dumps({"model_cfg": CONFIG, "preprocess_cfg": looks}))
    save_file(state, path / name)
    return path


def score(model: str, pretrained: str | None = None, **settings: Any) -> float:
    clip = OpenClipScorer(model, pretrained, device="cpu", **settings)
    return clip.similarities([Image.new("RGB", (40, 30), (200, 30, 90))], ["a dog"])[0]


@pytest.mark.parametrize("name", FILES)
def test_a_folder_is_read_like_architecture_and_file(
    state: dict[str, torch.Tensor], tmp_path: Path, name: str
) -> None:
    folder = folder_of(state, tmp_path / "clip", name)
    expected = score(NAME, str(folder / name))
    assert score(str(folder)) == score(f"local-dir:{folder}") == pytest.approx(expected, abs=1e-6)


def test_a_folders_own_preprocessing_is_used(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    plain = folder_of(state, tmp_path / "plain")
    other = folder_of(state, tmp_path / "other", mean=[0.1, 0.2, 0.3])
    assert score(str(plain)) != pytest.approx(score(str(other)), abs=1e-4)


def test_a_folders_identity_is_its_content(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    here, there = (folder_of(state, tmp_path / place / "clip") for place in ("here", "there"))
    other = folder_of(state, tmp_path / "other" / "clip", mean=[0.1, 0.2, 0.3])
    ids = [OpenClipScorer(str(path)).identity() for path in (here, there, other)]
    assert ids[0] == ids[1]
    assert ids[0]["sha256"] != ids[2]["sha256"]
    assert (ids[0]["model"], ids[0]["pretrained"]) == ("clip", FILES[0])


def test_pickled_weights_beside_safetensors_are_never_opened(
    state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    """Nor are they passed over: which of the two is meant cannot be told."""
    folder = folder_of(state, tmp_path / "clip", FILES[1])
    (folder / "open_clip_pytorch_model.bin").write_bytes(b"harmful")
    with pytest.raises(
        CheckpointError, match=f"2 sets of weights .{FILES[1]} and open_clip_pytorch_model.bin"
    ):
        score(str(folder))


def test_two_files_of_weights_are_refused(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    folder = folder_of(state, tmp_path / "clip", FILES[1])
    save_file({name: tensor + 1 for name, tensor in state.items()}, folder / FILES[0])
    with pytest.raises(CheckpointError, match="2 sets of weights"):
        score(str(folder))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(
    state: dict[str, torch.Tensor], tmp_path: Path, value: float
) -> None:
    name = "text_projection"
    folder = folder_of({**state, name: torch.full_like(state[name], value)}, tmp_path / "clip")
    with pytest.raises(CheckpointError, match=f"{FILES[0]} is damaged: {name} holds NaN or infinity"):
        score(str(folder))


def test_weights_of_another_name_are_refused(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    folder = folder_of({**state, "ema.text_projection": state["text_projection"] + 1}, tmp_path / "clip")
    with pytest.raises(CheckpointError, match="does not load"):
        score(str(folder))


@pytest.mark.parametrize("token", ["<end_of_text>", "<start_of_text>", "<END_OF_TEXT>"])
def test_a_text_that_spells_its_own_end_is_refused(
    state: dict[str, torch.Tensor], tmp_path: Path, token: str
) -> None:
    """The network would read nothing after it, and give another text's number."""
    scorer = OpenClipScorer(str(folder_of(state, tmp_path / "clip")), device="cpu")
    with pytest.raises(InputError, match=f"a dog {token} and a cat.* holds {token.lower()}"):
        scorer.similarities([Image.new("RGB", (8, 8))], [f"a dog {token} and a cat"])


def test_a_folder_of_pickled_weights_is_refused(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    folder = folder_of(state, tmp_path / "clip")
    (folder / FILES[0]).rename(folder / "open_clip_pytorch_model.bin")
    with pytest.raises(CheckpointError, match="pickled weights are not loaded"):
        OpenClipScorer(str(folder)).identity()


def test_a_folder_of_another_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no open_clip_config\.json"):
        OpenClipScorer(f"local-dir:{tmp_path}").identity()


def test_a_damaged_configuration_is_refused(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    folder = folder_of(state, tmp_path / "clip")
    (folder / "open_clip_config.json").write_text("{")
    with pytest.raises(CheckpointError, match=f"{folder} holds no usable"):
        score(str(folder))


def test_a_folder_has_weights_of_its_own(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pretrained=openai cannot be had beside it"):
        OpenClipScorer(str(folder_of(state, tmp_path / "clip")), "openai").identity()


def test_a_hub_repository_is_a_folder_that_is_downloaded(
    state: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    folder, asked = folder_of(state, tmp_path / "clip"), []

    def hub(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, revision, [pattern for pattern in allow_patterns if "bin" in pattern]))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub)
    clip = OpenClipScorer("hf-hub:owner/name", device="cpu", revision="v1")
    assert clip.similarities([Image.new("RGB", (9, 9))], ["a dog"])
    assert asked == [("owner/name", "v1", [])]
    assert (clip.identity()["model"], clip.identity()["revision"]) == ("hf-hub:owner/name", "v1")


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def offline(*_: Any, **__: Any) -> str:
        raise LocalEntryNotFoundError("no connection\nand a long explanation")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(CheckpointError, match="'owner/name' is neither a folder") as caught:
        OpenClipScorer("hf-hub:owner/name").identity()
    assert "\n" not in str(caught.value)


def test_an_architecture_without_a_tag_has_openais_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: Any, **__: Any) -> str:
        raise FileNotFoundError("no connection")

    monkeypatch.setattr(open_clip, "download_pretrained", offline)
    with pytest.raises(CheckpointError, match="weights 'openai' of 'ViT-B-32' cannot be downloaded"):
        OpenClipScorer().identity()


def test_an_unknown_tag_lists_the_known_ones_of_the_architecture() -> None:
    with pytest.raises(CheckpointError, match=r"'no_such_tag' is neither a file nor weights.*openai"):
        OpenClipScorer("ViT-B-32", "no_such_tag").identity()


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(CheckpointError, match="'NoSuchNet'"):
        OpenClipScorer("NoSuchNet").identity()


def test_the_activation_is_that_of_the_weights(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    folder = str(folder_of(state, tmp_path / "clip"))
    usual, asked = OpenClipScorer(folder), OpenClipScorer(folder, quick_gelu=True)
    assert (usual.identity()["quick_gelu"], asked.identity()["quick_gelu"]) == (False, True)
    assert score(folder) != pytest.approx(score(folder, quick_gelu=True), abs=1e-5)


def test_a_device_that_is_not_there_is_named(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    clip = OpenClipScorer(str(folder_of(state, tmp_path / "clip")), device="abacus")
    with pytest.raises(UsageError, match="open_clip cannot compute on device=abacus"):
        clip.similarities([Image.new("RGB", (9, 9))], ["a dog"])
