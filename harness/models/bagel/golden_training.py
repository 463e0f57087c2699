"""The recorded training losses of BAGEL and of SRUM, recomputed with gradients.

The picture that noise is added to is the bad one, b; the constraint pulls towards the good one, g. With a
reward map R the loss is mean(R (v - (noise - b))^2) + lambda mean((v - (noise - g))^2), without one it is
mean((v - (noise - g))^2). Source: arXiv:2510.12784 and its released code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.models.bagel.golden_rules import reward_map, wave

if TYPE_CHECKING:
    import torch

    from selfreward_eval.harness.models.bagel.golden_file import Recorded

__all__ = ["training"]

_LATENT = re.compile(r"latent_(bad|good)_(\d{1,4})x(\d{1,4})x(\d{1,4})")


def training(recorded: Recorded, expected: Mapping[str, Any], _name: str) -> dict[str, Any]:
    """All recorded losses with the norms of their gradients, positions and mask; in the file's form."""
    import torch
    from torch.nn import functional

    from selfreward_eval.harness.models.bagel.sequences import text_and_picture_mask, velocities
    from selfreward_eval.harness.models.bagel.tables import pack_latents

    setup = expected["setup"]
    config, network = recorded.config, recorded.network
    packed: dict[str, torch.Tensor] = {}
    grid = (0, 0)
    for key, values in setup.items():
        found = _LATENT.fullmatch(key)
        if found is not None:
            channels, height, width = (int(found[k]) for k in (2, 3, 4))
            latents = torch.tensor(values).view(1, channels, height, width)
            packed[found[1]] = pack_latents(latents, config.latent_patch_size)
            grid = (height // config.latent_patch_size, width // config.latent_patch_size)
    noise = wave(setup["noise_rule"])[None]
    shift = setup["timestep_shift"]
    raw = torch.tensor([setup["raw_timestep"]]).sigmoid()
    time = shift * raw / (1 + (shift - 1) * raw)
    noisy = (1 - time) * packed["bad"] + time * noise
    pixels = reward_map(setup["reward_map"])[None, None]
    rewards = functional.interpolate(pixels, size=grid, mode="bilinear", align_corners=False).view(1, -1, 1)
    parameters = dict(network.named_parameters())
    ours: dict[str, Any] = {}
    for name, wanted in expected.items():
        if not isinstance(wanted, Mapping) or "mse" not in wanted:
            continue
        text = None if "text_dropped" in name else setup["prompt_ids"]
        velocity = velocities(network, recorded.markers, [text], noisy, time, grid)
        good = packed["good" if "good_differs" in name else "bad"]
        loss = (velocity - (noise - good)).square().mean()
        if name.startswith("reward"):
            weighted = (rewards * (velocity - (noise - packed["bad"])).square()).mean()
            loss = weighted + setup["lambda_constraint"] * loss
        network.zero_grad()
        loss.backward()
        norms = {}
        for key in wanted["grad_norms"]:
            gradient = parameters[key].grad
            norms[key] = 0.0 if gradient is None else float(gradient.norm())
        ours[name] = {"mse": float(loss.detach()), "grad_norms": norms}
    length, count = len(setup["prompt_ids"]) + 2, grid[0] * grid[1]
    mask = text_and_picture_mask(torch.tensor([length]), length, count)[0]
    # Ours has the two markers first: here in the order of the sequence.
    order = [*range(2, 2 + length), 0, *range(2 + length, 2 + length + count), 1]
    ours["position_ids"] = [*range(length)] + [length] * (count + 2)
    ours["attention_allowed"] = mask[order][:, order].long().tolist()
    return {key: ours.get(key, value) if key != "setup" else value for key, value in expected.items()}
