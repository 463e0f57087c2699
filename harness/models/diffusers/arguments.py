"""The arguments of a pipeline's call: checked against its signature, its defaults read from there."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

from selfreward_eval.harness.errors import UsageError, did_you_mean

OURS = frozenset(
    {"self", "prompt", "generator", "num_images_per_prompt", "output_type", "return_dict", "latents", "image"}
)
"""What the adapter sets itself, or what would draw from something other than a text and a seed."""

_INNER = ("callback", "prompt_2", "prompt_3", "ip_adapter", "attention_kwargs", "_embeds", "_mask")
"""Parts of the names of arguments that are no settings."""


def _is_setting(name: str) -> bool:
    return name not in OURS and not any(part in name for part in _INNER)


def settings_of(call: Callable[..., Any]) -> dict[str, Any]:
    """Every setting of a pipeline's call -> its default, as JSON values.

    >>> def call(self, prompt, guidance_scale: float = 4.0, generator=None): ...
    >>> settings_of(call)
    {'guidance_scale': 4.0}
    """
    found = {}
    for name, parameter in inspect.signature(call).parameters.items():
        if _is_setting(name) and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            default = None if parameter.default is parameter.empty else parameter.default
            try:
                found[name] = json.loads(json.dumps(default))
            except (TypeError, ValueError):
                found[name] = repr(default)
    return found


def checked(pipeline: str, known: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Returns if a pipeline takes these settings and they do what their names say.

    Args:
        pipeline: its class, for messages.
        known: of :func:`settings_of`.
        given: what the user asked for.

    Raises:
        UsageError: a setting that it has not, or guidance that has no effect.
    """
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known)
            raise UsageError(f"{pipeline} has no argument {name!r}; {hint} (it takes: {', '.join(known)})")
    if given.get("true_cfg_scale") and "negative_prompt" not in given:
        raise UsageError(
            f"true_cfg_scale={given['true_cfg_scale']:g} of {pipeline} has an effect only together with a "
            'negative prompt; write true_cfg_scale=...,negative_prompt=" " (a blank), or leave it out'
        )


def unquoted(text: str | None) -> str | None:
    """``text`` without double quotes around it: the way to write a blank on a command line.

    >>> unquoted('" "')
    ' '
    """
    if text is not None and len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    return text
