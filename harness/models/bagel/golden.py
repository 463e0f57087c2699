"""Recorded numbers of BAGEL (``bagel_*.json``), recomputed with our network.

A file holds sizes, prompts and upstream's numbers; weights and pictures follow from rules
(:mod:`.golden_rules`). Its parts are compared one by one, each number to :data:`TOLERANCE`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.models.bagel.golden_file import Recorded
from selfreward_eval.harness.models.bagel.golden_rules import guidance_of, wave
from selfreward_eval.harness.models.bagel.settings import Guidance

if TYPE_CHECKING:
    import torch

__all__ = ["TOLERANCE", "read", "sections"]

TOLERANCE = 1e-4
"""Absolute. Upstream's numbers are float32, rounded to six digits."""

PIXEL_TOLERANCE = 5e-6
"""Of a decoded value before it is truncated to a whole number: what lies so near to the next one may be
either, by rounding in float32."""

INPUTS = {
    "cfg_img_scale",
    "cfg_interval",
    "cfg_renorm_min",
    "cfg_renorm_type",
    "cfg_text_scale",
    "image_rule",
    "image_shape",
    "init_noise_rule",
    "num_timesteps",
    "prompt_ids",
    "question_ids",
    "timestep_shift",
    "vae_image_rule",
    "vit_image_rule",
}
"""Settings and rules within a part: read, not computed."""

DESCRIPTION = {"ae_params", "bagel", "llm_config", "new_token_ids", "vit_config"}
"""Parts that describe the network."""

_ROW = re.compile(r"(latent|vit)\[(\d{1,6})\]")


def sections(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts of a recorded file that can be recomputed, as cases."""
    recorded = Recorded(dict(document))
    names = [
        name for name, part in document.items() if isinstance(part, dict | list) and name not in DESCRIPTION
    ]
    parts = {name: document[name] for name in names}
    return [
        {"id": name, "expected": part if isinstance(part, dict) else {name: part}, "recorded": recorded}
        for name, part in parts.items()
    ]


def read(_document: Mapping[str, Any], case: Mapping[str, Any]) -> tuple[Any, Any]:
    """(upstream's numbers, ours) of one part, in the same shape."""
    import torch

    from selfreward_eval.harness.models.bagel.golden_training import training

    name, expected = case["id"], case["expected"]
    compute = training if name == "train" else _section(name)
    with torch.set_grad_enabled(name == "train"):
        ours = compute(case["recorded"], expected, name)
    if name == "train":
        return expected, ours
    wanted = {key: value for key, value in expected.items() if key not in INPUTS}
    return wanted, {key: _like(value, wanted[key]) for key, value in ours.items() if key in wanted}


def _section(name: str) -> Callable[[Recorded, Mapping[str, Any], str], dict[str, Any]]:
    if name.startswith("velocity_t"):
        return _velocities
    if name.startswith("time_embed_"):
        return _time
    return {
        "checksums": _checksums,
        "pos_embed_rows": _tables,
        "text_context": _text_context,
        "gen": _places,
        "generate": _generate,
        "decode": _decode,
        "encode_mean": _encode,
        "understand": _understand,
        "edit_context": _edit,
    }.get(name, _unknown)


def _unknown(_recorded: Recorded, expected: Mapping[str, Any], _name: str) -> dict[str, Any]:
    """A part that nothing here computes does not agree."""
    return dict.fromkeys(expected)


def _checksums(recorded: Recorded, expected: Mapping[str, Any], _name: str) -> dict[str, Any]:
    state = recorded.network.state_dict()
    return {name: float(state[name].double().sum()) for name in expected}


def _tables(recorded: Recorded, expected: Mapping[str, Any], _name: str) -> dict[str, Any]:
    tables = {
        "latent": recorded.network.latent_pos_embed.pos_embed,
        "vit": recorded.network.vit_pos_embed.pos_embed,
    }
    ours = {}
    for name in expected:
        found = _ROW.fullmatch(name)
        if found is None:
            raise ValueError(f"no row of a table: {name!r}")
        ours[name] = tables[found[1]][int(found[2])]
    return ours


def _time(recorded: Recorded, _expected: Mapping[str, Any], name: str) -> dict[str, Any]:
    import torch

    at = torch.tensor([float(name.removeprefix("time_embed_"))])
    return {name: recorded.network.time_embedder(at, torch.float32)}


def _text_context(recorded: Recorded, _expected: Mapping[str, Any], _name: str) -> dict[str, Any]:
    context = recorded.prompt_context
    assert context.past is not None
    return {
        "kv_len": [context.length],
        "rope": context.positions,
        "key_of_first_layer_at_last_token": context.past[0][0][0, :, -1],
        "value_of_last_layer_at_last_token": context.past[-1][1][0, :, -1],
    }


def _places(recorded: Recorded, _expected: Mapping[str, Any], _name: str) -> dict[str, Any]:
    from selfreward_eval.harness.models.bagel.tables import places

    grid = recorded.config.grid()
    count = grid[0] * grid[1] + 2
    return {
        "latent_position_ids": places(grid, recorded.config.max_latent_size),
        "position_ids": recorded.prompt_context.positions.expand(count),
        "cfg_position_ids": [0] * count,
    }


def _source(recorded: Recorded, guidance: Guidance) -> Any:
    from selfreward_eval.harness.models.bagel.contexts import empty
    from selfreward_eval.harness.models.bagel.drawing import Contexts, DrawnFrom

    context = recorded.prompt_context
    contexts = Contexts(context, empty(recorded.network, 1), context)
    return DrawnFrom(recorded.network, recorded.markers, contexts, recorded.config.grid(), guidance)


def _velocities(recorded: Recorded, expected: Mapping[str, Any], name: str) -> dict[str, Any]:
    import torch

    from selfreward_eval.harness.models.bagel.drawing import velocity_at

    at = torch.tensor([float(name.removeprefix("velocity_t"))])
    return {
        setting: velocity_at(
            _source(recorded, Guidance(text=1.0) if setting == "conditional" else guidance_of(setting)),
            recorded.noise,
            at,
        )
        for setting in expected
    }


def _drawn(recorded: Recorded) -> tuple[torch.Tensor, torch.Tensor]:
    """(times, latents) of the recorded drawing."""
    from selfreward_eval.harness.models.bagel.drawing import draw_latents
    from selfreward_eval.harness.models.bagel.guidance import times

    drawing = recorded.document["generate"]
    start, end = drawing["cfg_interval"]
    guidance = Guidance(
        drawing["cfg_text_scale"],
        drawing["cfg_img_scale"],
        start,
        end,
        drawing["cfg_renorm_type"],
        drawing["cfg_renorm_min"],
    )
    stops = times(drawing["num_timesteps"], drawing["timestep_shift"])
    return stops, draw_latents(_source(recorded, guidance), recorded.noise, stops)


def _generate(recorded: Recorded, _expected: Mapping[str, Any], _name: str) -> dict[str, Any]:
    stops, latents = _drawn(recorded)
    return {"steps_run": len(stops) - 1, "timesteps": stops, "latent_tokens": latents}


def _decode(recorded: Recorded, expected: Mapping[str, Any], _name: str) -> dict[str, Any]:
    import torch

    from selfreward_eval.harness.models.bagel.tables import unpack_latents

    config = recorded.config
    unpacked = unpack_latents(_drawn(recorded)[1], config.grid(), config.latent_patch_size)
    picture = recorded.autoencoder.decode(unpacked)[0]
    columns = len(expected["pixels_first_row"]) // len(picture)

    def truncated(values: torch.Tensor) -> torch.Tensor:
        return ((values * 0.5 + 0.5).clamp(0, 1) * 255).to(torch.uint8).permute(1, 2, 0)

    least, most = (truncated(picture + sign * PIXEL_TOLERANCE) for sign in (-1, 1))
    ours = truncated(picture)
    total = int(min(max(expected["uint8_sum"], int(least.long().sum())), int(most.long().sum())))
    first = torch.tensor(expected["uint8_first"])
    count = len(first)
    nearest = first.clamp(least.flatten()[:count].long(), most.flatten()[:count].long())
    return {
        "pixels_first_row": picture[:, 0, :columns],
        "uint8_shape": list(ours.shape),
        "uint8_sum": total,
        "uint8_first": nearest,
    }


def _encode(recorded: Recorded, expected: Mapping[str, Any], _name: str) -> dict[str, Any]:
    return {"latent": recorded.autoencoder.encode(wave(expected["image_rule"])[None])}


def _understand(recorded: Recorded, expected: Mapping[str, Any], _name: str) -> dict[str, Any]:
    from selfreward_eval.harness.models.bagel.contexts import empty, read_patches, read_text
    from selfreward_eval.harness.models.bagel.tables import places
    from selfreward_eval.harness.models.bagel.writing import write

    network, markers = recorded.network, recorded.markers
    patches, grid = recorded.patches(expected["image_rule"])
    ids = places(grid, recorded.config.vit_max_num_patch_per_side)
    features = network.vit_model(patches, ids)
    context, _ = read_patches(network, empty(network, 1), markers, network.patch_tokens(patches, grid))
    context, _ = recorded.text(context, expected["question_ids"])
    _, hidden = read_text(network, context, [[markers.bos]])
    limit = len(expected["greedy_ids_with_start"]) - 1
    written, ended = write(network, context, markers, limit)[0]
    return {
        "vit_position_ids": ids,
        "vit_out_token0": features[0, 0],
        "vit_out_sum": [float(features.double().sum())],
        "kv_len": [context.length],
        "rope": context.positions,
        "first_logits": network.logits_of(hidden[0, 0]),
        "greedy_ids_with_start": [markers.bos, *written] + [markers.eos] * ended,
    }


def _edit(recorded: Recorded, expected: Mapping[str, Any], _name: str) -> dict[str, Any]:
    from selfreward_eval.harness.models.bagel.contexts import empty, read_latents, read_patches

    network, markers = recorded.network, recorded.markers
    clean, grid = recorded.latents(expected["vae_image_rule"])
    context = read_latents(network, empty(network, 1), markers, clean, grid)
    patches, patch_grid = recorded.patches(expected["vit_image_rule"])
    context, _ = read_patches(network, context, markers, network.patch_tokens(patches, patch_grid))
    # The instruction is no part of the file: it is 4, 5 ... , as many as the recorded length leaves.
    count = expected["kv_len"][0] - context.length - 2
    context, _ = recorded.text(context, expected.get("prompt_ids") or list(range(4, 4 + count)))
    assert context.past is not None
    return {
        "kv_len": [context.length],
        "rope": context.positions,
        "value_of_last_layer_at_last_token": context.past[-1][1][0, :, -1],
    }


def _like(ours: Any, expected: Any) -> Any:
    """JSON values of ours: a tensor flat, as far as upstream's numbers go."""
    import torch

    if not isinstance(ours, torch.Tensor):
        return ours
    flat = ours.detach().flatten().tolist()
    return flat[: len(expected)] if isinstance(expected, list) else flat
