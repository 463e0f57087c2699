"""``shapes_t2i_compbench``: T2I-CompBench's eight categories in the shapes world, by its own rules.

Only items and instruments differ from ``t2i_compbench``: the oracle answers
the attribute questions, detects and reads depth from occlusion, and the tiny
CLIP gives the similarities. 192 prompts, 4 pictures each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.records import Item, Measurement, Sample
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.tasks.t2i_compbench.settings import METRIC, Protocol, Settings

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.tasks.t2i_compbench.measuring import Instruments

THRESHOLD = 0.3
"""An object counts if the oracle's score exceeds this, as in ``shapes_geneval``."""


def _information(name: str, title: str) -> TaskInfo:
    return TaskInfo(
        name=name,
        version="1",
        title=title,
        paper="Huang et al. 2023, arXiv:2307.06350 (rules); items are this project's",
        images_per_item=4,
        licence="Apache-2.0",
        comparable="not comparable with T2I-CompBench: same rules, other prompts and instruments",
    )


class ShapesCompBench(Task):
    """The embedded counterpart of T2I-CompBench; needs no download."""

    world = "shapes"
    info = _information(
        "shapes_t2i_compbench",
        "T2I-CompBench's rules on the shapes world: attributes, relations, counts, actions",
    )
    metrics = (Metric(METRIC, range=(-1.0, 1.0)),)
    protocol: Protocol = "official"

    def items(self) -> Sequence[Item]:
        from selfreward_eval.tasks.shapes.compbench.facts import facts
        from selfreward_eval.tasks.shapes.compbench.requests import evaluated

        return [
            Item(
                id=f"{request.category}-{k:03d}",
                text=request.text,
                category=request.category,
                metadata={**facts(request).to_json(), "unseen": request.unseen},
            )
            for k, request in enumerate(evaluated())
        ]

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        return self._instruments.identities()

    def options(self) -> Mapping[str, Any]:
        return {"protocol": self.protocol, "threshold": THRESHOLD}

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        """``score`` of every sample by its category's rule, with its evidence."""
        from selfreward_eval.tasks.shapes.compbench.facts import COUNTED
        from selfreward_eval.tasks.shapes.vocabulary import SHAPES
        from selfreward_eval.tasks.t2i_compbench.items import facts_of
        from selfreward_eval.tasks.t2i_compbench.measuring import measure_batch

        known = {item.id: facts_of(item) for item in items}
        settings = Settings(self.protocol, THRESHOLD, labels=SHAPES, nouns=COUNTED, resized=False)
        return measure_batch(
            [known[sample.item_id] for sample in samples], images, self._instruments, settings
        )

    @cached_property
    def _instruments(self) -> Instruments:
        from selfreward_eval.tasks.shapes.clip import TinyClip
        from selfreward_eval.tasks.shapes.oracle.depth import OracleDepth
        from selfreward_eval.tasks.shapes.oracle.detector import OracleDetector
        from selfreward_eval.tasks.shapes.oracle.vqa import OracleVQA
        from selfreward_eval.tasks.t2i_compbench.measuring import Instruments

        return Instruments(OracleDetector(whole=True), OracleDepth(), OracleVQA(), TinyClip())


class ShapesCompBenchFixed(ShapesCompBench):
    """The same items under the corrected rules, see ``tasks/t2i_compbench/README.md``."""

    info = _information(
        "shapes_t2i_compbench_fixed",
        "shapes_t2i_compbench by the corrected rules (axes, 'on top of', unscorable prompts)",
    )
    protocol: Protocol = "fixed"
