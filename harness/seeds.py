"""Seeds: a picture's randomness depends on what it is, never on when or where it is drawn."""

from __future__ import annotations

import hashlib
from functools import lru_cache


@lru_cache(maxsize=1 << 16, typed=True)
def sample_seed(task_version: str, item_id: str, index: int, run_seed: int) -> int:
    """The seed of picture ``index`` of an item: 63 bits of sha256, 0 <= seed < 2**63.

    Both arms of a comparison share it (common random numbers), and no batch
    size, order, rank or resume can change it.

    Args:
        task_version: the task's name and protocol version, such as ``geneval@1``.
        item_id: the item's id.
        index: k, from 0.
        run_seed: the user's ``--seed``.
    """
    key = "\x1f".join((task_version, item_id, str(index), str(run_seed)))
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1
