"""Operations and memory of a computation on the meta device, where nothing is allocated or computed.

Memory is the peak of the bytes that are alive at once, as an allocator without waste would hold them; a GPU's
own reserve (its context, fragmentation, workspaces) comes on top. Attention counts as one operation that
keeps no matrix of scores, as the kernels on GPUs work.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["Measured", "autocasting", "measuring"]

GARBAGE = 1.02
"""A peak is looked at for garbage when it is by this higher than the last one that was."""


class Measured:
    """What happened inside :func:`measuring`.

    Attributes:
        flops: of all operations.
        peak_bytes: most that was alive at once of what was made inside; not what was there before.
    """

    flops = 0
    peak_bytes = 0

    def __init__(self) -> None:
        self._attention = _Attention()

    def attending(self) -> AbstractContextManager[Any]:
        """Counts attention inside a backward pass, where torch leaves the outer modes aside."""
        return self._attention


@contextmanager
def measuring() -> Iterator[Measured]:
    """Inside, operations on the meta device are counted: forward, and backward where there is one.

    >>> with measuring() as found:
    ...     made = torch.empty(4, 8, device="meta") @ torch.empty(8, 2, device="meta")
    >>> found.flops, found.peak_bytes
    (128, 224)
    """
    measured = Measured()
    counter = FlopCounterMode(display=False)
    live = _LiveBytes()
    # What was there before is not looked through for garbage.
    gc.freeze()
    try:
        with measured._attention as attention, counter, live:
            yield measured
    finally:
        gc.unfreeze()
    measured.flops = int(counter.get_total_flops()) + attention.flops
    measured.peak_bytes = live.peak


def autocasting(dtype: torch.dtype, *, keeps_casts: bool = True) -> TorchFunctionMode:
    """Inside, linear layers on the meta device compute in ``dtype`` as under :class:`torch.autocast`, which
    does not know that device. Everything else stays in the type of its inputs.

    Args:
        dtype: such as bfloat16.
        keeps_casts: whether a trained weight's cast is kept until the end, as torch does by default.
    """
    return _Autocast(dtype, keeps_casts)


class _Autocast(TorchFunctionMode):
    """Casts what linear layers take."""

    def __init__(self, dtype: torch.dtype, keeps_casts: bool) -> None:
        super().__init__()
        self._dtype, self._keeps = dtype, keeps_casts
        self._casts: dict[int, torch.Tensor] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func is not torch.nn.functional.linear or args[0].device.type != "meta":
            return func(*args, **(kwargs or {}))
        given = [*args, *(kwargs or {}).values()]
        return func(*(None if one is None else self._cast(one) for one in given))

    def _cast(self, tensor: torch.Tensor) -> torch.Tensor:
        if not (self._keeps and tensor.is_leaf and tensor.requires_grad and torch.is_grad_enabled()):
            return tensor.to(self._dtype)
        if id(tensor) not in self._casts:
            self._casts[id(tensor)] = tensor.to(self._dtype)
        return self._casts[id(tensor)]


class _LiveBytes(TorchDispatchMode):
    """Bytes of the storages that operations made and that are still referred to."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._looked_at = 0.0
        self._known: dict[int, Any] = {}

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        taken = {_key(leaf) for leaf in tree_leaves((args, kwargs or {})) if isinstance(leaf, torch.Tensor)}
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor) and leaf.device.type == "meta":
                key = _key(leaf)
                if key not in self._known and key not in taken:
                    storage = leaf.untyped_storage()
                    self.live += storage.nbytes()
                    self._known[key] = weakref.finalize(storage, self._freed, key, storage.nbytes())
        if self.live > self._looked_at:
            # Layers that are computed again leave circles of references here, which torch alone does not.
            gc.collect()
            self._looked_at = GARBAGE * self.live
        self.peak = max(self.peak, self.live)
        return out

    def _freed(self, key: int, size: int) -> None:
        self.live -= size
        self._known.pop(key, None)


def _key(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


class _Attention(TorchFunctionMode):
    """Attention as one operation that keeps its inputs and its output, forward and backward."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func is not torch.nn.functional.scaled_dot_product_attention or args[0].device.type != "meta":
            return func(*args, **(kwargs or {}))
        return _OneAttention.apply(self, *args[:3])


class _OneAttention(torch.autograd.Function):
    """Shapes and operations of attention; the backward pass computes the scores anew, hence five products."""

    @staticmethod
    def forward(
        ctx: Any, mode: _Attention, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> torch.Tensor:
        """Like the query, with the value's width."""
        out = query.new_empty((*query.shape[:-1], value.shape[-1]))
        ctx.mode, ctx.product = mode, 2 * query.numel() * key.shape[-2]
        mode.flops += 2 * ctx.product
        ctx.save_for_backward(query, key, value, out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Gradients like the inputs."""
        query, key, value, _ = ctx.saved_tensors
        ctx.mode.flops += 5 * ctx.product
        return None, torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)
