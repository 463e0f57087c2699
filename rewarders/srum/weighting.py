"""What the reward map does to a loss: each place weighs R + lambda.

The objective is mean(R * e_bad) + lambda * mean(e_good), where e_bad is the error against the
picture that was scored and e_good the one against the picture that is kept close to. As released
both pictures are the same, and the two terms become one: mean((R + lambda) * e).

Everything here is arithmetic, so that NumPy arrays and torch tensors (with gradients) both do.

Source: arXiv:2510.12784, eq. 1-3; WayneJin0918/SRUM at a53ba18, ``modeling/bagel/bagel.py``.
"""

from __future__ import annotations

from typing import Any

CONSTRAINT = 0.5
"""lambda of the paper and of the released script; the script's own default is 0.1."""


def weights(reward: Any, constraint: float = CONSTRAINT) -> Any:
    """R + lambda, the weight of every place's error where one picture serves as both."""
    return reward + constraint


def constrained(reward: Any, error: Any, kept_error: Any, constraint: float = CONSTRAINT) -> Any:
    """The objective over places, a scalar.

    Args:
        reward: alpha * R at every place, broadcastable to the errors.
        error: squared velocity error (or a token's negative log-likelihood) against the scored picture.
        kept_error: the same against the picture that is kept close to.
        constraint: lambda.
    """
    return (reward * error).mean() + constraint * kept_error.mean()
