"""What trainers get: velocities with gradients that are those of drawing, latents, and a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.models.bagel.adapter import BagelModel
from selfreward_eval.harness.models.bagel.drawing import DrawnFrom, velocity_at
from selfreward_eval.harness.models.base import capabilities
from selfreward_eval.harness.models.training import TrainsFlow, lacking
from selfreward_eval.trainers.recomputing import recomputing

Make = Callable[..., BagelModel]

PROMPTS = ["a red star", "how many circles are there in this image?"]


@pytest.fixture
def copy(bagel: Make) -> BagelModel:
    """A fresh copy to train, in float32."""
    return bagel().training_copy(guidance=None, temperature=1.0, rows=4)


def test_it_has_all_that_a_flow_trainer_asks_for(bagel: Make) -> None:
    assert lacking(bagel(), TrainsFlow) == []
    assert capabilities(BagelModel) == ["generate", "answer", "text_logprobs"]


def test_the_velocity_in_one_pass_is_that_of_drawing(bagel: Make) -> None:
    model = bagel(image_guidance=1.5)
    ids = model.text_ids(PROMPTS, "the prompt")
    latents, at = model.noise([1, 2]), torch.tensor([0.9, 0.2])
    loaded = model.loaded
    source = DrawnFrom(
        loaded.network,
        loaded.markers,
        model._prompt_contexts(ids, [[], []]),
        model.latent_grid,
        model.drawing.guidance,
    )
    with torch.no_grad():
        drawn = velocity_at(source, latents, at).float()
        trained = model.velocity(PROMPTS, latents, at, guided=True)
        plain = model.velocity(PROMPTS, latents, at)
    assert torch.allclose(drawn, trained, atol=1e-6)
    # Guidance is off at 0.2.
    assert not torch.allclose(plain[0], trained[0], atol=1e-3)
    assert torch.equal(plain[1], trained[1])


def test_no_prompt_is_the_empty_context(bagel: Make) -> None:
    model = bagel(guidance=4.0, renorm_min=1.0)
    latents, at = model.noise([1]), torch.tensor([0.7])
    with torch.no_grad():
        whole = model.velocity(PROMPTS[:1], latents, at)
        free = model.velocity([None], latents, at)
        both = model.velocity([None, PROMPTS[0]], latents.expand(2, -1, -1), at.expand(2))
        guided = model.velocity(PROMPTS[:1], latents, at, guided=True)
    assert torch.allclose(guided, free + 4 * (whole - free), atol=1e-5)
    assert torch.allclose(both, torch.cat([free, whole]), atol=1e-6)


def test_gradients_are_the_same_with_recomputed_layers(copy: BagelModel) -> None:
    copy.network.requires_grad_(True)

    def gradients() -> dict[str, torch.Tensor]:
        copy.network.zero_grad()
        copy.velocity(PROMPTS, copy.noise([1, 2]), torch.tensor([0.9, 0.2])).square().mean().backward()
        named = copy.network.named_parameters()
        return {name: part.grad.clone() for name, part in named if part.grad is not None}

    plain = gradients()
    with recomputing(copy.transformer):
        again = gradients()
    assert plain.keys() == again.keys()
    assert all(torch.allclose(plain[name], again[name], atol=1e-6) for name in plain)
    # The last layer's und tokens give only keys and values to the latents.
    assert "language_model.model.layers.2.mlp.up_proj.weight" not in plain
    assert "language_model.model.layers.0.mlp.up_proj.weight" in plain


def test_the_tower_and_the_tables_are_not_trained(bagel: Make) -> None:
    names = [name for name, _ in bagel().trainable()]
    assert "language_model.model.layers.0.mlp_moe_gen.up_proj.weight" in names
    assert "vae2llm.weight" in names
    frozen = ("vit_", "connector", "latent_pos_embed")
    assert not any(name.startswith(frozen) for name in names)


def test_latents_of_a_picture_are_its_mean_or_a_seeds_sample(
    bagel: Make, pictures: list[Image.Image]
) -> None:
    model = bagel()
    mean = model.encode(pictures[:2])
    assert mean.shape == (2, 24, 16)
    assert mean.dtype == torch.float32
    sampled = model.encode(pictures[:2], [7, 8])
    assert not torch.allclose(sampled, mean)
    assert torch.equal(sampled[1], model.encode(pictures[1:2], [8])[0])


def test_latents_decode_to_pictures_of_the_models_size(bagel: Make) -> None:
    model = bagel()
    decoded = model.decode_latents(model.noise([1, 2]))
    assert [picture.size for picture in decoded] == [(48, 32)] * 2


def test_a_picture_of_another_size_is_not_encoded(bagel: Make, pictures: list[Image.Image]) -> None:
    with pytest.raises(InputError, match="a picture of 40 x 64 pixels"):
        bagel().encode([pictures[0].resize((64, 40))])


def test_a_temperature_is_refused(bagel: Make) -> None:
    with pytest.raises(UsageError, match="draws by flow matching, which has none"):
        bagel().training_copy(guidance=None, temperature=0.7, rows=4)


def test_a_copy_to_train_is_in_float32_and_keeps_the_settings(bagel: Make) -> None:
    model = bagel(renorm="channel", size="48x32")
    copy = model.training_copy(guidance=2.0, temperature=1.0, rows=5)
    assert copy.dtype == torch.float32
    assert (copy.guidance, copy.rows, copy.filled) == (2.0, 5, False)
    assert copy.drawing.guidance.renorm == "channel"
    assert copy.latent_grid == (6, 4)


def test_a_saved_model_draws_the_same(bagel: Make, tmp_path: Path) -> None:
    model = bagel()
    model.training_copy(guidance=None, temperature=1.0, rows=4).save(tmp_path / "saved")
    again = model.variant(weights=str(tmp_path / "saved"), name="again")
    assert again.name == "again"
    drawn = [picture.tobytes() for picture in again.generate(PROMPTS, [3, 4])]
    assert drawn == [picture.tobytes() for picture in model.generate(PROMPTS, [3, 4])]
    assert sorted(path.name for path in (tmp_path / "saved").iterdir()) == [
        "ae.safetensors",
        "config.json",
        "ema.safetensors",
        "llm_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vit_config.json",
    ]


def test_what_another_reader_wrote_into_the_configuration_is_kept(bagel_folder: Path, tmp_path: Path) -> None:
    import json
    import shutil

    folder = Path(shutil.copytree(bagel_folder, tmp_path / "with-more"))
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, "transformers_version": "5"}))
    BagelModel(str(folder), device="cpu").save(tmp_path / "saved")
    assert json.loads((tmp_path / "saved" / "config.json").read_text())["transformers_version"] == "5"
