"""Drawing: transformers' own greedy tokens, and the same picture in any batch."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.models.base import capabilities
from selfreward_eval.harness.models.janus.adapter import JanusModel
from selfreward_eval.harness.models.janus.decode import pictures as decode
from selfreward_eval.harness.models.janus.decoding_together import DecodingTogether
from selfreward_eval.harness.models.tiny import TinyModel

Make = Callable[..., JanusModel]

PROMPTS = [
    "a picture of a red star",
    "two circles",
    "a drawing of a blue ring left of a green heart",
    "an image of three crosses",
]
MANY = [PROMPTS[k % 4] for k in range(64)]
SEEDS = [10_000 + k for k in range(64)]


def greedy_by_transformers(model: JanusModel, prompt: str, guidance: float) -> torch.Tensor:
    ids = torch.tensor(model.prompt_ids([prompt]))
    return model.loaded.model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        generation_mode="image",
        do_sample=False,
        guidance_scale=guidance,
    )[0]


def test_what_the_adapter_can_do() -> None:
    seen = ["generate", "answer", "text_logprobs", "image_logprobs"]
    assert capabilities(JanusModel) == [*seen, "complete", "completion_logprobs"]
    assert capabilities(TinyModel) == seen


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_greedy_drawing_is_transformers_own(janus: Make, dtype: str) -> None:
    model = janus(dtype, temperature=0.0, guidance=5.0)
    ours = model.generate_tokens(PROMPTS, [0] * 4)
    assert len({tuple(row.tolist()) for row in ours}) == 4
    for prompt, row in zip(PROMPTS, ours, strict=True):
        assert row.tolist() == greedy_by_transformers(model, prompt, 5.0).tolist()


def test_pixels_are_those_of_the_processor(janus: Make) -> None:
    model = janus("float32", temperature=0.0)
    (ours,) = model.generate(PROMPTS[:1], [0])
    tokens = model.generate_tokens(PROMPTS[:1], [0])
    decoded = model.loaded.model.decode_image_tokens(tokens).float()
    theirs = model.loaded.processor.postprocess(list(decoded), return_tensors="pt")["pixel_values"][0]
    assert (np.asarray(ours) == theirs.permute(1, 2, 0).numpy()).all()
    assert ours.size == (48, 48)
    assert ours.mode == "RGB"


def plain_loop(model: JanusModel, prompt: str, guidance: float) -> list[int]:
    """Greedy drawing without a cache, one prompt at a time, straight from the definition."""
    inner = model.loaded.model
    tokenizer = model.loaded.processor.tokenizer
    ids = torch.tensor(model.prompt_ids([prompt]))
    kept = (ids == tokenizer.bos_token_id) | (ids == tokenizer.convert_tokens_to_ids(tokenizer.boi_token))
    bare = torch.where(kept, ids, tokenizer.pad_token_id)
    chosen: list[int] = []
    with torch.no_grad():
        for _ in range(inner.config.vision_config.num_image_tokens):
            logits = []
            for row in (ids, bare):
                embeds = inner.get_input_embeddings()(row)
                if chosen:
                    drawn = inner.prepare_embeddings_for_image_generation(torch.tensor([chosen]))
                    embeds = torch.cat([embeds, drawn.to(embeds.dtype)], dim=1)
                hidden = inner.model.language_model(inputs_embeds=embeds, use_cache=False).last_hidden_state
                logits.append(inner.model.generation_head(hidden[:, -1]))
            guided = logits[1] + guidance * (logits[0] - logits[1])
            chosen.append(int(guided.argmax()))
    return chosen


@pytest.mark.parametrize("guidance", [1.0, 0.0, 2.5])
def test_any_guidance_scale_works_and_means_what_it_says(janus: Make, guidance: float) -> None:
    """transformers fails at 1, where guidance has no effect."""
    model = janus(temperature=0.0, guidance=guidance)
    assert model.generate_tokens(PROMPTS[1:2], [0])[0].tolist() == plain_loop(model, PROMPTS[1], guidance)


def test_guidance_and_prompt_make_a_difference(janus: Make) -> None:
    drawn = {
        tuple(janus(temperature=0.0, guidance=scale).generate_tokens([prompt], [0])[0].tolist())
        for scale in (1.0, 5.0)
        for prompt in PROMPTS[:2]
    }
    assert len(drawn) == 4
    # At scale 0 only the length of the prompt is left of it.
    unguided = janus(temperature=0.0, guidance=0.0).generate_tokens(["two circles", "a star"], [0, 0])
    assert unguided[0].tolist() == unguided[1].tolist()


@pytest.fixture(scope="module", params=["float64", "bfloat16"])
def drawn_together(request: pytest.FixtureRequest, janus: Make) -> tuple[JanusModel, torch.Tensor]:
    """64 pictures in one batch, in the exact type and in a narrow one."""
    model = janus(request.param, guidance=2.0)
    return model, model.generate_tokens(MANY, SEEDS)


def test_pictures_differ(drawn_together: tuple[JanusModel, torch.Tensor]) -> None:
    _, tokens = drawn_together
    assert tokens.shape == (64, 36)
    assert len({tuple(row) for row in tokens.tolist()}) == 64


@pytest.mark.parametrize(("size", "of"), [(1, 4), (7, 21)])
def test_the_batch_size_changes_nothing(
    drawn_together: tuple[JanusModel, torch.Tensor], size: int, of: int
) -> None:
    model, together = drawn_together
    parts = [
        model.generate_tokens(MANY[start : start + size], SEEDS[start : start + size])
        for start in range(0, of, size)
    ]
    assert torch.cat(parts).tolist() == together[:of].tolist()


def test_the_order_changes_nothing(drawn_together: tuple[JanusModel, torch.Tensor]) -> None:
    model, together = drawn_together
    order = list(range(64))
    Random(0).shuffle(order)
    picks = order[:24]
    shuffled = model.generate_tokens([MANY[k] for k in picks], [SEEDS[k] for k in picks])
    assert shuffled.tolist() == together[picks].tolist()


def test_whole_pictures_are_the_same_in_any_batch(janus: Make) -> None:
    model = janus(guidance=2.0)
    together = model.generate(PROMPTS, SEEDS[:4])
    alone = [model.generate([p], [s])[0] for p, s in zip(PROMPTS, SEEDS, strict=False)]
    assert [a.tobytes() for a in together] == [b.tobytes() for b in alone]


def test_drawing_leaves_the_global_generator_alone(janus: Make) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    janus().generate_tokens(PROMPTS[:1], [7])
    assert (torch.get_rng_state() == before).all()


def test_a_picture_is_decoded_alone(janus: Make) -> None:
    model = janus()
    tokens = torch.randint(0, 2048, (3, 36), generator=torch.Generator().manual_seed(0))
    together = decode(model.loaded.model, tokens)
    assert together.shape == (3, 48, 48, 3)
    assert (together[1] == decode(model.loaded.model, tokens[1:2])[0]).all()


def test_nothing_in_is_nothing_out(janus: Make) -> None:
    assert janus().generate([], []) == []


def test_prompts_and_seeds_come_in_pairs(janus: Make) -> None:
    with pytest.raises(ValueError, match="2 prompts but 1 seeds"):
        janus().generate(["a", "b"], [1])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"temperature": -0.1}, "temperature must be 0 or more"),
        ({"top_k": -1}, "top_k must be 0"),
        ({"rows": 0}, "rows must be at least 1"),
    ],
)
def test_settings_without_a_meaning_are_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        JanusModel("anything", **setting)


def test_settings_that_change_pictures_are_identity(janus: Make) -> None:
    plain = janus(guidance=2.0).identity()
    changes: list[dict[str, Any]] = [{"guidance": 3.0}, {"temperature": 0.5}, {"top_k": 9}]
    for change in (*changes, {"dtype": "bfloat16"}):
        assert janus(**({"guidance": 2.0} | change)).identity() != plain
    assert janus(guidance=2.0, rows=3).identity() == plain  # exact arithmetic: rows change nothing
    assert janus("bfloat16", rows=3).identity() != janus("bfloat16", rows=4).identity()
    assert plain["revision"].startswith("sha256:")


def test_a_picture_is_a_picture(janus: Make) -> None:
    assert all(isinstance(one, Image.Image) for one in janus().generate(PROMPTS[:2], [1, 2]))


def test_decoding_together_gives_the_pixels_of_decoding_alone(janus: Make) -> None:
    model = janus()
    tokens = torch.randint(0, 2048, (44, 36), generator=torch.Generator().manual_seed(3))
    together = DecodingTogether(model.loaded.model)
    assert torch.equal(
        decode(model.loaded.model, tokens, decode=together), decode(model.loaded.model, tokens)
    )
    again = tokens.flip(0)
    assert torch.equal(decode(model.loaded.model, again, decode=together), decode(model.loaded.model, again))


def test_pictures_are_decoded_alone_where_together_is_not_the_same(
    janus: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = janus()
    tokens = torch.randint(0, 2048, (40, 36), generator=torch.Generator().manual_seed(3))
    together = DecodingTogether(model.loaded.model)
    own = DecodingTogether._together
    monkeypatch.setattr(DecodingTogether, "_together", lambda self, rows: own(self, rows) + 0.01)
    for _ in range(2):
        found = decode(model.loaded.model, tokens, decode=together)
        assert torch.equal(found, decode(model.loaded.model, tokens))


def test_prompts_of_any_lengths_are_drawn_together_in_float64(janus: Make) -> None:
    """Padding on the left changes no token."""
    model = janus(guidance=2.0)
    together = model.draw(PROMPTS, SEEDS[:4])
    for k, prompt in enumerate(PROMPTS):
        alone = model.draw([prompt], SEEDS[k : k + 1])
        assert together.tokens[k].tolist() == alone.tokens[0].tolist()
        torch.testing.assert_close(together.logprobs[k], alone.logprobs[0], rtol=0, atol=1e-5)
