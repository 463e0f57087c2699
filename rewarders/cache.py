"""Rewards on disk: a sample that was scored is not scored again, by this process or any other.

One file per (picture, caption, prompt, metadata, rewarder's identity), the identity of a self-rewarder
naming the model's snapshot. Files are written beside their place and renamed into it, so that any
number of processes may share a folder: two that score the same sample write the same file, and a
reader sees a whole file or none. Only successes are kept; what failed is tried again.

>>> cached = CachedRewarder(ConstantReward(), "cache")  # doctest: +SKIP
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.files import atomic_write_text
from selfreward_eval.harness.records import Status, fingerprint
from selfreward_eval.harness.runs.store import sanitise
from selfreward_eval.rewarders.base import Reward, Rewarder, RewardSample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCHEMA = 1
MAX_PIXELS = 1 << 26
"""A map that claims more is not unpacked."""


class CachedRewarder(Rewarder):
    """A rewarder with a cache on disk.

    Args:
        rewarder: scores what is not in the cache. One whose values depend on a group cannot be
            cached; its parts can.
        folder: of the cache; made if it does not exist.
    """

    def __init__(self, rewarder: Rewarder, folder: str | Path) -> None:
        if rewarder.info.groupwise:
            raise UsageError(
                f"the rewarder {rewarder.info.name!r} depends on a sample's group and cannot be cached; "
                "cache its parts"
            )
        self.rewarder, self.folder = rewarder, Path(folder)
        self.info = rewarder.info
        self.hits = self.misses = 0

    def identity(self) -> dict[str, Any]:
        return self.rewarder.identity()

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        return self.rewarder.measure(prompts, samples)

    def score(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        """As the rewarder's own; equal samples of one call are scored once.

        Raises:
            UsageError: not as many prompts as samples.
            OSError: the folder cannot be written.
        """
        if len(prompts) != len(samples):
            return self.rewarder.score(prompts, samples)
        folder = self._own_folder()
        keys = [key(prompt, sample) for prompt, sample in zip(prompts, samples, strict=True)]
        rewards: dict[str, Reward] = {}
        missing: dict[str, int] = {}
        for k, name in enumerate(keys):
            if name not in rewards and name not in missing:
                stored = read(folder / name[:2] / f"{name}.json")
                if stored is None:
                    missing[name] = k
                else:
                    rewards[name] = stored
        self.hits += len(keys) - len(missing)
        self.misses += len(missing)
        fresh = self.rewarder.score(
            [prompts[k] for k in missing.values()], [samples[k] for k in missing.values()]
        )
        for name, reward in zip(missing, fresh, strict=True):
            rewards[name] = reward
            if reward.ok:
                write(folder / name[:2] / f"{name}.json", reward)
        return [rewards[name] for name in keys]

    def _own_folder(self) -> Path:
        """The rewarder's own folder, with its identity in a readable file."""
        identity = self.rewarder.identity()
        folder = self.folder / f"{sanitise(self.info.name)}-{fingerprint(identity)[:16]}"
        folder.mkdir(parents=True, exist_ok=True)
        described = folder / "identity.json"
        if not described.exists():
            atomic_write_text(described, json.dumps(identity, indent=2, default=str) + "\n", durable=False)
        return folder


def key(prompt: str, sample: RewardSample) -> str:
    """64 hex digits over everything of a sample that a reward may depend on."""
    return fingerprint([sample.sha256, sample.text, prompt, dict(sample.metadata)])


def write(path: Path, reward: Reward) -> None:
    """Stores a reward, whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(to_json(reward), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Not synced: what a power cut loses is scored again.
    atomic_write_text(path, text + "\n", durable=False)


def read(path: Path) -> Reward | None:
    """A stored reward; None if there is none, or the file is not one: it is then scored and written anew."""
    try:
        return from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, zlib.error):
        return None


def to_json(reward: Reward) -> dict[str, Any]:
    """A reward as JSON values; its map as packed float32, without loss."""
    return {
        "schema": SCHEMA,
        "value": reward.value,
        "components": dict(reward.components),
        "map": None if reward.map is None else pack(reward.map),
        "per_token": None if reward.per_token is None else list(reward.per_token),
        "status": str(reward.status),
        "reason": reward.reason,
        "evidence": dict(reward.evidence),
        "source": reward.source,
    }


def from_json(data: dict[str, Any]) -> Reward:
    """The reward behind :func:`to_json`.

    Raises:
        ValueError, KeyError, TypeError, zlib.error: not a reward, or one of another schema.
    """
    if data["schema"] != SCHEMA:
        raise ValueError(f"a reward of schema {data['schema']}, this version reads {SCHEMA}")
    return Reward(
        data["value"],
        data["components"],
        None if data["map"] is None else unpack(data["map"]),
        None if data["per_token"] is None else tuple(data["per_token"]),
        Status(data["status"]),
        data["reason"],
        data["evidence"],
        data["source"],
    )


def pack(values: NDArray[np.float32]) -> dict[str, Any]:
    """A map as text: its shape, and its float32 numbers compressed (few values, so they shrink well)."""
    import numpy as np

    raw = np.ascontiguousarray(values, dtype="<f4").tobytes()
    return {"shape": list(values.shape), "zlib_f4": base64.b64encode(zlib.compress(raw)).decode("ascii")}


def unpack(data: dict[str, Any]) -> NDArray[np.float32]:
    """The map behind :func:`pack`; what unpacks to another size than it claims is refused.

    Raises:
        ValueError: it is none.
    """
    import numpy as np

    height, width = (int(size) for size in data["shape"])
    if not (height > 0 and width > 0 and height * width <= MAX_PIXELS):
        raise ValueError(f"a map of {height} x {width}")
    unpacking = zlib.decompressobj()
    raw = unpacking.decompress(base64.b64decode(data["zlib_f4"], validate=True), height * width * 4 + 1)
    if len(raw) != height * width * 4:
        raise ValueError(f"a map of {height} x {width} with {len(raw)} bytes")
    return np.frombuffer(raw, dtype="<f4").reshape(height, width).astype(np.float32)
