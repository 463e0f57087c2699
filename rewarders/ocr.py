"""OCR as a reward: how much of the text between a prompt's quotation marks is written in the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample
from selfreward_eval.rewarders.building import instrument

if TYPE_CHECKING:
    from selfreward_eval.harness.instruments.base import TextReader


class OcrReward(Rewarder):
    """The mean over the wanted texts of 1 - edits / length; a prompt without any has no reward.

    Args:
        reader: a :class:`~selfreward_eval.harness.instruments.base.TextReader`, or its registry name.
        reader_args: its constructor's arguments, for a name.
    """

    info = RewarderInfo(
        "ocr",
        "1",
        "How much of the quoted text is written in the picture, by OCR",
        "external",
        (0.0, 1.0),
        needs=("reader",),
        paper="https://arxiv.org/abs/2505.05470",
    )

    def __init__(
        self, reader: TextReader | str = "rapidocr", reader_args: Mapping[str, Any] | None = None
    ) -> None:
        self.reader: TextReader = instrument(reader, reader_args, "read_text", "reader")

    def identity(self) -> dict[str, Any]:
        return self.described(reader=self.reader.identity())

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        from selfreward_eval.tasks.written_text import likeness, wanted_texts

        wanted = [wanted_texts(prompt) for prompt in prompts]
        asked = [k for k, texts in enumerate(wanted) if texts]
        readings = self.reader.read_text([samples[k].image for k in asked]) if asked else []
        rewards = {}
        for k, lines in zip(asked, readings, strict=True):
            read = " ".join(line.text for line in lines)
            shares = [likeness(read, text) for text in wanted[k]]
            parts = {f"text_{number}": share for number, share in enumerate(shares, 1)}
            evidence = {"read": [line.text for line in lines], "wanted": wanted[k]}
            rewards[k] = Reward(fsum(shares) / len(shares), parts, evidence=evidence)
        nothing = Reward.unscored(
            Status.MEASUREMENT_ERROR, "the prompt has no text between quotation marks that could be read"
        )
        return [rewards.get(k, nothing) for k in range(len(samples))]
