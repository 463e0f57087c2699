"""T2I-CompBench++: do attributes, relations, counts and actions in a picture follow the prompt?

Papers: Huang et al., "T2I-CompBench", NeurIPS 2023, and "T2I-CompBench++",
TPAMI 2025. Protocol, licence, parity and what cannot be compared are in this
folder's ``README.md``; an item is shown in ``items.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.base import (
    VQA,
    DepthEstimator,
    Detector,
    ImageTextScorer,
    Instrument,
)
from selfreward_eval.harness.instruments.build import build, identities
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord
from selfreward_eval.harness.seeds import sample_seed
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.tasks.categories import chosen_categories
from selfreward_eval.tasks.t2i_compbench.data import CATEGORIES, COLOUR_LISTS, DATA_FILES, require_colour_list
from selfreward_eval.tasks.t2i_compbench.settings import METRIC, THRESHOLDS, Protocol, Settings, roles

if TYPE_CHECKING:
    from PIL.Image import Image

NAME = "t2i_compbench"

VERSION = "1"
"""Version of prompts and pictures; :func:`version` appends what measures them."""

OFFICIAL_SEED = 42
"""Upstream seeds picture k of every prompt with this plus k."""

FACTS = ("shipped", "spacy")

CONTRACTS: dict[str, type] = {
    "detector": Detector,
    "depth": DepthEstimator,
    "vqa": VQA,
    "similarity": ImageTextScorer,
}
"""Role -> what its instrument must implement."""


def version(
    detector: str,
    protocol: Protocol = "official",
    colour_list: str = COLOUR_LISTS[0],
    facts: str = FACTS[0],
    spacy_model: str | None = None,
) -> str:
    """The task's version: ``1-grounding_dino``, ``fixed-1-owlv2``, ``1-owlv2-colours2023-spacy`` ...

    Upstream's detector has no port, so every detector in its place defines another benchmark.
    """
    parts = [VERSION, detector]
    if protocol != "official":
        parts.insert(0, protocol)
    if colour_list != COLOUR_LISTS[0]:
        parts.append(f"colours{colour_list}")
    if facts != FACTS[0]:
        parts.append(facts if spacy_model is None else f"{facts}-{spacy_model}")
    return "-".join(parts)


def information(task_version: str, detector: str) -> TaskInfo:
    """The task's description with this detector."""
    return TaskInfo(
        name=NAME,
        version=task_version,
        title="T2I-CompBench++: attributes, relations, counts and actions in 2,400 prompts",
        paper="https://arxiv.org/abs/2307.06350",
        images_per_item=10,
        capability="generate",
        seed_policies=("hashed", "official"),
        licence="MIT",
        comparable=(
            f"no: {detector} stands in for UniDet in spatial, 3d_spatial, numeracy and complex; color, shape "
            "and texture need BLIP at 480 pixels with its original positions and upstream's noun chunks; "
            "non_spatial is upstream's with OpenAI's ViT-B/32; the overall score is this project's, upstream "
            "defines none"
        ),
    )


class T2ICompBench(Task):
    """The official benchmark on real instruments.

    Args:
        categories: some of the eight, joined by ``+`` or as a sequence; all of them if empty.
        protocol: ``official``, including the rules' bugs, or ``fixed``.
        colour_list: version of the colour prompts, ``2025-09`` or ``2023``.
        facts: whose tokens, tags and noun chunks: ``shipped`` for those of our own rules, ``spacy`` for
            those of spaCy's en_core_web_sm 3.8.0, which are shipped too. Upstream pins 3.5.0.
        spacy_model: with ``facts=spacy``, an installed model of spaCy that reads the prompts instead.
        detector: registry name of the detector.
        detector_args: its constructor's arguments.
        labels: JSON file with the vocabulary of a closed-vocabulary detector; without it the labels
            are each prompt's own nouns.
        threshold: score that a detection must exceed; by default the detector's own, see ``settings``.
        depth: registry name of the depth estimator.
        depth_args: its constructor's arguments.
        vqa: registry name of the VQA model.
        vqa_args: its constructor's arguments.
        similarity: registry name of the image-text scorer.
        similarity_args: its constructor's arguments.

    Instruments are built when they are first needed and load their weights when first used; those
    that no chosen category needs are never built.

    Raises:
        UsageError: no such category, protocol, colour list or source of facts, or a ``spacy_model`` for
            facts that no model reads.
        InputError: the label file cannot be read.
    """

    info = information(version("grounding_dino"), "grounding_dino")
    # A cosine may be negative, so the range begins at -1 although seven of the rules never go below 0.
    metrics = (Metric(METRIC, range=(-1.0, 1.0)),)
    data_files = DATA_FILES

    def __init__(
        self,
        categories: str | Sequence[str] = "",
        protocol: Protocol = "official",
        colour_list: str = COLOUR_LISTS[0],
        facts: str = FACTS[0],
        spacy_model: str | None = None,
        detector: str = "grounding_dino",
        detector_args: Mapping[str, Any] | None = None,
        labels: str | None = None,
        threshold: float | None = None,
        depth: str = "dpt_depth",
        depth_args: Mapping[str, Any] | None = None,
        vqa: str = "blip_vqa",
        vqa_args: Mapping[str, Any] | None = None,
        similarity: str = "open_clip",
        similarity_args: Mapping[str, Any] | None = None,
    ) -> None:
        self.categories = chosen_categories(categories, CATEGORIES, NAME)
        self.colour_list = require_colour_list(colour_list)
        if facts not in FACTS:
            raise UsageError(f"t2i_compbench reads facts from {' or '.join(FACTS)}, got facts={facts!r}")
        if spacy_model is not None and facts != "spacy":
            raise UsageError(
                f"t2i_compbench: spacy_model={spacy_model} reads nothing with facts={facts}; add "
                "facts=spacy, or leave it out"
            )
        self.facts, self.spacy_model = facts, spacy_model
        self.settings = Settings(protocol, **_detection(detector, labels, threshold))
        self._named = {
            "detector": (detector, detector_args),
            "depth": (depth, depth_args),
            "vqa": (vqa, vqa_args),
            "similarity": (similarity, similarity_args),
        }
        self._built: dict[str, Instrument] = {}
        self.info = information(version(detector, protocol, self.colour_list, facts, spacy_model), detector)

    def items(self) -> Sequence[Item]:
        """300 prompts of every chosen category, in official order.

        Raises:
            MissingData: the official files are not on this machine.
            MissingExtra: ``spacy_model`` without spaCy.
        """
        return self._items

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        """``score`` of every sample by its category's rule, with its evidence."""
        from selfreward_eval.tasks.t2i_compbench.items import facts_of
        from selfreward_eval.tasks.t2i_compbench.measuring import Instruments, measure_batch

        facts = {item.id: facts_of(item) for item in items}
        wanted = [facts[sample.item_id] for sample in samples]
        needed = roles([prompt.category for prompt in wanted])
        given: dict[str, Any] = {role: self.instrument(role) for role in needed}
        instruments = Instruments(**given)
        return measure_batch(wanted, images, instruments, self.settings)

    def instrument(self, role: str) -> Instrument:
        """The instrument of a role (detector, depth, vqa, similarity), built on first use.

        Raises:
            UsageError: the named instrument cannot fill the role.
        """
        if role not in self._built:
            name, arguments = self._named[role]
            built = build(name, arguments)
            fits = isinstance(built, CONTRACTS[role])
            if not fits:
                raise UsageError(
                    f"task {self.info.name!r}: the instrument {name!r} is not a {CONTRACTS[role].__name__}; "
                    f"name another as {role}"
                )
            self._built[role] = built
        return self._built[role]

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        """Identity of every instrument that the chosen categories need; their weights must be here."""
        getters = {role: partial(self.instrument, role) for role in roles(self.categories)}
        return identities(self.info.name, getters)

    def options(self) -> Mapping[str, Any]:
        """The chosen settings, and where facts and labels come from."""
        from selfreward_eval.harness.records import fingerprint
        from selfreward_eval.tasks.t2i_compbench.facts import shipped_identity
        from selfreward_eval.tasks.t2i_compbench.spacy_facts import spacy_identity

        labels = self.settings.labels
        return {
            "categories": list(self.categories),
            "protocol": self.settings.protocol,
            "colour_list": self.colour_list,
            "facts": shipped_identity() if self.facts == "shipped" else spacy_identity(self.spacy_model),
            "threshold": self.settings.threshold,
            "labels": "the prompt's own nouns" if labels is None else fingerprint(list(labels)),
        }

    def extra(self, records: Sequence[SampleRecord]) -> dict[str, float]:
        """The share of spatial prompts that UniDet has labels for, and the score over those alone."""
        from selfreward_eval.tasks.t2i_compbench.coverage import covered_scores

        return covered_scores(records, METRIC)

    def seed(self, item: Item, index: int, run_seed: int, policy: str) -> int:
        """The seed of picture ``index``.

        ``official`` gives 42 + ``index`` for every prompt, as upstream, whatever the run's seed.
        ``hashed`` does not depend on detector or protocol, so all of them measure the same pictures.
        """
        if policy == "official":
            return OFFICIAL_SEED + index
        if policy == "hashed":
            return sample_seed(f"{NAME}@{VERSION}", item.id, index, run_seed)
        return super().seed(item, index, run_seed, policy)

    @cached_property
    def _items(self) -> tuple[Item, ...]:
        from selfreward_eval.tasks.t2i_compbench.facts import shipped
        from selfreward_eval.tasks.t2i_compbench.items import load_items
        from selfreward_eval.tasks.t2i_compbench.spacy_facts import from_spacy

        source = shipped if self.facts == "shipped" else partial(from_spacy, model=self.spacy_model)
        return tuple(load_items(self.categories, self.colour_list, source))


def _detection(detector: str, labels: str | None, threshold: float | None) -> dict[str, Any]:
    """The settings that depend on the detector."""
    from selfreward_eval.tasks.t2i_compbench.coverage import read_labels

    options: dict[str, Any] = {}
    if labels is not None:
        options["labels"] = read_labels(Path(labels).expanduser())
    score = THRESHOLDS.get(detector) if threshold is None else threshold
    return options if score is None else {**options, "threshold": float(score)}
