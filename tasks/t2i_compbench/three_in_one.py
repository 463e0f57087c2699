"""Complex prompts: the 3-in-1 score, a mean of attribute, spatial and action scores. The official rule.

>>> kind("The dog sat next to the vase.", spatial={"the dog sat next to the vase"}, action=set())
'spatial'
>>> round(combine("spatial", attributes=0.8, spatial=0.5, action=None).score, 3)
0.65

Source: Karine-Huang/T2I-CompBench at 1b70949, ``3_in_1_eval/3_in_1.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from math import inf
from typing import Literal

from selfreward_eval.tasks.t2i_compbench.ruling import Ruling, unscorable

Kind = Literal["spatial", "action", "both"]
"""Which relations a complex prompt has besides its attributes."""

PARTS: dict[Kind, tuple[str, ...]] = {
    "spatial": ("spatial", "attributes"),
    "action": ("action", "attributes"),
    "both": ("attributes", "spatial", "action"),
}
"""Kind -> the scores that its mean is taken of."""


def key(prompt: str) -> str:
    """The key that identifies a prompt: its text before the first full stop, in lower case."""
    return prompt.strip("\n").split(".")[0].lower()


def keys(prompts: Iterable[str]) -> frozenset[str]:
    """The keys of the prompts of one of upstream's files."""
    return frozenset(key(prompt) for prompt in prompts)


def kind(prompt: str, spatial: Collection[str], action: Collection[str]) -> Kind:
    """The kind of a prompt; one that is in both collections is spatial, one in neither is of both kinds.

    Args:
        prompt: its text.
        spatial: keys of the spatial prompts.
        action: keys of the action prompts.
    """
    own_key = key(prompt)
    if own_key in spatial:
        return "spatial"
    return "action" if own_key in action else "both"


def combine(
    of_kind: Kind, *, attributes: float | None, spatial: float | None, action: float | None
) -> Ruling:
    """The 3-in-1 score of one picture: the mean of the parts that its kind has.

    Args:
        of_kind: see :func:`kind`.
        attributes: the BLIP-VQA score in [0, 1].
        spatial: the 2D score (with ``complex_prompt``) in [0, 1].
        action: CLIP's similarity to the text without adjectives, in [-1, 1].

    Returns:
        No score where a part that the kind needs is None, or a part is no finite number.
    """
    given = {"attributes": attributes, "spatial": spatial, "action": action}
    broken = {name: value for name, value in given.items() if value is not None and not _is_finite(value)}
    if broken:
        return unscorable(f"{of_kind} prompt", f"the scores {broken} are no finite numbers; score them anew")
    parts = {name: given[name] for name in PARTS[of_kind]}
    present = {name: value for name, value in parts.items() if value is not None}
    missing = [name for name in parts if name not in present]
    if missing:
        reason = f"a prompt of the kind {of_kind!r} needs its {' and '.join(missing)} score, which is missing"
        return unscorable(f"{of_kind} prompt", reason, parts=parts)
    total = sum(present.values())
    score = total / 3 if of_kind == "both" else total * 0.5
    reason = ", ".join(f"{name} {value:.4f}" for name, value in present.items())
    return Ruling(score, f"{of_kind} prompt", reason, numbers={"parts": parts})


def _is_finite(value: object) -> bool:
    """Whether ``value`` is a finite number."""
    return isinstance(value, int | float) and -inf < value < inf
