#!/bin/sh
# ZImagePipeline of diffusers 0.42.1 writes its chat template into the list of prompts that it is given.
#
# A caller that keeps the list and draws again draws another prompt: the template around the template around
# the words. The same call then seems not to repeat itself, although its generators are the same. A fresh list
# for every call gives the same pictures to the bit, also for prompts of different lengths in one batch.
#
# Input: a random pipeline of one layer. Exits with 1 if the list is left alone, or if fresh lists differ.
# Needs Python 3.11 or later; installs into a temporary folder.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    diffusers==0.42.1 transformers==5.23.0 torch==2.15.0 accelerate==1.15.0 2>/dev/null
cat > "$folder/show.py" <<'PYTHON'
import sys

import diffusers
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
from tokenizers import pre_tokenizers
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3Model

torch.manual_seed(0)
alphabet = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
tokenizer = Qwen2Tokenizer(vocab={**alphabet, "<|endoftext|>": len(alphabet)}, merges=[])
tokenizer.chat_template = "{% for turn in messages %}user: {{ turn['content'] }} {% endfor %}"
encoder = Qwen3Config(
    vocab_size=300, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
    num_key_value_heads=2, head_dim=8,
)
transformer = ZImageTransformer2DModel(
    dim=32, n_layers=2, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=16, axes_dims=[8, 4, 4],
    axes_lens=[1024, 32, 32],
)
for token in (transformer.x_pad_token, transformer.cap_pad_token):
    token.data.normal_()  # made by torch.empty
pipeline = ZImagePipeline(
    scheduler=FlowMatchEulerDiscreteScheduler(),
    vae=AutoencoderKL(block_out_channels=(8,), norm_num_groups=2, latent_channels=16, shift_factor=0.1),
    text_encoder=Qwen3Model(encoder), tokenizer=tokenizer, transformer=transformer,
)
pipeline.set_progress_bar_config(disable=True)


def draw(prompts: list[str]) -> torch.Tensor:
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    made = pipeline(prompts, generator=generators, height=32, width=32, num_inference_steps=2, guidance_scale=0.0,
                    output_type="pt")
    return made.images


words = ("a red circle", "a green square left of a blue cross")
fresh = [draw(list(words)) for _ in range(2)]
kept = list(words)
reused = [draw(kept) for _ in range(2)]
print("diffusers", diffusers.__version__)
print("the list after two calls:", kept)
apart = [float((a - b).abs().max()) for a, b in (fresh, reused)]
print(f"largest difference of two calls: {apart[0]:.3g} with fresh lists, {apart[1]:.3g} with one list")
sys.exit(0 if kept != list(words) and apart[0] == 0 and apart[1] > 0 else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py" 2>/dev/null
