"""The cache of a drawing: what DynamicCache gives, without copying what was written before."""

from __future__ import annotations

import pytest


def _entries(count: int, seed: int):
    """Keys and values of ``count`` new positions: (2, 3, count, 4) each."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, 3, count, 4, generator=generator) for _ in range(2)]


def test_every_layer_reads_what_a_growing_cache_reads() -> None:
    from transformers import DynamicCache

    from harness.models.janus.cache import reserved

    growing, ours = DynamicCache(), reserved(7)
    for step, count in enumerate((4, 1, 1, 1)):
        for layer in range(2):
            keys, values = _entries(count, 10 * step + layer)
            for wanted, found in zip(
                growing.update(keys, values, layer), ours.update(keys, values, layer), strict=True
            ):
                assert wanted.equal(found)
        assert growing.get_seq_length() == ours.get_seq_length()
        assert growing.get_mask_sizes(1, 0) == ours.get_mask_sizes(1, 0)


def test_earlier_entries_stay_where_they_are() -> None:
    from harness.models.janus.cache import reserved

    cache = reserved(5)
    first, _ = cache.update(*_entries(4, 0), 0)
    second, _ = cache.update(*_entries(1, 1), 0)
    assert second.data_ptr() == first.data_ptr()
    assert second[..., :4, :].equal(first)


def test_more_positions_than_were_reserved_are_refused() -> None:
    from harness.models.janus.cache import reserved

    cache = reserved(4)
    cache.update(*_entries(4, 0), 0)
    with pytest.raises(ValueError, match="holds 4 positions, 5 were written"):
        cache.update(*_entries(1, 1), 0)
