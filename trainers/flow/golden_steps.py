"""Golden numbers of sampling steps in ``flow_rl*.json``: single steps, and BAGEL's drawing and replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from selfreward_eval.trainers.flow import schedules
from selfreward_eval.trainers.flow.golden_inputs import added_waves, digest, plus_wave, tensor
from selfreward_eval.trainers.flow.likelihoods import cps_density, log_density, per_picture, per_token
from selfreward_eval.trainers.flow.losses import clipped
from selfreward_eval.trainers.flow.steps import (
    Step,
    clean,
    cps_step,
    dance_step,
    euler_step,
    restart_step,
    sde_level,
    sde_step,
)

if TYPE_CHECKING:
    import torch

__all__ = ["STEPS"]

Case = Mapping[str, Any]


def _step(x: torch.Tensor, v: torch.Tensor, given: Case, s: float, s_next: float, s_max: float) -> Step:
    """The step of a case, by its ``sde_type``."""
    level = given["noise_level"]
    if given.get("sde_type", "sde") == "cps":
        return cps_step(x, v, s=s, s_next=s_next, level=level)
    return sde_step(x, v, s=s, s_next=s_next, s_max=s_max, level=level)


def _sampled(given: Case, step: Step) -> torch.Tensor:
    """The next latents: given, or drawn with the given noise."""
    if "prev_sample" in given:
        return tensor(given["prev_sample"])
    return step.sample(tensor(given["noise"]))


def _level(given: Case, s: float, s_next: float, s_max: float, step: Step) -> float:
    """What upstream calls std_dev_t: the coefficient of the SDE, the step's deviation of CPS."""
    cps = given.get("sde_type", "sde") == "cps"
    return float(step.std) if cps else float(sde_level(s, s_max, given["noise_level"]))


def sde(document: Case, given: Case) -> dict[str, Any]:
    import torch

    sigmas, index = given["sigmas"], given["index"]
    s, s_next, s_max = sigmas[index], sigmas[index + 1], sigmas[1]
    x, v = tensor(given["x"]), tensor(given["v"])
    if "cast_x_and_v_to" in given:
        kind = getattr(torch, given["cast_x_and_v_to"])
        x, v = x.to(kind).double(), v.to(kind).double()
    v.requires_grad_(True)
    step = _step(x, v, given, s, s_next, s_max)
    sample = _sampled(given, step)
    cps = given["sde_type"] == "cps"
    log_prob = per_picture(cps_density(sample, step) if cps else log_density(sample, step))
    [gradient] = torch.autograd.grad(log_prob.sum(), v)
    return {
        "std_dev_t": _level(given, s, s_next, s_max, step),
        "sqrt_minus_dt": (s - s_next) ** 0.5,
        "mean": digest(step.mean),
        "prev_sample": digest(sample),
        "log_prob": log_prob.tolist(),
        "grad_of_sum_log_prob_wrt_v": digest(gradient),
    }


def bagel_likelihood(sample: torch.Tensor, step: Step, given: Case) -> torch.Tensor:
    """BAGEL's log-likelihood of every number: without constants."""
    cps = given.get("sde_type", "sde") == "cps"
    return cps_density(sample, step) if cps else log_density(sample, step, constants=False)


def bagel(document: Case, given: Case) -> dict[str, Any]:
    times, index = _bagel_times(given), given["index"]
    s, s_next, s_max = times[index], times[index + 1], times[1]
    step = _step(tensor(given["x"]), tensor(given["v"]), given, s, s_next, s_max)
    sample = _sampled(given, step)
    return {
        "t": s,
        "t_next": s_next,
        "t_max": s_max,
        "std_dev_t": _level(given, s, s_next, s_max, step),
        "mean": digest(step.mean),
        "prev_sample": digest(sample),
        "log_prob": float(bagel_likelihood(sample, step, given).mean()),
    }


def _bagel_times(given: Case) -> list[float]:
    return schedules.uniform_times(given["num_timesteps"], given["timestep_shift"])


def bagel_rollout(given: Case) -> dict[str, Any]:
    """BAGEL's drawing with a scripted velocity: SDE steps in the window, Euler steps elsewhere.

    Beside what the file lists, the result holds ``steps``: (x, x', s, s', s_max) of the window.
    """
    times = _bagel_times(given)
    first, end = given["sde_window"]
    low, high = given["cfg_interval"]
    x, noise = tensor(given["x0"]), tensor(given["noise_every_step"])
    latents, likelihoods, steps = [], [], []
    for k, (s, s_next) in enumerate(pairwise(times)):
        v = _scripted(given, x, s, given["theta_rollout"])
        if not first <= k < end:
            x = euler_step(x, v, s, s_next)
            continue
        if k == first:
            latents.append(x)
        step = _step(x, v, given, s, s_next, times[1])
        following = step.sample(noise)
        steps.append((x, following, s, s_next, times[1]))
        likelihoods.append(float(bagel_likelihood(following, step, given).mean()))
        latents.append(following)
        x = following
    return {
        "timesteps": times[first:end],
        "log_probs": likelihoods,
        "latents": [digest(latent) for latent in latents],
        "final": digest(x),
        "guidance_scale_seen": [given["cfg_text_scale"] if low < s <= high else 1.0 for s in times[:-1]],
        "steps": steps,
    }


def _scripted(given: Case, x: torch.Tensor, t: float, theta: Any) -> torch.Tensor:
    """The velocity of ``velocity_rule``: theta x + (0.5 + t) W."""
    return theta * x + (0.5 + t) * tensor(given["W"])


def rollout(document: Case, given: Case) -> dict[str, Any]:
    result = bagel_rollout(given)
    del result["steps"]
    return result


def learn(document: Case, given: Case) -> dict[str, Any]:
    import torch

    [drawn] = [case["input"] for case in document["cases"] if case["id"] == given["rollout"]]
    rolled = bagel_rollout(drawn)
    bound, beta = given["adv_clip_max"], given["beta"]
    advantage = max(-bound, min(bound, given["advantage"]))
    policy, divergences, above, below, gradients = [], [], [], [], []
    for (x, following, s, s_next, s_max), old in zip(rolled["steps"], rolled["log_probs"], strict=True):
        theta = torch.tensor(given["theta_now"], dtype=torch.float64, requires_grad=True)
        step = _step(x, _scripted(drawn, x, s, theta), drawn, s, s_next, s_max)
        ratio = (bagel_likelihood(following, step, drawn).mean() - old).exp()
        term = clipped(ratio, advantage, given["clip_range_lt"], given["clip_range_gt"])
        reference = _step(x, _scripted(drawn, x, s, given["theta_reference"]), drawn, s, s_next, s_max)
        level = _level(drawn, s, s_next, s_max, step)
        divergence = ((step.mean - reference.mean) ** 2).mean() / (2 * level**2)
        [gradient] = torch.autograd.grad(term.loss + beta * divergence, theta)
        policy.append(float(term.loss.detach()))
        divergences.append(float(divergence.detach()))
        above.append(float(term.above))
        below.append(float(term.below))
        gradients.append(float(gradient))
    policy_loss, divergence_loss = _mean(policy), _mean(divergences)
    return {
        "policy_loss": policy_loss,
        "kl_loss": divergence_loss if beta else None,
        "loss": policy_loss + beta * divergence_loss,
        "clipfrac": _mean(above) + _mean(below),
        "clipfrac_gt_one": _mean(above),
        "clipfrac_lt_one": _mean(below),
        "grad_of_loss_wrt_theta_per_step": gradients,
    }


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def dance(document: Case, given: Case) -> dict[str, Any]:
    times, index = schedules.uniform_times(given["steps"] + 1, given["shift"]), given["index"]
    s, s_next = times[index], times[index + 1]
    x, v = tensor(given["x"]), tensor(given["v"])
    step = dance_step(x, v, s=s, s_next=s_next, eta=given["eta"])
    sample = _sampled(given, step)
    return {
        "sigma": s,
        "sigma_next": s_next,
        "prev_sample": digest(sample),
        "pred_original": digest(clean(x, v, s)),
        "log_prob": per_picture(log_density(sample, step)).tolist(),
    }


def mix(document: Case, given: Case) -> dict[str, Any]:
    times, index = schedules.uniform_times(given["steps"] + 1, given["shift"]), given["index"]
    s, s_next = times[index], times[index + 1]
    x, v = tensor(given["x"]), tensor(given["v"])
    dance_like = given["function"] == "dance_grpo_step"
    if dance_like:
        step = dance_step(x, v, s=s, s_next=s_next, eta=given["eta"])
    else:
        step = sde_step(x, v, s=s, s_next=s_next, s_max=times[1], level=given["eta"])
    # As coded: a deterministic step is judged by the stochastic one's mean, and the dance step's constants
    # stand on a line of their own, where they have no effect.
    sample = euler_step(x, v, s, s_next) if given["deterministic"] else _sampled(given, step)
    return {
        "sigma": s,
        "sigma_next": s_next,
        "prev_sample": digest(sample),
        "pred_original": digest(clean(x, v, s)),
        "log_prob_as_coded": per_picture(log_density(sample, step, constants=not dance_like)).tolist(),
    }


def diffusers(document: Case, given: Case) -> dict[str, Any]:
    times, index = schedules.diffusers_times(given["steps"], given["shift"]), given["index"]
    step = restart_step(tensor(given["x"]), tensor(given["v"]), s=times[index], s_next=times[index + 1])
    return {"sigmas": times, "prev_sample": digest(step.sample(tensor(given["noise"])))}


def tokens(document: Case, given: Case) -> dict[str, Any]:
    times, index = _bagel_times(given), given["index"]
    s, s_next, s_max = times[index], times[index + 1], times[1]
    x, v = tensor(given["x"]), tensor(given["v"])
    step = _step(x, v, given, s, s_next, s_max)
    sample = _sampled(given, step)
    seed, amp = _wave(given["v_now"])
    now = _step(x, plus_wave(v, seed, amp), given, s, s_next, s_max)
    old_tokens = per_token(bagel_likelihood(sample, step, given))
    new_tokens = per_token(bagel_likelihood(sample, now, given))
    return {
        "token_log_prob_old": old_tokens.tolist(),
        "token_log_prob_now": new_tokens.tolist(),
        "token_ratio": (new_tokens - old_tokens).exp().tolist(),
        "log_prob_old": float(old_tokens.mean()),
        "log_prob_now": float(new_tokens.mean()),
    }


def _wave(rule: str) -> tuple[float, float]:
    return added_waves(rule)[""]


STEPS: dict[str, Callable[[Case, Case], dict[str, Any]]] = {
    "sde_step": sde,
    "bagel_step": bagel,
    "bagel_rollout": rollout,
    "bagel_learn": learn,
    "dance_step": dance,
    "mix_step": mix,
    "diffusers_stochastic_step": diffusers,
    "token_log_prob": tokens,
}
