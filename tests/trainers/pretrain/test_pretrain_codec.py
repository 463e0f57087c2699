"""The codec's codebook: on the sphere, nearest code wins, nothing stays unused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from selfreward_eval.trainers.pretrain import codec, describing


@pytest.fixture
def vq(tiny: Any) -> Any:
    import copy

    return copy.deepcopy(tiny.model.vqmodel).requires_grad_(True)


def encodings(count: int, seed: int = 0) -> torch.Tensor:
    """(count, 8, 2, 2) of unit length over the channels."""
    z = torch.randn(count, 8, 2, 2, generator=torch.Generator().manual_seed(seed))
    return F.normalize(z, dim=1)


def test_pixels_map_to_the_codecs_range_and_back_to_front() -> None:
    pictures = np.zeros((1, 48, 48, 3), dtype=np.uint8)
    pictures[0, 3, 5] = (255, 0, 51)
    tensor = codec.to_tensor(pictures)
    assert tensor.shape == (1, 3, 48, 48)
    assert tensor[0, :, 3, 5].tolist() == pytest.approx([1, -1, -0.6])
    assert float(tensor.min()) == -1


def test_a_new_codebook_lies_on_the_sphere(vq: Any) -> None:
    codec.new_state(vq)
    lengths = vq.quantize.embedding.weight.norm(dim=-1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))


def test_the_nearest_code_is_taken(vq: Any) -> None:
    codec.new_state(vq)
    z = encodings(3)
    codes, ids = codec.quantise(vq, z)
    flat = z.permute(0, 2, 3, 1).reshape(-1, 8)
    distances = torch.cdist(flat, vq.quantize.embedding.weight)
    assert ids.tolist() == distances.argmin(-1).tolist()
    assert codes.shape == z.shape
    torch.testing.assert_close(codes[1, :, 0, 1], vq.quantize.embedding.weight[ids[5]])


def test_codes_move_towards_what_they_stand_for(vq: Any) -> None:
    state = codec.new_state(vq)
    z = encodings(16)
    _, ids = codec.quantise(vq, z)
    flat = z.permute(0, 2, 3, 1).reshape(-1, 8)
    before = (flat * vq.quantize.embedding.weight[ids]).sum(-1).mean()
    with torch.no_grad():
        for step in range(20):
            codec.update_codebook(vq, state, z, ids, step, torch.Generator().manual_seed(step))
    after = (flat * vq.quantize.embedding.weight[ids]).sum(-1).mean()
    assert after > before
    lengths = vq.quantize.embedding.weight.norm(dim=-1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths), atol=1e-4, rtol=0)


def test_unused_codes_are_revived_now_and_then_from_what_fits_worst(vq: Any) -> None:
    state = codec.new_state(vq)
    z = encodings(16)
    _, ids = codec.quantise(vq, z)
    state.usage.zero_()
    with torch.no_grad():
        early = codec.update_codebook(vq, state, z, ids, 5, torch.Generator().manual_seed(0))
        due = codec.update_codebook(
            vq, state, z, ids, codec.REVIVE_EVERY - 1, torch.Generator().manual_seed(0)
        )
    assert early == 0
    assert due > 1000
    codes, _ = codec.quantise(vq, z)
    assert (codes * z).sum(1).min() > 0.9


def test_gradients_pass_straight_through_the_codes(vq: Any) -> None:
    codec.new_state(vq)
    _, pictures = codec.scene_batch(np.random.default_rng(0), 2)
    terms = codec.losses(vq, codec.to_tensor(pictures))
    terms["loss"].backward()
    assert terms["loss"].isfinite()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in vq.encoder.parameters())
    assert vq.quantize.embedding.weight.grad is None


def test_without_a_codebook_the_reader_teaches_the_encoder(vq: Any) -> None:
    """The describing term alone reaches the encoder's first layer."""
    scenes, pictures = codec.scene_batch(np.random.default_rng(0), 2)
    reader = describing.new_reader()
    terms = codec.open_losses(
        vq, reader, codec.to_tensor(pictures), torch.zeros(2, 8, 6, 6), describing.descriptions(scenes)
    )
    terms["describing"].backward()
    assert float(vq.encoder.conv_in.weight.grad.abs().sum()) > 0
    assert vq.decoder.conv_in.weight.grad is None


def test_a_codebook_starts_at_the_centres_of_what_there_is() -> None:
    groups = F.normalize(torch.eye(8)[:4].repeat(50, 1) + 0.02 * torch.randn(200, 8), dim=-1)
    table = codec.centres(groups, 4, torch.Generator().manual_seed(1))
    assert sorted((groups @ table.T).argmax(-1).bincount(minlength=4).tolist()) == [50] * 4
    torch.testing.assert_close(table.norm(dim=-1), torch.ones(4))


def test_the_start_of_a_codebook_fits_its_pictures(vq: Any) -> None:
    state = codec.new_state(vq)
    codec.start_codebook(vq, state, seed=3, pictures=64)
    _, pictures = codec.scene_batch(np.random.default_rng((3, 0)), 64)
    with torch.no_grad():
        terms = codec.losses(vq, codec.to_tensor(pictures))
    assert float(terms["commitment"]) < 0.01
    assert bool((state.usage > 0).all())


def test_ids_are_those_that_the_finished_model_encodes(vq: Any) -> None:
    codec.new_state(vq)
    vq.eval()
    tensor = codec.to_tensor(codec.scene_batch(np.random.default_rng(1), 2)[1])
    with torch.no_grad():
        trained = codec.losses(vq, tensor)["ids"]
        finished = vq.encode(tensor).image_tokens
    assert (trained == finished).float().mean() > 0.98
