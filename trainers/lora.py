"""Low-rank adapters (peft) on a language model's linear layers, put in place and taken out again.

They replace the linear layers inside the model that an adapter class holds, so that every method of that
class computes with them. The base weights do not change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    import torch

__all__ = ["TARGETS", "adapted_part", "disabled", "inject", "merged", "remove"]

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Linear layers of a Llama block: attention and feed-forward."""


def adapted_part(module: torch.nn.Module, only: str) -> str:
    """Text that the names of adapted layers contain: ``only``, or the half that draws where a network has
    one.

    Such a network says so by its attribute ``drawing_half``. The other half reads prompts and pictures.
    """
    return only or str(getattr(module, "drawing_half", ""))


def inject(module: torch.nn.Module, rank: int, alpha: float, seed: int, only: str = "") -> None:
    """Puts adapters on the linear layers of ``module``; the function that it computes does not change yet.

    Args:
        module: the language model.
        rank: of the added matrices, at least 1.
        alpha: their product is scaled by ``alpha / rank``.
        seed: of the first matrix; the second is zero.
        only: text that the layers' full names have to contain; empty for :func:`adapted_part`'s. A layer
            then may also be called after one of :data:`TARGETS` and an underscore: ``q_proj_moe_gen``.

    Raises:
        MissingExtra: peft is not installed.
        UsageError: the module has no such layers.
    """
    import torch

    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise MissingExtra("lora_rank needs the package peft; install it, or use lora_rank=0") from error
    only = adapted_part(module, only)
    targets = _targets(module, only)
    if not targets:
        named = f" with {only!r} in its name; correct only, or" if only else ";"
        raise UsageError(
            f"lora_rank is above 0, but {type(module).__name__} has none of the layers {', '.join(TARGETS)}"
            f"{named} use lora_rank=0"
        )
    devices = [parameter.device for parameter in module.parameters() if parameter.device.type == "cuda"][:1]
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed % (1 << 63))
        settings: dict[str, Any] = {"r": rank, "lora_alpha": alpha, "target_modules": targets}
        inject_adapter_in_model(LoraConfig(**settings), module)


def _targets(module: torch.nn.Module, only: str) -> list[str]:
    """Names of layers to adapt: last parts, or full names where only some layers are meant."""
    names = [name for name, _ in module.named_modules()]
    if not only:
        last = {name.rsplit(".", 1)[-1] for name in names}
        return [name for name in TARGETS if name in last]
    leaves = tuple(f"{target}_" for target in TARGETS)
    return [
        name
        for name in names
        if only in name and ((leaf := name.rsplit(".", 1)[-1]) in TARGETS or leaf.startswith(leaves))
    ]


@contextmanager
def disabled(module: torch.nn.Module) -> Iterator[None]:
    """Inside, ``module`` computes with its base weights alone: the model as it was at the start."""
    layers = [layer for _, _, layer in _adapted(module)]
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)


@contextmanager
def merged(module: torch.nn.Module) -> Iterator[None]:
    """Inside, ``module`` is made of plain linear layers that hold base plus adapter; afterwards as before."""
    import torch

    places = list(_adapted(module))
    kept = []
    with torch.no_grad():
        for parent, name, layer in places:
            base = layer.get_base_layer()
            kept.append(base.weight.detach().clone())
            base.weight.add_(layer.get_delta_weight(layer.active_adapters[0]).to(base.weight.dtype))
            setattr(parent, name, base)
    try:
        yield
    finally:
        with torch.no_grad():
            for (parent, name, layer), before in zip(places, kept, strict=True):
                # A copy, not a subtraction: rounding would leave other weights than there were.
                layer.get_base_layer().weight.copy_(before)
                setattr(parent, name, layer)


def remove(module: torch.nn.Module) -> None:
    """Takes the adapters out; what they learnt is gone."""
    for parent, name, layer in list(_adapted(module)):
        setattr(parent, name, layer.get_base_layer())
    module.__dict__.pop("peft_config", None)


def _adapted(module: torch.nn.Module) -> Iterator[tuple[torch.nn.Module, str, Any]]:
    """(parent, name in it, adapted layer) of every layer with adapters."""
    from peft.tuners.lora import LoraLayer

    for parent in module.modules():
        for name, child in parent.named_children():
            if isinstance(child, LoraLayer):
                yield parent, name, child
