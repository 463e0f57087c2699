"""How large the known benchmarks are, for planning before anything is run.

Sizes only; the prompts stay with their authors. Sources are the files that the tasks
load, at the commits that they pin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from selfreward_eval.harness.errors import UnknownName, did_you_mean

__all__ = ["BENCHMARKS", "BenchmarkSize", "benchmark_size"]


@dataclass(frozen=True)
class BenchmarkSize:
    """The design of one benchmark.

    Attributes:
        title: its name in print and what its score is.
        strata: category -> independent units; one entry for a plain mean.
        images: pictures (or answers) per prompt in the protocol.
        unit: what is independent of one another.
    """

    title: str
    strata: Mapping[str, int]
    images: int
    unit: str = "prompts"

    @property
    def units(self) -> int:
        """All of them."""
        return sum(self.strata.values())


_COMPBENCH = (
    "color", "shape", "texture", "spatial", "3d_spatial", "non_spatial", "numeracy", "complex",
)  # fmt: skip

BENCHMARKS: Mapping[str, BenchmarkSize] = {
    "geneval": BenchmarkSize(
        "GenEval, unweighted mean of 6 categories",
        {
            "single_object": 80, "two_object": 99, "counting": 80, "colors": 94, "position": 100,
            "color_attr": 100,
        },
        4,
    ),
    "compbench": BenchmarkSize(
        "T2I-CompBench++ validation, unweighted mean of 8 categories", dict.fromkeys(_COMPBENCH, 300), 10
    ),
    "compbench-category": BenchmarkSize("T2I-CompBench++ validation, one category", {"": 300}, 10),
    "reasonbench": BenchmarkSize(
        "T2I-ReasonBench, unweighted mean of 4 categories",
        dict.fromkeys(("idiom", "textual", "entity", "scientific"), 200),
        1,
    ),
    "llava-w": BenchmarkSize(
        "LLaVA-Bench in the wild, 60 questions about 24 pictures", {"": 24}, 1, unit="pictures asked about"
    ),
}  # fmt: skip
"""Name on the command line -> its design."""


def benchmark_size(name: str) -> BenchmarkSize:
    """The design of a benchmark.

    Raises:
        UnknownName: no such benchmark; the message offers the nearest one.
    """
    if name in BENCHMARKS:
        return BENCHMARKS[name]
    hint = did_you_mean(name, BENCHMARKS)
    raise UnknownName(f"the size of benchmark {name!r} is not known; {hint}, or give --items and --images")
