"""Peak memory of likelihoods at Janus-Pro-1B's shapes: ours, beside the logits of every place at once.

Random weights and two layers, but the real widths, the real vocabulary of 102,400 words and 16,384
picture codes, and 576 tokens a picture. Each way runs in a process of its own, which loads nothing else.
What is printed is the highest resident memory of the call beyond what stood before it, and CPU time.
The plain way is transformers' own forward pass, as it is usually written.

    python benchmarks/memory.py                 # bfloat16
    python benchmarks/memory.py --dtype float32 --layers 2 --batch 16
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from selfreward_eval.harness.models.janus.decode import Sampling
from selfreward_eval.harness.models.janus.likelihood import text_logprobs
from selfreward_eval.harness.models.janus.picture_likelihood import drawing_logprobs
from selfreward_eval.trainers.recomputing import recomputing

PROMPT, QUESTION, PICTURE, PAD, PLACEHOLDER = 24, 16, 576, 0, 5
SAMPLING = Sampling(guidance=2.0)
GIB = 1 << 30


def model(layers: int, dtype: str) -> Any:
    """Janus-Pro-1B's widths with few layers and random weights."""
    from transformers import (
        JanusConfig,
        JanusForConditionalGeneration,
        JanusVisionConfig,
        JanusVQVAEConfig,
        LlamaConfig,
    )
    from transformers.initialization import no_init_weights

    text = LlamaConfig(
        vocab_size=102_400,
        hidden_size=2048,
        intermediate_size=5632,
        num_hidden_layers=layers,
        num_attention_heads=16,
        num_key_value_heads=16,
        max_position_embeddings=16_384,
        pad_token_id=PAD,
    )
    vision = JanusVisionConfig(
        hidden_size=1024, num_hidden_layers=layers, num_attention_heads=16, projection_dim=2048
    )
    codec = JanusVQVAEConfig(projection_dim=2048, image_token_embed_dim=2048)
    config = JanusConfig(
        text_config=text.to_dict(),
        vision_config=vision.to_dict(),
        vq_config=codec.to_dict(),
        image_token_id=PLACEHOLDER,
    )
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    with no_init_weights():
        made = JanusForConditionalGeneration(config).eval()
    torch.set_default_dtype(before)
    # One block of numbers again and again: drawing a billion of them takes longer than what is measured.
    block = 0.02 * torch.randn(1_000_003).to(getattr(torch, dtype))
    for name, parameter in made.named_parameters():
        flat = parameter.data.view(-1)
        for start in range(0, len(flat), len(block)):
            flat[start : start + len(block)] = block[: len(flat) - start]
        parameter.requires_grad_(not name.startswith(("model.vision_model", "model.vqmodel")))
    return made


def rows(count: int, length: int) -> list[list[int]]:
    """Random words."""
    numbers: list[list[int]] = torch.randint(10, 102_400, (count, length)).tolist()
    return numbers


def plain_texts(model: Any, prefixes: Any, texts: Any, pixels: Any) -> Any:
    """Logits of every place, then those of the texts."""
    ids = torch.tensor([[*a, *b] for a, b in zip(prefixes, texts, strict=True)])
    logits = model(input_ids=ids, pixel_values=pixels, use_cache=False).logits
    scores = logits[:, :-1].float().log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    start = len(prefixes[0]) - 1
    return list(scores[:, start : start + len(texts[0])])


def plain_drawing(model: Any, ids: Any, contrast_ids: Any, tokens: Any, sampling: Sampling, pad: int) -> Any:
    """Logits of every place of all pictures, given the prompt and given none."""
    embeds = model.get_input_embeddings()(torch.tensor(ids + contrast_ids))
    picture = model.prepare_embeddings_for_image_generation(torch.cat([tokens, tokens])[:, :-1])
    hidden = model.model.language_model(
        inputs_embeds=torch.cat([embeds, picture], dim=1), use_cache=False
    ).last_hidden_state[:, len(ids[0]) - 1 :]
    conditional, contrast = model.model.generation_head(hidden).float().chunk(2)
    logits = contrast + sampling.guidance * (conditional - contrast)
    scores = (logits / sampling.temperature).log_softmax(-1)
    return scores.gather(-1, tokens[..., None]).squeeze(-1)


def memory(what: str) -> int:
    """Bytes: ``VmRSS``, resident now, or ``VmHWM``, resident at most since the mark was put down."""
    text = Path("/proc/self/status").read_text()
    found = re.search(rf"{what}:\s+(\d+) kB", text)
    assert found is not None
    return int(found[1]) * 1024


def measured(call: Callable[[], Any]) -> dict[str, Any]:
    """Memory and CPU time of a call, and the first numbers that it gives."""
    Path("/proc/self/clear_refs").write_text("5")  # the highest mark is put down to what is resident now
    before, began = memory("VmRSS"), time.process_time()
    values = call()
    return {"bytes": memory("VmHWM") - before, "cpu": time.process_time() - began, "values": values}


def one(case: str, way: str, layers: int, batch: int, dtype: str, recompute: bool) -> dict[str, Any]:
    torch.manual_seed(0)
    network = model(layers, dtype)
    if case == "text_logprobs":
        heads = zip(rows(batch, 4), rows(batch, QUESTION), strict=True)
        prefixes = [a + [PLACEHOLDER] * PICTURE + b for a, b in heads]
        texts, pixels = rows(batch, PROMPT), torch.randn(batch, 3, 384, 384).to(getattr(torch, dtype))
        score: Any = text_logprobs if way == "ours" else plain_texts

        def call() -> Any:
            with torch.no_grad():
                return score(network, prefixes, texts, pixels)[0][:4].tolist()
    else:
        ids, contrast = rows(batch, PROMPT), [[PAD] * PROMPT] * batch
        tokens = torch.randint(0, 16_384, (batch, PICTURE))
        score = drawing_logprobs if way == "ours" else plain_drawing
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.grad = torch.zeros_like(parameter).fill_(0.0)

        def call() -> Any:
            with recomputing(network.model.language_model) if recompute else nullcontext():
                found = score(network, ids, contrast, tokens, SAMPLING, PAD)
                found.mean().backward()
            return found[0, :4].tolist()

    return measured(call)


CASES = {"text_logprobs": "text_logprobs", "drawing_logprobs": "drawing_logprobs, backward pass"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--recompute", action="store_true", help="layers too, as checkpointing=true does")
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--way", choices=("ours", "plain"))
    given = parser.parse_args()
    settings = given.layers, given.batch, given.dtype, given.recompute
    if given.way:
        torch.set_num_threads(1)
        print(json.dumps(one(given.case, given.way, *settings)))
        return
    print(
        f"{given.layers} layers, {given.batch} pictures, {given.dtype}; memory beyond weights and gradients"
    )
    for case in [given.case] if given.case else CASES:
        figures = {}
        for way in ("plain", "ours"):
            command = [sys.executable, __file__, "--case", case, "--way", way]
            command += ["--layers", str(settings[0]), "--batch", str(settings[1]), "--dtype", settings[2]]
            command += ["--recompute"] if given.recompute else []
            figures[way] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        a, b = figures["plain"], figures["ours"]
        gap = max(abs(x - y) for x, y in zip(a["values"], b["values"], strict=True))
        print(f"{CASES[case]}: at once {a['bytes'] / GIB:.2f} GiB, {a['cpu']:.1f} s CPU")
        print(f"{'':{len(CASES[case])}}  ours    {b['bytes'] / GIB:.2f} GiB, {b['cpu']:.1f} s CPU")
        shares = b["bytes"] / a["bytes"], b["cpu"] / a["cpu"]
        print(f"    memory 1/{1 / shares[0]:.1f}, time {shares[1]:.2f}; values differ by at most {gap:.0e}")


if __name__ == "__main__":
    main()
