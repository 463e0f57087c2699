"""One picture per prompt and seed, what the identity says of it, and which settings are refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.tiny_pipelines import PIPELINES

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.instruments.backends.finite import NotFinite
from selfreward_eval.harness.models.diffusers.adapter import DiffusersModel
from selfreward_eval.harness.records import Measurement, Status

Adapter = Callable[..., DiffusersModel]

PROMPTS = ["a red circle", "three blue squares left of a cross", "a red circle"]


@pytest.fixture(scope="module")
def sd3(adapter: Adapter) -> DiffusersModel:
    return adapter("StableDiffusion3Pipeline")


@pytest.mark.parametrize("name", PIPELINES)
def test_a_picture_is_the_same_in_any_batch(adapter: Adapter, name: str) -> None:
    model = adapter(name)
    together = model.generate(PROMPTS, [1, 2**40 + 5, 3])
    alone = [
        model.generate([prompt], [seed])[0] for prompt, seed in zip(PROMPTS, [1, 2**40 + 5, 3], strict=True)
    ]
    assert [np.asarray(one).tolist() for one in together] == [np.asarray(one).tolist() for one in alone]
    assert together[0] != together[2], "the seed must change the picture"


def test_a_model_that_looks_at_its_neighbours_is_told(adapter: Adapter) -> None:
    """CogView4Pipeline 0.42.1 attends to the padding, of which a longer neighbour brings more."""
    assert adapter("CogView4Pipeline").identity()["drawn"] == (
        "one by one: pictures differ alone and in a batch"
    )


def test_a_caller_keeps_its_prompts(adapter: Adapter) -> None:
    """ZImagePipeline 0.42.1 writes its chat template into the list that it is given."""
    prompts = list(PROMPTS)
    adapter("ZImagePipeline").generate(prompts, [1, 2, 3])
    assert prompts == PROMPTS


def test_drawing_leaves_the_global_generator_alone(sd3: DiffusersModel) -> None:
    import torch

    sd3.identity()
    before = torch.get_rng_state()
    sd3.generate(["a red circle"], [1])
    assert torch.equal(before, torch.get_rng_state())


def test_the_identity_has_the_defaults_of_the_signature_and_what_was_asked_for(sd3: DiffusersModel) -> None:
    identity = sd3.identity()
    generation = identity["generation"]
    assert (identity["pipeline"], identity["reproducible"], identity["drawn"]) == (
        "StableDiffusion3Pipeline", True, "in batches",
    )  # fmt: skip
    assert (generation["guidance_scale"], generation["num_inference_steps"]) == (7.0, 2)
    assert (generation["size"], generation["dtype"]) == ([32, 32], "float64")
    assert identity["scheduler"]["class"] == "FlowMatchEulerDiscreteScheduler"
    assert identity["weights"] == "StableDiffusion3Pipeline"
    assert identity["revision"].startswith("sha256:")


def test_other_weights_have_another_revision(
    saved: Callable[[str], Path], adapter: Adapter, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    copy = tmp_path / "FluxPipeline"
    shutil.copytree(saved("FluxPipeline"), copy)
    (file,) = (copy / "text_encoder").glob("*.safetensors")
    tensors = load_file(file)
    tensors[min(tensors)].add_(0.25)
    save_file(tensors, file, metadata={"format": "pt"})
    first = adapter("FluxPipeline")
    assert DiffusersModel(str(copy), **first.given, device="cpu").loaded.revision != first.loaded.revision


@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        ("FluxPipeline", {"extra": {"guidence_scale": 2}}, "did you mean guidance_scale"),
        ("StableDiffusion3Pipeline", {"true_cfg_scale": 2}, "has no argument 'true_cfg_scale'"),
        ("QwenImagePipeline", {"negative_prompt": None}, "only together with a negative prompt"),
        ("FluxPipeline", {"extra": {"latents": 1}}, "has no argument 'latents'"),
        ("FluxPipeline", {"extra": {"height": 1}}, "extra.height has a name of its own"),
        ("FluxPipeline", {"dtype": "int8"}, "unknown dtype 'int8'"),
        ("FluxPipeline", {"offload": "disk"}, "unknown offload 'disk'"),
        ("FluxPipeline", {"offload": "model"}, "leave out offload or device=cpu"),
        ("FluxPipeline", {"device_map": "balanced"}, "leave out device and offload"),
    ],
)
def test_settings_without_effect_are_refused(
    adapter: Adapter, name: str, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        adapter(name, **settings).identity()


def test_a_size_that_a_pipeline_cannot_draw_is_the_users_mistake(adapter: Adapter) -> None:
    with pytest.raises(InputError, match=r"draws no picture with .*'height': 33.*correct --model-args"):
        adapter("StableDiffusionPipeline", height=33).identity()


def test_guidance_under_its_own_name_changes_the_picture(adapter: Adapter) -> None:
    """QwenImage's classifier-free guidance, with a blank as negative prompt."""
    weak, strong = (adapter("QwenImagePipeline", true_cfg_scale=scale) for scale in (1.5, 9.0))
    assert weak.generate(["a red circle"], [1]) != strong.generate(["a red circle"], [1])
    assert weak.given["negative_prompt"] == " "


def test_float32_is_drawn_one_by_one(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    model = adapter("FluxPipeline", dtype="float32")
    identity = model.identity()
    assert identity["drawn"] == "one by one: float32 is not exact in batches"
    assert identity["reproducible"] is True
    sizes, draw = [], model._call

    def counted(prompts: Sequence[str], *rest: Any) -> Any:
        sizes.append(len(prompts))
        return draw(prompts, *rest)

    monkeypatch.setattr(model, "_call", counted)
    model.generate(PROMPTS, [1, 2, 3])
    assert sizes == [1, 1, 1]


@pytest.mark.parametrize("scheduler", ["DDPMScheduler", "EulerAncestralDiscreteScheduler"])
def test_a_stochastic_scheduler_is_drawn_one_by_one(adapter: Adapter, scheduler: str) -> None:
    import diffusers

    model = adapter("StableDiffusionPipeline")
    pipeline = model.loaded.pipeline
    pipeline.scheduler = getattr(diffusers, scheduler).from_config(pipeline.scheduler.config)
    identity = model.identity()
    assert identity["drawn"] == "one by one: its scheduler draws noise at every step"
    assert identity["reproducible"] is True
    assert "step" not in vars(pipeline.scheduler)
    first, again = (model.generate(PROMPTS, [1, 2, 3]) for _ in range(2))
    assert [np.asarray(one).tolist() for one in first] == [np.asarray(one).tolist() for one in again]


def test_a_blacked_out_picture_is_a_refusal_not_a_picture(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = adapter("StableDiffusionPipeline")
    model.identity()

    def checker(image: Any, device: Any, dtype: Any) -> tuple[Any, list[bool]]:
        return image, [k == 1 for k in range(len(image))]

    monkeypatch.setattr(model.loaded.pipeline, "run_safety_checker", checker)
    fine, refused, _ = model.generate(PROMPTS, [1, 2, 3])
    assert not isinstance(fine, Measurement)
    assert isinstance(refused, Measurement)
    assert refused.status is Status.MODEL_REFUSED


def test_a_picture_that_is_no_number_is_an_error(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    model = adapter("FluxPipeline")
    model.identity()
    pipeline = model.loaded.pipeline
    decode = pipeline.vae.decode
    monkeypatch.setattr(
        pipeline.vae,
        "decode",
        lambda latents, **k: tuple(part * float("nan") for part in decode(latents, **k)),
    )
    with pytest.raises(NotFinite, match="a pixel is NaN"):
        model.generate(["a red circle"], [1])
