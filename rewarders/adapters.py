"""Rewarders as the callables that other trainers take.

TRL's GRPO (``reward_funcs``)::

    trainer = GRPOTrainer(..., reward_funcs=[as_trl(ClipReward())])

flow_grpo (``flow_grpo/rewards.py``, a factory's ``_fn``)::

    score_functions["srum"] = lambda device: as_flow_grpo(SrumReward(model))

A sample that could not be scored is None for TRL, which skips it. flow_grpo has no such value, so
there it is an error, or NaN if asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from selfreward_eval.harness.errors import SelfRewardError, UsageError
from selfreward_eval.rewarders.base import Rewarder, RewardSample

if TYPE_CHECKING:
    from PIL.Image import Image

Message = Mapping[str, Any]


def as_trl(
    rewarder: Rewarder, *, images: str = "completions", metadata: str | None = None
) -> Callable[..., list[float | None]]:
    """A reward function ``(prompts, completions, **columns) -> list[float | None]``.

    Args:
        rewarder: the rewarder.
        images: where the pictures are: ``completions``, or the name of a column; in that case
            completions are captions of these pictures, and they are what is rewarded.
        metadata: name of a column with each item's metadata, such as GenEval's row.

    The function's name is the rewarder's, as TRL's logs show it. Prompts and captions may be texts
    or conversations, of which the last message counts.
    """

    def reward(
        prompts: Sequence[Any], completions: Sequence[Any] | None = None, **columns: Any
    ) -> list[float | None]:
        pictures = completions if images == "completions" else columns.get(images)
        if pictures is None:
            raise UsageError(f"the rewarder {name!r} got no {images!r} to take pictures from")
        captions = None if images == "completions" else completions
        rows = _column(columns, metadata, len(prompts), name)
        samples = [
            RewardSample(
                _picture(picture, name),
                text=None if captions is None else _text(captions[k]),
                metadata=rows[k],
            )
            for k, picture in enumerate(pictures)
        ]
        rewards = rewarder.score([_text(prompt) for prompt in prompts], samples)
        return [_oriented(rewarder, reward.value) for reward in rewards]

    name = rewarder.info.name
    reward.__name__ = reward.__qualname__ = name
    return reward


def as_flow_grpo(
    rewarder: Rewarder, *, unscored: Literal["raise", "nan"] = "raise"
) -> Callable[[Any, Sequence[str], Sequence[Any]], tuple[list[float], dict[str, Any]]]:
    """A function ``(images, prompts, metadata) -> (scores, {})``.

    Args:
        rewarder: the rewarder.
        unscored: what becomes of a sample without a value: ``raise``, or ``nan``.

    Images are a float tensor (N, 3, H, W) in [0, 1], a uint8 array (N, H, W, 3), or PIL pictures.
    """
    if unscored not in ("raise", "nan"):
        raise UsageError(f"unscored samples cannot be treated as {unscored!r}; known: raise, nan")

    def _fn(
        images: Any, prompts: Sequence[str], metadata: Sequence[Any]
    ) -> tuple[list[float], dict[str, Any]]:
        rows = [row if isinstance(row, Mapping) else {} for row in metadata or [{}] * len(prompts)]
        samples = [
            RewardSample(picture, metadata=row) for picture, row in zip(pictures(images), rows, strict=True)
        ]
        scores = []
        for k, reward in enumerate(rewarder.score(list(prompts), samples)):
            value = _oriented(rewarder, reward.value)
            if value is None and unscored == "raise":
                raise SelfRewardError(
                    f"the rewarder {rewarder.info.name!r} could not score picture {k} of {prompts[k]!r}: "
                    f"{reward.reason}; correct it, or pass unscored='nan' and drop NaN scores"
                )
            scores.append(float("nan") if value is None else value)
        return scores, {}

    return _fn


def pictures(images: Any) -> list[Image]:
    """PIL pictures of a batch.

    Args:
        images: floats (N, 3, H, W) in [0, 1], rounded to 8 bits as flow_grpo does; uint8 (N, H, W, 3);
            or pictures already.

    Raises:
        UsageError: it is none of these.
    """
    import numpy as np
    from PIL import Image as PillowImage

    if isinstance(images, Sequence):
        return [_picture(image, "flow_grpo") for image in images]
    if hasattr(images, "detach"):
        images = images.detach().float().cpu().numpy()
    array = np.asarray(images)
    if array.ndim == 4 and array.shape[1] == 3 and np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all():
            raise UsageError("the pictures hold values that are no finite numbers; look at the decoder")
        array = (array * 255).round().clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    if array.ndim != 4 or array.shape[3] != 3 or array.dtype != np.uint8:
        raise UsageError(
            f"pictures of shape {array.shape} and type {array.dtype} are not understood; give floats "
            "(N, 3, H, W) in [0, 1] or uint8 (N, H, W, 3)"
        )
    return [PillowImage.fromarray(np.ascontiguousarray(picture)) for picture in array]


def _picture(value: Any, needed_by: str) -> Image:
    """A picture, alone or as the only one in a list or a message."""
    from PIL import Image as PillowImage

    while isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping):
        content = value.get("content", value.get("image"))
        parts = content if isinstance(content, list) else [content]
        shown = [part.get("image") if isinstance(part, Mapping) else part for part in parts]
        value = next((one for one in shown if isinstance(one, PillowImage.Image)), None)
    if not isinstance(value, PillowImage.Image):
        raise UsageError(f"{needed_by} got {type(value).__name__} where one PIL picture is needed")
    return value


def _text(value: Any) -> str:
    """A text, or what the last message of a conversation says."""
    if isinstance(value, str):
        return value
    last = value[-1] if isinstance(value, Sequence) and value else value
    content = last.get("content") if isinstance(last, Mapping) else None
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    raise UsageError(f"a prompt of type {type(value).__name__} is neither text nor conversation")


def _column(
    columns: Mapping[str, Any], name: str | None, size: int, rewarder: str
) -> list[Mapping[str, Any]]:
    """Every sample's metadata; empty where no column is named."""
    if name is None:
        return [{} for _ in range(size)]
    if name not in columns:
        raise UsageError(f"the rewarder {rewarder!r} got no column {name!r}; it is to hold the metadata")
    return [row if isinstance(row, Mapping) else {} for row in columns[name]]


def _oriented(rewarder: Rewarder, value: float | None) -> float | None:
    """The value so that more is better: trainers maximise."""
    return value if value is None or rewarder.info.higher_is_better else -value
