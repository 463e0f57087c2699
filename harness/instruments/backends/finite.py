"""NaN and infinity are no numbers: refused in weights, and an error where a network computes them.

A weight is looked at once, after loading, in the type that it is computed in: a number that float32 holds
can be infinite in float16. What a network computes is looked at in every call, because activations can
overflow over one picture or prompt and not over another; :class:`NotFinite` then costs that sample alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import CheckpointError

if TYPE_CHECKING:
    import torch

__all__ = ["NotFinite", "check_computed", "check_weights", "is_finite", "not_finite", "watched"]


_WAY_OUT = "the model overflows over this sample, or its weights are damaged; try dtype=float32"


class NotFinite(ArithmeticError):
    """A network computed NaN or infinity for one member of a batch, or for several.

    No :class:`~selfreward_eval.harness.errors.SelfRewardError`: it concerns single samples, so that
    :func:`~selfreward_eval.harness.attempts.attempt_each` computes each alone and gives it a status.
    """


def is_finite(tensor: torch.Tensor) -> bool:
    """Whether a tensor holds neither NaN nor infinity."""
    import torch

    if not tensor.numel() or not (tensor.is_floating_point() or tensor.is_complex()):
        return True
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    if tensor.element_size() == 1:
        tensor = tensor.float()  # eight-bit types have no order in torch
    # The extremes, not every element: NaN is both of them, and no copy as large as the tensor is made.
    return bool(torch.stack(tensor.detach().aminmax()).isfinite().all())


def check_weights(network: torch.nn.Module, shown: object, files: Iterable[Path] = ()) -> None:
    """Refuses a network with weights that are no numbers.

    Args:
        network: as it will compute, in its final type.
        shown: what messages call it, such as its folder.
        files: the safetensors that it was loaded from; read only to tell damage from overflow.

    Raises:
        CheckpointError: by the first tensor's name.
    """
    broken = {name: tensor for name, tensor in network.state_dict().items() if not is_finite(tensor)}
    if not broken:
        return
    name, tensor = next(iter(broken.items()))
    where = f"{name} (and {len(broken) - 1} more tensors)" if len(broken) > 1 else name
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype in ("float16", "bfloat16") and _first_broken(files) is None:
        raise CheckpointError(
            f"{shown} cannot be computed in {dtype}: numbers in {where} are beyond its range and became "
            "infinite; use dtype=float32" + " or bfloat16" * (dtype == "float16")
        )
    raise CheckpointError(
        f"{shown} is damaged: {where} holds NaN or infinity, so nothing computed with it would be a number; "
        "name another checkpoint"
    )


def _first_broken(files: Iterable[Path]) -> str | None:
    """The first tensor in safetensors that holds NaN or infinity as it is stored."""
    from safetensors import safe_open

    for path in files:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - not a dictionary
                if not is_finite(file.get_tensor(name)):
                    return str(name)
    return None


def check_computed(values: torch.Tensor | Iterable[torch.Tensor], what: str) -> None:
    """Raises if a computed value is NaN or infinite.

    Args:
        values: of any shape.
        what: the message's subject, such as "the log-probability of a text".

    Raises:
        NotFinite: one is.
    """
    import torch

    tensors = [values] if isinstance(values, torch.Tensor) else list(values)
    for tensor in tensors:
        if not is_finite(tensor):
            dtype = str(tensor.dtype).removeprefix("torch.")
            raise not_finite(what, dtype)


def not_finite(what: str, dtype: str) -> NotFinite:
    """The error of a value that is NaN or infinite, for callers that look themselves."""
    return NotFinite(f"{what} is NaN or infinite in {dtype}; {_WAY_OUT}")


@contextmanager
def watched(network: Any, what: str) -> Iterator[None]:
    """Inside, the last logits of every call of ``network`` are looked at; at the end they must be finite.

    For transformers' ``generate``, which takes the likeliest of NaN to be the first token. The logits are
    those of the network itself, before ``generate`` masks any. A GPU is waited for once, at the end.

    Args:
        network: its output has ``logits`` (B, L, vocabulary).
        what: the message's subject, such as "a logit of the answer".

    Raises:
        NotFinite: one was NaN or infinite.
    """
    import torch

    finite: list[torch.Tensor] = []

    def look(_module: Any, _arguments: Any, output: Any) -> None:
        finite.append(output.logits[:, -1].isfinite().all())

    handle = network.register_forward_hook(look)
    try:
        yield
    finally:
        handle.remove()
    if finite and not bool(torch.stack(finite).all()):
        raise NotFinite(f"{what} is NaN or infinite; {_WAY_OUT}")
