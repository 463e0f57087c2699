#!/bin/sh
# CogView4Pipeline of diffusers 0.42.1 draws another picture of a prompt when a longer one is in its batch.
#
# The prompts of a batch are padded to the longest, then to a multiple of 16. Neither the text encoder nor the
# transformer is told which tokens are padding: both attend to all of them, as many as the neighbours' length
# decides. Same prompt, same seed, same generator: beside a prompt of as many tokens the picture is the same but for
# rounding, beside a longer one it is another. Who measures a model in batches gets a score that depends on how the
# prompts are sorted; only one prompt at a time repeats itself.
#
# Input: a random pipeline of two layers in float64, one prompt, two neighbours. Exits with 1 if the longer neighbour
# no longer changes the picture, or if the shorter one does. Needs Python 3.11 or later; installs into a temporary
# folder.
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
from diffusers import AutoencoderKL, CogView4Pipeline, CogView4Transformer2DModel, FlowMatchEulerDiscreteScheduler
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import GlmConfig, GlmModel, PreTrainedTokenizerFast

torch.manual_seed(0)
words = "<pad> <unk> [gMASK] <sop> a red green blue circle square cross left right of above below two three and the".split()
plain = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
plain.post_processor = processors.TemplateProcessing(
    single="[gMASK] <sop> $A", special_tokens=[(word, words.index(word)) for word in ("[gMASK]", "<sop>")]
)
pipeline = CogView4Pipeline(
    tokenizer=PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="<pad>", unk_token="<unk>", padding_side="left"
    ),
    text_encoder=GlmModel(
        GlmConfig(
            vocab_size=len(words), hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, head_dim=8, pad_token_id=0, eos_token_id=None,
        )
    ),
    vae=AutoencoderKL(block_out_channels=(8,), norm_num_groups=2, latent_channels=4),
    transformer=CogView4Transformer2DModel(
        in_channels=4, out_channels=4, num_layers=2, attention_head_dim=8, num_attention_heads=2, text_embed_dim=32,
        time_embed_dim=8, condition_dim=4, pos_embed_max_size=16, sample_size=16, rope_axes_dim=(8, 8),
    ),
    scheduler=FlowMatchEulerDiscreteScheduler(base_shift=0.25, max_shift=0.75, use_dynamic_shifting=True),
).to(torch.float64)
pipeline.set_progress_bar_config(disable=True)

PROMPT = "a red circle"
NEIGHBOURS = {
    "a prompt of 13 tokens": "two green cross above the blue square and a red circle",
    "a prompt of 25 tokens": " and ".join(["two green cross left of"] * 4),
}


def draw(*prompts: str) -> torch.Tensor:
    """The picture of the first prompt."""
    generators = [torch.Generator().manual_seed(seed) for seed in range(len(prompts))]
    return pipeline(
        list(prompts), generator=generators, height=32, width=32, num_inference_steps=4, output_type="pt"
    ).images[0]


print("diffusers", diffusers.__version__)
alone = draw(PROMPT)
apart = {name: float((draw(PROMPT, other) - alone).abs().max()) for name, other in NEIGHBOURS.items()}
for name, difference in apart.items():
    print(f"largest difference of a pixel in [0, 1], alone and beside {name}: {difference:.1e}")
short, long = apart.values()
sys.exit(0 if short < 1e-9 < 1e-4 < long else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py" 2>/dev/null
