"""Golden numbers of flow trainers, ``flow_rl*.json``: official functions and loop bodies, recomputed by ours.

Each case has a kind. Steps and losses have files of their own; advantages and schedules stand here. All are
in float64. Fields named ``..._as_coded`` hold slips of upstream's code, rebuilt in these files alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from selfreward_eval.tasks.parity import Tolerant
from selfreward_eval.trainers.flow import advantages, schedules
from selfreward_eval.trainers.flow.golden_losses import LOSSES
from selfreward_eval.trainers.flow.golden_steps import STEPS

__all__ = ["READERS", "read"]

Case = Mapping[str, Any]


def tracker(document: Case, given: Case) -> dict[str, Any]:
    prompts, rewards = given["prompts"], given["rewards"]
    values = advantages.normalised_groups(
        rewards, prompts, across=given["global_std"], kind=given.get("type", "grpo")
    )
    spread = advantages.statistics(rewards, prompts)
    return {
        "advantages": values.tolist(),
        "group_size": spread.size,
        "prompts_seen": spread.groups,
        "zero_std_ratio": spread.flat,
        "mean_group_std": spread.deviation,
    }


def dance_advantages(document: Case, given: Case) -> dict[str, Any]:
    size, rewards = given["num_generations"], given["rewards"]
    keys = [k // size for k in range(len(rewards))]
    return {"advantages": advantages.unbiased_groups(rewards, keys, epsilon=1e-8).tolist()}


def verl(document: Case, given: Case) -> dict[str, Any]:
    values = advantages.unbiased_groups(
        given["rewards"],
        given["groups"],
        epsilon=given["epsilon"],
        across=given["global_std"],
        divide=given["divide_by_std"],
    )
    return {"advantages": values.tolist()}


def window(document: Case, given: Case) -> dict[str, Any]:
    if given["sample_strategy"] != "progressive":
        raise ValueError(f"the strategy {given['sample_strategy']!r} draws at random")
    stride = given["prog_overlap_step"] if given["prog_overlap"] else given["group_size"]
    windows = schedules.sliding_windows(
        given["iterations"],
        period=given["iters_per_group"],
        size=given["group_size"],
        steps=given["max_timesteps"],
        stride=stride,
        roll_back=given["roll_back"],
    )
    return {"windows": windows}


def old_decay(document: Case, given: Case) -> dict[str, Any]:
    steps, kind = given["gradient_steps"], given["decay_type"]
    return {"decay": [schedules.old_policy_decay(step, kind) for step in steps]}


def average(document: Case, given: Case) -> dict[str, Any]:
    weights, kept, after = list(given["start"]), list(given["start"]), []
    for step in range(given["steps"]):
        weights = [w + d for w, d in zip(weights, given["added_before_each_step"], strict=True)]
        if (step + 1) % given["update_step_interval"] == 0:
            share = 1 - schedules.averaging_decay(step, given["decay"])
            kept = [k + share * (w - k) for k, w in zip(kept, weights, strict=True)]
        after.append(list(kept))
    return {"ema_after_each_step": after}


KINDS: dict[str, Callable[[Case, Case], dict[str, Any]]] = {
    **STEPS,
    **LOSSES,
    "advantage_tracker": tracker,
    "dance_advantage": dance_advantages,
    "verl_advantage": verl,
    "mix_window": window,
    "nft_old_decay": old_decay,
    "ema": average,
}


def read(document: Case, case: Case) -> tuple[Any, Any]:
    """Upstream's result and ours; ours has the keys that the file has, no others."""
    expected = case["expected"]
    ours = KINDS[case["kind"]](document, case["input"])
    return expected, {key: value for key, value in ours.items() if key in expected}


READERS = {"flow_rl*.json": Tolerant(read, absolute=5e-6, relative=5e-5)}
"""The tolerance is the file's: its reference was computed in float32."""
