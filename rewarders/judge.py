"""A judge's score as a reward: asked and read as ``t2i_compbench_vlm`` asks and reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample
from selfreward_eval.rewarders.building import instrument

if TYPE_CHECKING:
    from selfreward_eval.harness.instruments.judging import Judge

FULL = 100.0
"""The score that becomes a reward of 1."""


class JudgeReward(Rewarder):
    """A judge's 0 to 100, as a number in [0, 1].

    Args:
        judge: a :class:`~selfreward_eval.harness.instruments.judging.Judge` that reads pictures, or its
            registry name.
        judge_args: its constructor's arguments, for a name.
        instruction: file with the judge's instruction, ``{prompt}`` for the prompt; it must ask for
            JSON with a ``score`` from 0 to 100. By default that of ``t2i_compbench_vlm``.
    """

    info = RewarderInfo(
        "judge",
        "1",
        "How well a judge finds that the picture fits the prompt",
        "external",
        (0.0, 1.0),
        needs=("judge",),
        paper="https://arxiv.org/abs/2510.12784",
    )

    def __init__(
        self,
        judge: Judge | str,
        judge_args: Mapping[str, Any] | None = None,
        instruction: str | Path | None = None,
    ) -> None:
        self.judge: Judge = instrument(judge, judge_args, "replies", "judge")
        self._template = _read_instruction(instruction)

    def identity(self) -> dict[str, Any]:
        digest = sha256(self._template.encode("utf-8")).hexdigest()
        return self.described(judge=self.judge.identity(), instruction_sha256=digest)

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        from selfreward_eval.harness.instruments.judging import Turn
        from selfreward_eval.tasks.t2i_compbench_vlm.task import measurement_of

        replies = self.judge.replies(
            [
                [Turn("user", self._template.replace("{prompt}", prompt), (sample.image,))]
                for prompt, sample in zip(prompts, samples, strict=True)
            ]
        )
        rewards = []
        for measured in map(measurement_of, replies):
            if measured.ok:
                score = measured.values["judgement"]
                rewards.append(Reward(score / FULL, {"score": score}, evidence=measured.evidence))
            else:
                rewards.append(Reward.unscored(measured.status, measured.reason, measured.evidence))
        return rewards


def _read_instruction(instruction: str | Path | None) -> str:
    """The judge's instruction, with ``{prompt}`` in it.

    Raises:
        InputError: the file cannot be read, or leaves the prompt out.
    """
    if instruction is None:
        from selfreward_eval.tasks.t2i_compbench_vlm.task import INSTRUCTION

        return INSTRUCTION.read_text(encoding="utf-8").strip()
    try:
        text = Path(instruction).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the judge's instruction {instruction} cannot be read ({error})") from error
    if "{prompt}" not in text:
        raise InputError(f"the judge's instruction {instruction} has no {{prompt}} in it; add it")
    return text
