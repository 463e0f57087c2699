#!/bin/sh
# GRPOTrainer of TRL 1.16.0, with two rewards: a completion that one of them could not score counts 0 for it.
#
# A reward function returns None where it has no answer. If all of them do, the completion is left out of its group's
# mean and gets no advantage. If one of two does, the sum is taken over the other alone, and the completion is compared
# with neighbours whose sum has both. Rewards that are log-likelihoods or penalties are negative, so a judge that
# failed makes its completion the best of the group, and the policy is trained towards it. Nothing warns; the mean
# that is logged for the judge is that of the answers it gave, and looks as if all were well.
#
# Input: a random model of one layer, one prompt, four completions that all deserve the same: -1.5 and -1.0. Exits
# with 1 unless the one unanswered completion is preferred. Needs Python 3.11 or later; installs into a temporary folder.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    trl==1.16.0 transformers==5.23.0 torch==2.15.0 accelerate==1.15.0 datasets==5.2.0 2>/dev/null
cat > "$folder/show.py" <<'PYTHON'
import contextlib
import io
import sys
import tempfile

import torch
import transformers
import trl
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
from trl import GRPOConfig, GRPOTrainer

transformers.logging.set_verbosity_error()
torch.manual_seed(0)
words = "<pad> <unk> <eos> a red green blue circle square star left of above two and the".split()
plain = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=plain, pad_token="<pad>", unk_token="<unk>", eos_token="<eos>", padding_side="left"
)
model = GPT2LMHeadModel(
    GPT2Config(
        vocab_size=len(words), n_positions=32, n_embd=16, n_layer=1, n_head=2,
        bos_token_id=2, eos_token_id=2, pad_token_id=0,
    )
)


def likelihood(completions, **_):
    return [-1.5] * len(completions)


def trained(judge, **settings):
    """Reward, as logged, and the advantages of the one group of four completions."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = GRPOTrainer(
            model=model,
            processing_class=tokenizer,
            reward_funcs=[likelihood, judge],
            train_dataset=Dataset.from_list([{"prompt": "a red circle left of the square"}]),
            args=GRPOConfig(
                folder, per_device_train_batch_size=4, num_generations=4, max_completion_length=4, max_steps=1,
                logging_steps=1, report_to="none", use_cpu=True, bf16=False, disable_tqdm=True, save_strategy="no",
                **settings,
            ),
        )
        with contextlib.redirect_stdout(io.StringIO()):
            trainer.train()
        logged = trainer.state.log_history[0]
        return logged["reward"], [round(one, 2) for one in trainer._logs["advantages"]]


def answers(completions, **_):
    return [-1.0] * len(completions)


def fails_once(completions, **_):
    return [None] + [-1.0] * (len(completions) - 1)


print("trl", trl.__version__, "torch", torch.__version__)
found = {judge.__name__: trained(judge) for judge in (answers, fails_once)}
for name, (reward, advantages) in found.items():
    print(f"{name}: mean reward {reward}, advantages {advantages}")

same, unlike = (advantages for _, advantages in found.values())
preferred = same == [0.0] * 4 and unlike[0] > 0 > max(unlike[1:])
print("trained towards the completion that a judge failed on:", "yes" if preferred else "no")
sys.exit(0 if preferred else 1)
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/show.py" 2>/dev/null

# Output seen:
# trl 1.16.0 torch 2.15.0
# answers: mean reward -2.5, advantages [0.0, 0.0, 0.0, 0.0]
# fails_once: mean reward -2.25, advantages [1.5, -0.5, -0.5, -0.5]
# trained towards the completion that a judge failed on: yes
