"""The official file, pinned. Its licence forbids commercial use: downloaded by the user, never bundled."""

from __future__ import annotations

from selfreward_eval.harness.data import PinnedFile

PROMPTS = PinnedFile(
    folder="geneval2",
    path="geneval2_data.jsonl",
    repo="facebookresearch/GenEval2",
    commit="a6e82d2289e8d418f27f0adee77908b07060eea3",
    sha256="09233adbc9f877fba205f1a20efa4a8640e7e62a91dfd55893562bed8a928e43",
    licence="CC BY-NC 4.0: not for commercial use",
    task="geneval2",
)
"""800 prompts, 100 for every number of atoms from 3 to 10, with 6,012 questions."""

DATA_FILES = (PROMPTS,)
