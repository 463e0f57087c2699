"""Golden numbers of losses in ``flow_rl*.json``: loop bodies of the official training scripts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from selfreward_eval.trainers.flow import losses
from selfreward_eval.trainers.flow.golden_inputs import added_waves, digest, plus_wave, tensor
from selfreward_eval.trainers.flow.likelihoods import log_density, matching_log_prob, per_picture
from selfreward_eval.trainers.flow.steps import Step

if TYPE_CHECKING:
    import torch

__all__ = ["LOSSES"]

Case = Mapping[str, Any]


def _numbers(values: Any) -> torch.Tensor:
    import torch

    return torch.tensor(values, dtype=torch.float64)


def _ratio_terms(given: Case, log_prob: torch.Tensor) -> tuple[torch.Tensor, losses.Clipped]:
    ratio = (log_prob - _numbers(given["old_log_prob"])).exp()
    bound = given["adv_clip_max"]
    advantage = _numbers(given["advantages"]).clamp(-bound, bound)
    return ratio, losses.clipped(ratio, advantage, given["clip_range"])


def grpo(document: Case, given: Case) -> dict[str, Any]:
    import torch

    log_prob = _numbers(given["log_prob"]).requires_grad_(True)
    ratio, terms = _ratio_terms(given, log_prob)
    mean = terms.loss.mean()
    [gradient] = torch.autograd.grad(mean, log_prob)
    loss = float(mean.detach())
    above, below = float(terms.above.mean()), float(terms.below.mean())
    return {
        "ratio": ratio.tolist(),
        "policy_loss": loss,
        "loss": loss,
        "clipfrac": above + below,
        "clipfrac_gt_one": above,
        "clipfrac_lt_one": below,
        "grad_wrt_log_prob": gradient.tolist(),
    }


def divergence(document: Case, given: Case) -> dict[str, Any]:
    import torch

    _, terms = _ratio_terms(given, _numbers(given["log_prob"]))
    mean = tensor(given["mean"]).requires_grad_(True)
    seed, amp = added_waves(given["reference_mean"])[""]
    reference = plus_wave(mean.detach(), seed, amp)
    distance = losses.mean_divergence(mean, reference, given["std_dev_t"]).mean()
    policy = float(terms.loss.mean())
    [gradient] = torch.autograd.grad(given["beta"] * distance, mean)
    return {
        "kl_loss": float(distance.detach()),
        "policy_loss": policy,
        "loss": policy + given["beta"] * float(distance.detach()),
        "grad_wrt_mean": digest(gradient),
    }


def _first_seed(rule: str) -> float:
    """The number that a wave's seed starts from: 2 in ``wave(2 + b, ...)``."""
    match = re.search(r"wave\((-?\d+(?:\.\d+)?)", rule)
    if match is None:
        raise ValueError(f"no wave in {rule!r}")
    return float(match[1])


def guard(document: Case, given: Case) -> dict[str, Any]:
    import torch

    old = tensor(given["old_mean"])
    first = _first_seed(given["new_mean"])
    mean = torch.stack([plus_wave(row, first + b, given["amps"][b]) for b, row in enumerate(old)])
    root = given["sqrt_dt"]
    std = given["std_dev_t"] * root
    sample = Step(old, std).sample(tensor(given["noise"]))
    before = per_picture(log_density(sample, Step(old, std)))
    log_ratio = per_picture(log_density(sample, Step(mean, std))) - before
    bound = given["adv_clip_max"]
    advantage = _numbers(given["advantages"]).clamp(-bound, bound)

    def loss(ratio: torch.Tensor) -> float:
        return float(losses.clipped(ratio, advantage, given["clip_range"]).loss.mean()) / root**2

    over_batch = losses.guarded_ratio(log_ratio, mean, old, std, over_batch=True)
    own = losses.guarded_ratio(log_ratio, mean, old, std)
    return {
        "log_prob_minus_old": log_ratio.tolist(),
        "flow_grpo": {"ratio": over_batch.tolist(), "policy_loss": loss(over_batch)},
        "per_sample": {"ratio_mean": float(own.mean()), "policy_loss": loss(own)},
    }


def dppo(document: Case, given: Case) -> dict[str, Any]:
    import torch

    old, noise = tensor(given["old_mean"]), tensor(given["noise"])
    first, amps = _first_seed(given["new_mean"]), given["amps"]
    means = [
        torch.stack([plus_wave(part, first + b + 0.1 * s, amps[b][s]) for s, part in enumerate(row)])
        for b, row in enumerate(old)
    ]
    mean = torch.stack(means)
    sigma = _numbers(given["sigma_t_per_step"]).view(1, -1, *[1] * (old.ndim - 2))
    sample = old + sigma * noise

    def log_prob(centre: torch.Tensor) -> torch.Tensor:
        return log_density(sample, Step(centre, sigma), constants=False).flatten(2).mean(2)

    ratio = (log_prob(mean) - log_prob(old)).exp()
    moved = ((mean - old) ** 2 / (2 * sigma**2)).flatten(2).mean(2)
    advantage = _numbers(given["advantages"])[:, None]
    loss, dropped = losses.masked_by_divergence(ratio, advantage, moved, given["kl_mask_threshold"])
    return {
        "loss_per_element": loss.tolist(),
        "loss": float(loss.mean()),
        "masked_fraction": float(dropped.double().mean()),
        "kl_mask_fraction": float((moved >= given["kl_mask_threshold"]).double().mean()),
        "kl_mean": float(moved.mean()),
        "ratio_min": float(ratio.min()),
        "ratio_max": float(ratio.max()),
    }


def nft(document: Case, given: Case) -> dict[str, Any]:
    import torch

    x0, noise = tensor(given["x0"]), tensor(given["noise"])
    t = _numbers(given["t"]).view(-1, *[1] * (x0.ndim - 1))
    target = noise - x0
    waves = added_waves(given["velocity_rule"])
    new, old, reference = (plus_wave(target, *waves[name]) for name in ("new", "old", "reference"))
    new.requires_grad_(True)
    share = losses.nft_share(_numbers(given["advantages"]), given["adv_clip_max"], given["adv_mode"])
    noisy = (1 - t) * x0 + t * noise
    scale = given["adv_clip_max"]
    terms = losses.nft(new, old, noisy, x0, t, share, beta=given["beta"], scale=scale)
    distance = ((new - reference) ** 2).mean()
    loss = terms.loss + given["kl_beta"] * distance
    [gradient] = torch.autograd.grad(loss, new)
    return {
        "r": share.tolist(),
        "positive_loss": terms.positive.tolist(),
        "negative_loss": terms.negative.tolist(),
        "policy_loss": float(terms.loss.detach()),
        "kl_div_loss": float(distance.detach()),
        "loss": float(loss.detach()),
        "grad_wrt_new": digest(gradient),
    }


AWM_NAMES = {"t**2": "t2", "t^2": "t2"}
"""The script's name of a weighting -> ours, where they differ by more than case."""


def awm(document: Case, given: Case) -> dict[str, Any]:
    import torch

    x0, noise = tensor(given["x0"]), tensor(given["noise"])
    target = noise - x0
    v = plus_wave(target, *added_waves(given["velocity_rule"])[""]).requires_grad_(True)
    name = given["weighting"].lower()
    weighting = AWM_NAMES.get(name, name)
    log_prob = matching_log_prob(v, target, _numbers(given["t"]), weighting, given["ghuber_power"])
    [gradient] = torch.autograd.grad(log_prob.sum(), v)
    return {"log_prob": log_prob.tolist(), "grad_of_sum_wrt_v": digest(gradient)}


LOSSES: dict[str, Callable[[Case, Case], dict[str, Any]]] = {
    "grpo_loss": grpo,
    "kl_loss": divergence,
    "grpo_guard": guard,
    "flow_dppo": dppo,
    "nft_loss": nft,
    "awm_log_prob": awm,
}
