"""Whether rewards mind an object too few or too many: in rendered scenes nothing but the number differs.

``python -m studies.composition.surplus`` prints, for every reward, how often the scene that is right has the
higher one of two; 0.5 is what a reward gets that sees no difference.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from selfreward_eval.harness.registry import registry
from selfreward_eval.rewarders.base import RewardSample
from selfreward_eval.rewarders.building import build
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.requests import FRAMES, Request, all_requests
from selfreward_eval.tasks.shapes.sampling import COLOUR_NAMES, choose, places
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import SHAPES

if TYPE_CHECKING:
    from selfreward_eval.rewarders.base import Rewarder

REWARDERS = ("dsr", "srum", "vqa", "detection")
PARTS = {
    "srum, the layout factor alone": "layout",
    "srum, the regions alone": "local",
    "srum, the map's mean": "map_mean",
}
"""What else the rewarder ``srum`` says -> its component."""


@dataclass(frozen=True)
class Case:
    """A prompt, a scene that is right and scenes that differ from it by their number of objects.

    Attributes:
        prompt: the wording.
        metadata: GenEval's clauses.
        right: the scene that fulfils it.
        others: what is different -> scene.
    """

    prompt: str
    metadata: Mapping[str, Any]
    right: Scene
    others: Mapping[str, Scene]

    @classmethod
    def of(cls, request: Request, right: Scene, others: Mapping[str, Scene]) -> Case:
        """The case of a request in its first wording."""
        prompt = FRAMES[0].format(request.content)
        return cls(prompt, request.metadata(prompt), right, others)


def _by_objects(tag: str) -> dict[tuple[tuple[str, int], ...], Request]:
    """(form, number) of every clause -> request."""
    clauses = {request: [dict(clause) for clause in request.include] for request in all_requests(tag)}
    return {
        tuple((one["class"], one["count"]) for one in found): request for request, found in clauses.items()
    }


def cases(count: int, seed: int = 0) -> Iterator[Case]:
    """``count`` prompts with a number, and as many for two objects without one."""
    rng = np.random.default_rng(seed)
    numbered, two = _by_objects("counting"), _by_objects("two_object")
    for _ in range(count):
        form, colour, number = choose(rng, SHAPES), choose(rng, COLOUR_NAMES), int(rng.integers(2, 4))
        row = [Thing(form, colour, x, y) for x, y in places(rng, number + 2)]
        yield Case.of(
            numbered[((form, number),)],
            Scene(tuple(row[:number])),
            {
                "a number: one too few": Scene(tuple(row[: number - 1])),
                "a number: one too many": Scene(tuple(row[: number + 1])),
                "a number: two too many": Scene(tuple(row)),
            },
        )
        forms = [SHAPES[k] for k in rng.permutation(len(SHAPES))[:3]]
        first, second, third = (
            Thing(one, choose(rng, COLOUR_NAMES), x, y)
            for one, (x, y) in zip(forms, places(rng, 3), strict=True)
        )
        again = Thing(first.form, first.colour, third.x, third.y)
        yield Case.of(
            two[tuple((form, 1) for form in forms[:2])],
            Scene((first, second)),
            {
                "two objects: one missing": Scene((first,)),
                "two objects: one of them twice": Scene((first, second, again)),
                "two objects: a third one": Scene((first, second, third)),
            },
        )


def preferred(given: Sequence[Case], rewarders: Mapping[str, Rewarder]) -> dict[str, dict[str, float]]:
    """Difference -> reward -> share of pairs in which the right scene has the higher reward, ties half."""
    won: dict[str, dict[str, list[float]]] = {}
    for case in given:
        right = rewards(case, case.right, rewarders)
        for what, scene in case.others.items():
            for name, value in rewards(case, scene, rewarders).items():
                share = float(right[name] > value) + 0.5 * float(right[name] == value)
                won.setdefault(what, {}).setdefault(name, []).append(share)
    return {what: {name: float(np.mean(row)) for name, row in row_of.items()} for what, row_of in won.items()}


def rewards(case: Case, scene: Scene, rewarders: Mapping[str, Rewarder]) -> dict[str, float]:
    """Every reward of a rendered scene.

    Raises:
        ValueError: a rewarder has none for it.
    """
    from PIL import Image as PillowImage

    sample = RewardSample(PillowImage.fromarray(render(scene)), metadata=case.metadata)
    found: dict[str, float] = {}
    for name, rewarder in rewarders.items():
        (reward,) = rewarder.score([case.prompt], [sample])
        if reward.value is None:
            raise ValueError(
                f"{name} has no reward for {case.prompt!r}: {reward.status.value} {reward.reason}"
            )
        found[name] = reward.value
        found |= {
            title: reward.components[part] for title, part in PARTS.items() if part in reward.components
        }
    return found


def main() -> None:
    """Prints the table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=40, help="of each kind")
    count = parser.parse_args().prompts
    model = registry("models").load("tiny")()
    found = preferred(list(cases(count)), {name: build(name, model, world="shapes") for name in REWARDERS})
    names = list(next(iter(found.values())))
    print(f"| {count} pairs each | " + " | ".join(names) + " |")
    print("| --- " * (1 + len(names)) + "|")
    for what, shares in found.items():
        print(f"| {what} | " + " | ".join(f"{shares[name]:.2f}" for name in names) + " |")


if __name__ == "__main__":
    main()
