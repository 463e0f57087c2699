"""The recipe: stages, steps, seeds and what is taught when.

It is what the training of the shipped model arrived at; the weights' card says where the two differ.
"""

from __future__ import annotations

from dataclasses import dataclass

STAGES = ("codec", "codec-fine", "understand", "question", "unify")


@dataclass(frozen=True)
class Recipe:
    """Steps, seeds and batch sizes of one training.

    Attributes:
        codec: steps of the codec's first stage, without a codebook.
        codec_fine: steps of its second stage, with one.
        understand: schedule and end of the first understanding stage, where all tokens weigh the same.
        question: schedule and end of the second one, where short answers weigh more.
        unify: steps of the joint stage.
        keep: steps of the joint stage at which weights are kept for good.
        unify_asked: pictures asked about per joint step.
        unify_drawn: pictures drawn per joint step.
        lookup: joint steps, from and up to, in which questions ask for one property mostly.
        ground_from: joint step from which the grounding term counts.
        answer_weight: weight of the answers' loss beside the grounding term.
        draw_weight: weight of the drawings' loss beside the grounding term.
        relation: joint steps, from and up to, in which most questions ask for a relation.
        binding: joint steps, from and up to, in which most prompts ask for one coloured object.
        codebook_pictures: pictures whose encodings the codebook starts from.
        seed: of weights and batches.
        compile: compile the losses; faster, needs a C++ compiler, rounds differently.
        threads: CPU threads.
    """

    codec: int = 5000
    codec_fine: int = 2000
    understand: tuple[int, int] = (4500, 2000)
    question: tuple[int, int] = (4000, 250)
    unify: int = 4200
    keep: tuple[int, ...] = (*range(200, 1000, 200), *range(1000, 4200, 250))
    unify_asked: int = 48
    unify_drawn: int = 64
    lookup: tuple[int, int] = (750, 2100)
    ground_from: int = 1500
    answer_weight: float = 2.0
    draw_weight: float = 2.0
    binding: tuple[int, int] = (2000, 2800)
    relation: tuple[int, int] = (2750, 4200)
    codebook_pictures: int = 4096
    codec_batch: int = 32
    batch: int = 64
    seed: int = 0
    compile: bool = False
    threads: int = 2

    def focus(self, step: int) -> str:
        """What the questions of a joint step ask about mostly; see ``mixture.understanding_batch``."""
        for name, (first, end) in (("lookup", self.lookup), ("relation", self.relation)):
            if first <= step < end:
                return name
        return "all"
