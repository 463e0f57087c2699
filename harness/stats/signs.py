"""Sums under random sign flips, the engine of the permutation tests.

A resample gives every unit a sign and adds up. With 553 units and 9,999 resamples
that is five million signed additions; here each run of eight units is one byte
and one look-up among its 256 possible sums, so it takes a few milliseconds and
no sign matrix is held in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SignSums", "sign_sums"]


class SignSums(NamedTuple):
    """Signed column sums.

    Attributes:
        sums: shape (B, k): row b is the sum over units of sign[b, unit] * columns[unit].
        exact: whether the rows are all sign patterns up to a flip of all of them together
            (one of which is the data as they are) rather than a random draw.
    """

    sums: NDArray[np.float64]
    exact: bool

    def p_value(self, extreme: int) -> float:
        """The p-value when ``extreme`` of the rows are at least as far out as the data.

        A random draw counts the data as one more resample (Phipson & Smyth 2010), so it is never 0;
        an exact enumeration has them among its rows.
        """
        rows = len(self.sums)
        return extreme / rows if self.exact else (1 + extreme) / (rows + 1)


def sign_sums(columns: NDArray[np.float64], resamples: int, seed: int) -> SignSums:
    """Column sums under flips of the units' signs: all patterns if they are few, else random ones.

    All patterns when 2^(n - 1) <= ``resamples``: the statistics built on them do not change
    when all signs flip together, so half of the 2^n suffice. The order of the units has
    no influence: they are sorted first.

    Args:
        columns: what to add up, shape (n, k), n >= 1.
        resamples: how many random patterns, >= 1.
        seed: of the random patterns.
    """
    import numpy as np

    if resamples < 1:
        raise ValueError(f"at least one resample is needed, got {resamples}")
    n, width = columns.shape
    columns = columns[np.lexsort(columns.T)]
    exact = n - 1 < 62 and 2 ** (n - 1) <= resamples
    bytes_needed = -(-n // 8)
    if exact:
        numbers = np.arange(2 ** (n - 1), dtype="<u8")
        patterns = np.ascontiguousarray(numbers.view(np.uint8).reshape(-1, 8)[:, :bytes_needed].T)
    else:
        rng = np.random.default_rng(seed)
        patterns = np.frombuffer(rng.bytes(resamples * bytes_needed), np.uint8)
        patterns = patterns.reshape(bytes_needed, resamples)
    padded = np.zeros((bytes_needed * 8, width))
    padded[:n] = columns
    # Bit i of a byte: the sign of unit i of its eight, 0 for plus.
    signs = 1.0 - 2.0 * ((np.arange(256)[:, None] >> np.arange(8)) & 1)
    sums = np.zeros((patterns.shape[1], width))
    for block, pattern in enumerate(patterns):
        table = signs @ padded[8 * block : 8 * block + 8]
        sums += table.take(pattern, axis=0)
    return SignSums(sums, exact)
