"""Classes without training: CLIP's vectors for what a few sentences say of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from selfreward_eval.harness.errors import InputError

if TYPE_CHECKING:
    import torch

    from selfreward_eval.harness.instruments.backends.open_clip_loading import Clip

SCALE = 100.0
"""Logits are cosine similarities times this."""


def class_vectors(clip: Clip, sentences: Sequence[Sequence[str]], device: str) -> torch.Tensor:
    """One unit vector per class, as columns: (width, classes).

    A class is the normalised mean of the normalised embeddings of its sentences, as in clip_benchmark.

    Args:
        clip: the network.
        sentences: of every class, at least one each.
        device: where the network is.
    """
    import torch

    vectors = []
    for texts in sentences:
        embedded = clip.network.encode_text(clip.tokenise(list(texts)).to(device))
        mean = torch.nn.functional.normalize(embedded, dim=-1).mean(dim=0)
        vectors.append(mean / mean.norm())
    return torch.stack(vectors, dim=1)


def best(logits: Sequence[float], names: Sequence[str]) -> str:
    """The name with the largest logit; of equal ones the first.

    Raises:
        InputError: there is not one finite logit per name. The largest of numbers with a nan is the nan.
    """
    row = np.asarray(logits, dtype=np.float32)
    if row.shape != (len(names),) or not np.isfinite(row).all():
        raise InputError(
            f"{len(names)} classes need {len(names)} finite logits, got {row.tolist()}; the classifier is at "
            "fault"
        )
    return names[int(np.argmax(row))]
