"""Guidance by hand, the times of a drawing, and settings that exclude each other."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.models.bagel.guidance import guided, times
from selfreward_eval.harness.models.bagel.settings import PRESETS, Guidance, parse_size, preset_with

V = torch.tensor([[[3.0, 4.0], [0.0, 1.0]]])  # two tokens, of norms 5 and 1


def combined(setting: Guidance, velocity: torch.Tensor = V, image: torch.Tensor | None = None) -> Any:
    def without_image() -> torch.Tensor:
        assert image is not None, "a branch whose scale is 1 is not computed"
        return image

    return guided(setting, velocity, lambda: torch.zeros_like(velocity), without_image)


def test_text_guidance_without_renormalisation() -> None:
    assert torch.allclose(combined(Guidance(4.0, renorm_min=1.0)), 4 * V)


@pytest.mark.parametrize("renorm", ["global", "channel", "text_channel"])
def test_renormalisation_gives_back_the_norm(renorm: str) -> None:
    # Here guidance only scales, so every rule undoes it.
    assert torch.allclose(combined(Guidance(4.0, renorm=renorm)), V)


def test_the_least_factor_limits_it() -> None:
    assert torch.allclose(combined(Guidance(4.0, renorm_min=0.5)), 2 * V)


def test_a_norm_is_never_made_larger() -> None:
    smaller = guided(Guidance(2.0), V, lambda: V * 1.5, lambda: V)  # 1.5 v + 2 (v - 1.5 v) = 0.5 v
    assert torch.allclose(smaller, 0.5 * V)


def test_a_global_norm_is_that_of_one_picture() -> None:
    other = torch.tensor([[[100.0, 0.0], [0.0, 7.0]]])
    text = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])

    def drawn(velocity: torch.Tensor) -> torch.Tensor:
        return guided(Guidance(4.0), velocity, lambda: text.expand_as(velocity), lambda: velocity)

    both = drawn(torch.cat([V, other]))
    assert torch.equal(both, torch.cat([drawn(V), drawn(other)]))


def test_image_guidance_comes_after_the_text() -> None:
    image = torch.ones_like(V)
    whole = combined(Guidance(2.0, 1.5, renorm_min=1.0), image=image)
    assert torch.allclose(whole, image + 1.5 * (2 * V - image))


def test_text_channel_renormalises_before_the_image() -> None:
    image = torch.ones_like(V)
    whole = combined(Guidance(2.0, 1.5, renorm="text_channel"), image=image)
    assert torch.allclose(whole, image + 1.5 * (V - image))


def test_n_times_make_n_minus_one_steps() -> None:
    found = times(6, 3.0)
    assert found.tolist() == pytest.approx([1, 12 / 13, 9 / 11, 2 / 3, 3 / 7, 0])


def test_guidance_is_on_above_its_start_and_up_to_its_end() -> None:
    on = Guidance(start=0.4, end=0.8).on(torch.tensor([0.39, 0.4, 0.41, 0.8, 0.81]))
    assert on.tolist() == [False, False, True, True, False]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"guidance": 1, "image_guidance": 2.0}, "image_guidance=2 has no effect"),
        ({"guidance_start": 0.8, "guidance_end": 0.4}, "guidance_start=0.8 to guidance_end=0.4"),
        ({"renorm": "local"}, "unknown renorm 'local'; known: global, channel, text_channel"),
        ({"renorm_min": 1.5}, "renorm_min must lie between 0 and 1"),
        ({"guidance": 0.5}, "guidance must be at least 1"),
        ({"num_timesteps": 1}, "num_timesteps must be at least 2"),
        ({"num_timesteps": 9.5}, "num_timesteps must be a whole number"),
        ({"timestep_shift": 0}, "timestep_shift must be above 0"),
        ({"crop_borders": "maybe"}, "crop_borders takes bool"),
    ],
)
def test_settings_that_cannot_be_met_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        preset_with("inferencer", given)
    assert "\n" not in str(caught.value)


def test_editing_without_guidance_of_the_text_is_refused() -> None:
    with pytest.raises(UsageError, match="image_guidance=2 has no effect"):
        preset_with("editing", {"guidance": 1.0})


def test_presets_are_the_published_settings() -> None:
    inferencer, geneval, editing = (PRESETS[name] for name in ("inferencer", "geneval", "editing"))
    assert inferencer.guidance == Guidance(4.0, 1.0, 0.4, 1.0, "global", 0.0)
    assert (inferencer.num_timesteps, inferencer.timestep_shift, inferencer.crop_borders) == (50, 3.0, False)
    assert geneval.guidance == Guidance(4.0, 1.0, 0.0, 1.0, "global", 0.0)
    assert geneval.crop_borders
    assert editing.guidance == Guidance(4.0, 2.0, 0.0, 1.0, "text_channel", 0.0)


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(UsageError, match="did you mean geneval"):
        preset_with("genevl", {})


@pytest.mark.parametrize(
    ("size", "found"), [(1024, (1024, 1024)), ("768x1024", (768, 1024)), ("64", (64, 64)), (None, None)]
)
def test_a_size_is_height_by_width(size: Any, found: Any) -> None:
    assert parse_size(size) == found


@pytest.mark.parametrize("size", ["big", "1x2x3", "-16", "1e3", 10.5])
def test_a_size_of_another_form_is_refused(size: Any) -> None:
    with pytest.raises(UsageError, match="size must be pixels"):
        parse_size(size)
